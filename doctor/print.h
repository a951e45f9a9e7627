/* Text on a terminal: widths, wrapping, colour. */
#ifndef DOCTOR_PRINT_H
#define DOCTOR_PRINT_H
#include "doctor/command.h"

typedef enum color { COLOR_PLAIN, COLOR_BOLD, COLOR_RED, COLOR_YELLOW, COLOR_GREEN, COLOR_GREY } color;

/* Columns that a text takes; a Chinese character takes two. */
int text_columns(const char *text);
/* Prints `text` from column `indent` on, broken between words (or between Chinese characters). The first
 * line is taken to stand at `indent` already. Control characters do not reach the terminal. */
void print_wrapped(const printer *p, int indent, const char *text);
void print_colored(const printer *p, color c, const char *text);
/* "Name      " padded to `columns`. */
void print_padded(const printer *p, color c, int columns, const char *text);
/* A line that must not be broken: a command. */
void print_safe(const char *text);

#endif
