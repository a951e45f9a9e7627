/* CAIRN_CUDA_PROFILE=FILE: what each kernel cost. FILE gets a trace in the Chrome / Perfetto format, and the process ends with a
 * table on stderr; "live" instead of a file gives the table alone. While it runs, `cairn top` shows the table from
 * another terminal: it lies in /dev/shm/cairn-cuda-PID, which is there as long as the process.
 *
 * Code is compiled with counters at the begin of each block of instructions (jit/emit_profile.c). */
#ifndef RUNTIME_EXEC_PROFILE_H
#define RUNTIME_EXEC_PROFILE_H
#include "base/trace.h"
#include <stdbool.h>
#include <stdint.h>

/* What code counts for the thread that runs it. Lanes: instructions times the lanes that ran them. */
typedef enum profile_counter { COUNT_INSTRUCTIONS, COUNT_LANES, COUNT_LOADED, COUNT_STORED, COUNTERS } profile_counter;

enum { PROFILE_KERNELS = 250, PROFILE_NAME = 128, PROFILE_MAGIC = 0x43505231 };

typedef struct profile_row {
    char name[PROFILE_NAME];     /* as the program wrote it, where that can be found out */
    uint64_t hash;               /* of the name in the module */
    uint64_t calls, nanoseconds, threads, count[COUNTERS];
} profile_row;

/* What is in /dev/shm. Rows are only added; readers take what they see. */
typedef struct profile_table {
    uint32_t magic, rows;
    uint64_t started, now;       /* CLOCK_MONOTONIC, nanoseconds */
    profile_row row[PROFILE_KERNELS];
    profile_row others;          /* kernels past PROFILE_KERNELS, together */
} profile_table;

bool profile_wanted(void);
/* A kernel that began at `start` has ended. */
void profile_launch(const char *name, trace_mark start, uint64_t threads, const uint64_t count[COUNTERS]);

/* The table as text, busiest kernel first (profile_print.c). Not thread-safe. */
void profile_print(const profile_table *t, void (*put)(const char *line, void *context), void *context);

/* "sum(float const*, int)" for "_Z3sumPKfi" in a program that has C++'s library, else the name itself. */
const char *readable_name(const char *name, char *out, int size);

#endif
