/* Versions and compute capabilities as texts. */
#ifndef DOCTOR_VERSION_H
#define DOCTOR_VERSION_H
#include <stdbool.h>

/* -1, 0, 1: compares numbers between dots, as far as both go on with numbers; a missing one is 0, so
 * "12" equals "12.0". What follows the numbers ("+cu124", "-0ubuntu1", " (2026-07)") does not count. */
int version_compare(const char *a, const char *b);
/* The number at `index` (0 is the major), -1 when there is none. */
int version_part(const char *version, int index);
/* The numbers of `version` begin with all those of `prefix`: "2.6" matches "2.6.0", not "2.60". */
bool version_matches(const char *version, const char *prefix);
bool version_valid(const char *version); /* begins with a number, and has only numbers between its dots */

/* "8.9" -> 89, "12.1" -> 121; 0 when it is none. A trailing "?" of unsure data is accepted. */
int cc_parse(const char *text);

/* One entry of a list of architectures: "sm_90a", "compute_120", "8.6", "12.0+PTX". */
typedef struct arch {
    int cc;
    bool cubin, ptx;
    char suffix; /* 'a': this very capability only; 'f': its family */
} arch;
bool arch_parse(const char *text, arch *out);

#endif
