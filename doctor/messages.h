/* Failure messages: the table of those that are known, and what a log tells about the machine. */
#ifndef DOCTOR_MESSAGES_H
#define DOCTOR_MESSAGES_H
#include "doctor/judge.h"

/* The same facts, with what is not known filled from their messages ("PCI ID: 10de:2b85"). The copy
 * borrows the facts. NULL when out of memory. */
const cairn_facts *messages_add_facts(const cairn_facts *facts, arena *memory);

/* One known failure. */
typedef struct failure {
    const char *pattern; /* pieces between '*' must follow each other */
    const char *code;
    text_id why;
    const char *fix; /* may be NULL */
    const char *more;
} failure;
extern const failure failures[];
extern const int failure_count;
/* Where the pattern begins in the text, ignoring how its white space is laid out; NULL when nowhere. */
const char *failure_match(const char *pattern, const char *text);

#endif
