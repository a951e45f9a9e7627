/* The sub-commands `cairn doctor` and `cairn plan`: argv[0] is the sub-command's name. They return the
 * exit status: 0 ok or warn, 1 fail, 2 not understood, 3 a facts file that is not valid. */
#ifndef DOCTOR_COMMAND_H
#define DOCTOR_COMMAND_H
#include "doctor/judge.h"

enum { EXIT_OK, EXIT_FAIL, EXIT_USAGE, EXIT_FACTS };

/* Seen outside libcairn-doctor.so, by the tool `cairn`. */
#define doctor_main cairn_doctor_main
#define plan_main cairn_plan_main
CAIRN_API int doctor_main(int argc, char **argv);
CAIRN_API int plan_main(int argc, char **argv);

/* One option: `value` takes its argument, `flag` is set. `list` takes several. */
typedef struct option {
    const char *name; /* "--root" */
    const char **value;
    bool *flag;
    const char **list;
    int *list_count;
    int list_room;
    bool optional; /* the value may be missing */
} option;
/* False with a message when an argument is not known. What is left over goes to `rest` (may be NULL). */
bool options_read(const option *options, int argc, char **argv, const char **rest);

cairn_language language_of(const char *option_value);
cairn_doctor_data *load_data(const char *directory);
cairn_facts *load_facts(const char *path);
void print_json(char *json); /* and frees it; "null" when NULL */

/* Printing for people. */
typedef struct printer {
    bool color;
    int columns;
    cairn_language language;
} printer;
printer printer_make(cairn_language language);
void print_facts(const printer *p, const cairn_facts *facts, const cairn_doctor_data *data);
void print_verdict(const printer *p, const cairn_verdict *verdict);
void print_plan(const printer *p, const cairn_verdict *verdict, bool all);
void print_matrix(const printer *p, const cairn_verdict *verdict, const cairn_doctor_data *data);
void print_candidates(const printer *p, const cairn_verdict *verdict);
void print_collect_env(const cairn_facts *facts, const cairn_verdict *verdict);

/* Shows each command of the failing findings, asks, and runs those that need no root. */
int run_fixes(const printer *p, const cairn_verdict *verdict, bool yes);

#endif
