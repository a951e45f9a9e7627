/* Reports of wrong arguments, as programs know them: xerbla_ and cblas_xerbla are called with the routine's name and the
 * argument's number, and a program that defines them is asked in the place of these. */
#include "blas/blas.h"
#include <cairn/blas.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who called the routine that calls xerbla_ now. */
static _Thread_local blas_origin origin;

/* The reference implementation shows this number to a cblas_xerbla of the program's own: whether the call whose argument is
 * wrong was row-major. Such programs do not start without it. */
CAIRN_API int RowMajorStrg;

static void stop_if_asked(void)
{
    const char *what = getenv("CAIRN_ON_ERROR");
    if (what && !strcmp(what, "abort"))
        abort();
}

void blas_wrong(caller c, int info)
{
    char name[8] = {"SDCZ"[c.t], 0};
    snprintf(name + 1, sizeof name - 1, "%-5s", c.name);
    origin = c.origin;
    if (c.origin != FROM_FORTRAN)
        RowMajorStrg = c.origin == FROM_C_ROWS;
    xerbla_(name, &info, 6);
    origin = FROM_FORTRAN;
}

/* From C, arguments count from the layout on, and the name is the function's. */
static void report_to_c(const char *name, int length, int info)
{
    char routine[16] = "cblas_";
    for (int i = 0; i < length && i < 6 && name[i] != ' '; i++)
        routine[6 + i] = (char)tolower((unsigned char)name[i]);
    cblas_xerbla(info + 1, routine, "");
}

/* Weak: a program that is linked with the archive may define either. */
#define OVERRIDABLE CAIRN_API __attribute__((weak))

OVERRIDABLE void xerbla_(const char *name, const int *info, size_t length)
{
    if (origin != FROM_FORTRAN) {
        report_to_c(name, (int)length, *info);
        return;
    }
    while (length > 0 && name[length - 1] == ' ')
        length--;
    fprintf(stderr, " ** On entry to %.*s parameter number %2d had an illegal value\n", (int)length, name, *info);
    stop_if_asked();
}

CAIRN_API void xerbla_array_(const char *name, const int *length, const int *info)
{
    xerbla_(name, info, (size_t)(*length < 0 ? 0 : *length > 32 ? 32 : *length));
}

CAIRN_API int lsame_(const char *a, const char *b) { return toupper((unsigned char)*a) == toupper((unsigned char)*b); }

/* A row-major call was computed with operands exchanged: where the argument stood in the program. */
static int place_in_rows(const char *routine, int info)
{
    static const struct { const char *part; int a, b, c, d; } exchanged[] = {
        {"gemm", 4, 5, 9, 11}, {"symm", 4, 5, 0, 0}, {"hemm", 4, 5, 0, 0}, {"trmm", 6, 7, 0, 0}, {"trsm", 6, 7, 0, 0},
        {"gemv", 3, 4, 0, 0}, {"gbmv", 3, 4, 5, 6}, {"ger", 2, 3, 6, 8}, {"her2k", 0, 0, 0, 0}, {"her2", 6, 8, 0, 0},
        {"hpr2", 6, 8, 0, 0},
    };
    for (size_t i = 0; i < sizeof exchanged / sizeof *exchanged; i++)
        if (strstr(routine, exchanged[i].part)) {
            const int from[] = {exchanged[i].a, exchanged[i].b, exchanged[i].c, exchanged[i].d};
            for (int j = 0; j < 4; j++)
                if (info && info == from[j])
                    return from[j ^ 1];
            break;
        }
    return info;
}

OVERRIDABLE void cblas_xerbla(int info, const char *routine, const char *form, ...)
{
    va_list arguments;
    va_start(arguments, form);
    if (info)
        fprintf(stderr, "Parameter %d to routine %s was incorrect\n", origin == FROM_C_ROWS ? place_in_rows(routine, info) : info,
                routine);
    vfprintf(stderr, form, arguments);
    va_end(arguments);
    stop_if_asked();
}
