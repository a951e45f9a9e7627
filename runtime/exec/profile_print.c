/* The table of kernels as text; also compiled into the tool, for `cairn top`. */
#include "runtime/exec/profile.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_time(const void *a, const void *b)
{
    const profile_row *x = a, *y = b;
    return x->nanoseconds < y->nanoseconds ? 1 : x->nanoseconds > y->nanoseconds ? -1 : 0;
}

/* 12.3M */
static const char *short_number(double x, char out[16])
{
    static const char units[] = " kMGTP";
    int unit = 0;
    for (; x >= 999.5 && unit < 5; unit++)
        x /= 1000;
    snprintf(out, 16, unit ? "%.3g%c" : "%.0f", x, units[unit]);
    return out;
}

static void print_row(const profile_row *r, double total, void (*put)(const char *, void *), void *context)
{
    char line[320], threads[16], instructions[16];
    double time = (double)r->nanoseconds, lanes = r->count[COUNT_INSTRUCTIONS] ? (double)r->count[COUNT_LANES] / (double)r->count[COUNT_INSTRUCTIONS] : 0;
    snprintf(line, sizeof line, "%6.1f %10.3f %9llu %11.2f %8s %8s %8.2f %7.1f  %.110s", total > 0 ? 100 * time / total : 0, time * 1e-6,
             (unsigned long long)r->calls, r->calls ? time * 1e-3 / (double)r->calls : 0, short_number((double)r->threads, threads),
             short_number((double)r->count[COUNT_LANES], instructions),
             time > 0 ? (double)(r->count[COUNT_LOADED] + r->count[COUNT_STORED]) / time : 0, lanes, r->name);
    put(line, context);
}

void profile_print(const profile_table *t, void (*put)(const char *line, void *context), void *context)
{
    static profile_row rows[PROFILE_KERNELS + 1];
    uint32_t count = __atomic_load_n(&t->rows, __ATOMIC_ACQUIRE);
    count = count > PROFILE_KERNELS ? PROFILE_KERNELS : count;
    memcpy(rows, t->row, count * sizeof *rows);
    if (t->others.calls)
        rows[count++] = t->others;
    qsort(rows, count, sizeof *rows, by_time);
    double total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += (double)rows[i].nanoseconds;
    put("time % milliseconds     calls us per call  threads   instr.     GB/s   lanes  kernel", context);
    for (uint32_t i = 0; i < count; i++)
        print_row(&rows[i], total, put, context);
}
