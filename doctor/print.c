/* Text on a terminal: widths, wrapping, colour. */
#include "doctor/print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COLUMNS = 80 };

printer printer_make(cairn_language language)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    bool colored = isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") && !(no_color && *no_color);
    return (printer){.color = colored, .columns = COLUMNS, .language = language};
}

/* Bytes of the character at `p`, 1 for what is not UTF-8. */
static int character_bytes(const char *p)
{
    unsigned char c = (unsigned char)*p;
    int n = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    for (int i = 1; i < n; i++)
        if (((unsigned char)p[i] & 0xC0) != 0x80)
            return 1;
    return n;
}

/* CJK characters and full-width forms take three bytes from U+2E80 on, and two columns. */
static int character_columns(const char *p, int bytes)
{
    return bytes == 3 && (unsigned char)*p >= 0xE2 && !(*p == (char)0xE2 && (unsigned char)p[1] < 0xBA) ? 2
                                                                                                        : 1;
}

int text_columns(const char *text)
{
    int columns = 0;
    for (const char *p = text; *p;) {
        int n = character_bytes(p);
        columns += character_columns(p, n);
        p += n;
    }
    return columns;
}

static void put_character(const char *p, int bytes)
{
    if (bytes == 1 && ((unsigned char)*p < ' ' || *p == 0x7F || (unsigned char)*p >= 0x80))
        putchar('?');
    else
        fwrite(p, 1, (size_t)bytes, stdout);
}

void print_safe(const char *text)
{
    for (const char *p = text; *p;) {
        int n = character_bytes(p);
        put_character(p, n);
        p += n;
    }
}

/* The next piece that is not broken: a word, or one wide character. */
static int piece_bytes(const char *p, int *columns)
{
    int bytes = 0;
    *columns = 0;
    while (p[bytes] && p[bytes] != ' ' && p[bytes] != '\n') {
        int n = character_bytes(p + bytes), wide = character_columns(p + bytes, n);
        if (wide == 2 && bytes > 0)
            break;
        bytes += n;
        *columns += wide;
        if (wide == 2)
            break;
    }
    return bytes;
}

void print_wrapped(const printer *p, int indent, const char *text)
{
    int at = indent;
    bool space = false;
    while (*text) {
        if (*text == ' ' || *text == '\n') {
            space = at > indent;
            text++;
            continue;
        }
        int columns, bytes = piece_bytes(text, &columns);
        if (at > indent && at + space + columns > p->columns) {
            printf("\n%*s", indent, "");
            at = indent;
            space = false;
        }
        if (space)
            putchar(' ');
        for (int i = 0; i < bytes;) {
            int n = character_bytes(text + i);
            put_character(text + i, n);
            i += n;
        }
        at += space + columns;
        space = false;
        text += bytes;
    }
    putchar('\n');
}

void print_colored(const printer *p, color c, const char *text)
{
    static const char *const codes[] = {"0", "1", "1;31", "33", "32", "2"};
    if (p->color && c != COLOR_PLAIN)
        printf("\033[%sm", codes[c]);
    print_safe(text);
    if (p->color && c != COLOR_PLAIN)
        fputs("\033[0m", stdout);
}

void print_padded(const printer *p, color c, int columns, const char *text)
{
    print_colored(p, c, text);
    int pad = columns - text_columns(text);
    printf("%*s", pad > 1 ? pad : 1, "");
}
