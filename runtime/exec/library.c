/* Everything that machine code may call by name, and the system calls of device code: printf, assert,
 * malloc, free. */
#define _GNU_SOURCE
#include "runtime/exec/library.h"
#include "base/memory.h"
#include "runtime/exec/check.h"
#include "runtime/exec/math.h"
#include "runtime/exec/run.h"
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/exec/helpers.h"

/* ---- printf -------------------------------------------------------------------------------------- */
typedef struct output {
    char text[4096];
    size_t length;
} output;

static void put(output *o, const char *text, size_t length)
{
    size_t room = sizeof o->text - o->length;
    length = length < room ? length : room;
    memcpy(o->text + o->length, text, length);
    o->length += length;
}

/* The next argument: 4 or 8 bytes, each at a multiple of its size, as C's varargs are packed. */
static uint64_t take(const uint8_t *arguments, size_t *at, size_t bytes)
{
    uint64_t x = 0;
    *at = (*at + bytes - 1) / bytes * bytes;
    memcpy(&x, arguments + *at, bytes);
    *at += bytes;
    return x;
}

static void put_value(output *o, const char *spec, char kind, bool wide, const uint8_t *arguments, size_t *at)
{
    char text[512];
    int n = 0;
    if (strchr("fFeEgGaA", kind)) {
        uint64_t bits = take(arguments, at, 8);
        double x;
        memcpy(&x, &bits, sizeof x);
        n = snprintf(text, sizeof text, spec, x);
    } else if (kind == 's') {
        const char *string = (const char *)take(arguments, at, 8);
        n = snprintf(text, sizeof text, spec, string ? string : "(null)");
    } else if (wide || kind == 'p') {
        n = snprintf(text, sizeof text, spec, take(arguments, at, 8));
    } else {
        n = snprintf(text, sizeof text, spec, (unsigned)take(arguments, at, 4));
    }
    if (n > 0)
        put(o, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

/* Copies one conversion, with `*` replaced by its argument; returns its length in the format. */
static size_t copy_spec(const char *format, char *spec, size_t size, const uint8_t *arguments, size_t *at)
{
    size_t n = 0, out = 0;
    do {
        if (format[n] == '*')
            out += (size_t)snprintf(spec + out, size - out, "%d", (int)take(arguments, at, 4));
        else
            spec[out++] = format[n];
        n++;
    } while (format[n - 1] && out + 16 < size && (n == 1 || !strchr("diouxXcsfFeEgGaAp%", format[n - 1])));
    spec[out] = '\0';
    return n;
}

static void format_lane(output *o, const char *format, const uint8_t *arguments)
{
    size_t at = 0;
    while (*format) {
        size_t plain = strcspn(format, "%");
        put(o, format, plain);
        format += plain;
        if (!*format)
            return;
        char spec[64];
        size_t n = copy_spec(format, spec, sizeof spec, arguments, &at);
        char kind = format[n - 1];
        format += n;
        if (kind == '%')
            put(o, "%", 1);
        else if (strchr("diouxXcsfFeEgGaAp", kind))
            put_value(o, spec, kind, strpbrk(spec, "ljzt") != NULL, arguments, &at);
    }
}

static void lanes_vprintf(warp *w, uint32_t mask, void *const *arguments, void *result)
{
    const char *const *formats = arguments[0];
    const uint8_t *const *values = arguments[1];
    (void)w;
    FOR_EACH_LANE(mask, lane)
    {
        output o = {.length = 0};
        format_lane(&o, formats[lane], values[lane]);
        fwrite(o.text, 1, o.length, stdout);
        ((int *)result)[lane] = (int)o.length;
    }
}

/* ---- assert, malloc, free ------------------------------------------------------------------------ */
static void lanes_assertfail(warp *w, uint32_t mask, void *const *arguments, void *result)
{
    const char *const *message = arguments[0], *const *file = arguments[1], *const *function = arguments[3];
    const uint32_t *line = arguments[2];
    (void)result;
    if (!mask)
        return;
    int lane = __builtin_ctz(mask);
    run_fail(w, GRID_ASSERT, "%s:%u: %s: lane %d: assertion `%s' failed", file[lane], line[lane], function[lane], lane,
             message[lane]);
}

static void lanes_malloc(warp *w, uint32_t mask, void *const *arguments, void *result)
{
    const uint64_t *bytes = arguments[0];
    (void)w;
    FOR_EACH_LANE(mask, lane)
    {
        void *memory = bytes[lane] ? mem_new(bytes[lane] + (checks_wanted() ? CHECK_MARGIN : 0)) : NULL;
        ((void **)result)[lane] = memory;
        if (memory && checks_wanted())
            check_allocated(memory, bytes[lane], CHECK_HEAP, NULL);
    }
}

static void lanes_free(warp *w, uint32_t mask, void *const *arguments, void *result)
{
    void *const *objects = arguments[0];
    (void)w;
    (void)result;
    FOR_EACH_LANE(mask, lane)
    {
        if (objects[lane] && checks_wanted())
            check_forgotten(objects[lane]);
        mem_free(objects[lane]);
    }
}

/* ---- The runtime's own --------------------------------------------------------------------------- */
static uint64_t rt_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void rt_trap(warp *w, uint32_t line) { run_fail(w, GRID_TRAP, "trap at PTX line %u", line); }

static void rt_no_function(warp *w, uint32_t line, uint64_t address)
{
    run_fail(w, GRID_ADDRESS, "PTX line %u: call of %#llx, which is no function of these parameters", line, (unsigned long long)address);
}

static void rt_absent_lanes(warp *w, uint32_t line, uint32_t lanes)
{
    run_fail(w, GRID_HANG, "PTX line %u: lanes %#x are named by the member mask but are elsewhere", line, lanes);
}

typedef struct symbol {
    const char *name;
    const void *code;
} symbol;

static const symbol calls[] = {
    {"vprintf", lanes_vprintf}, {"__assertfail", lanes_assertfail}, {"malloc", lanes_malloc}, {"free", lanes_free},
    {"__cairn_xorwow_skip", lanes_xorwow_skip},
};

static const symbol internals[] = {
#define X(name) {#name, name},
    RUNTIME_HELPERS(X)
#undef X
    {"rt_check_access", rt_check_access}, {"rt_check_fence", rt_check_fence}, {"rt_check_warp_sync", rt_check_warp_sync},
    {"rt_check_barrier", rt_check_barrier}, {"rt_check_block_sync", rt_check_block_sync},
    {"rt_clock", rt_clock}, {"rt_no_function", rt_no_function},
    {"rt_trap", rt_trap}, {"rt_absent_lanes", rt_absent_lanes}, {"rt_ex2", rt_ex2}, {"rt_lg2", rt_lg2},
    {"rt_sin", rt_sin}, {"rt_cos", rt_cos}, {"rt_tanh", rt_tanh}, {"memset", memset}, {"memcpy", memcpy},
    {"memmove", memmove}, {"fma", fma}, {"fmaf", fmaf}, {"rint", rint}, {"rintf", rintf}, {"roundeven", roundeven},
    {"roundevenf", roundevenf}, {"floor", floor}, {"floorf", floorf}, {"ceil", ceil}, {"ceilf", ceilf},
    {"trunc", trunc}, {"truncf", truncf}, {"sqrt", sqrt}, {"sqrtf", sqrtf},
};

static const void *find_in(const symbol *table, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(table[i].name, name) == 0)
            return table[i].code;
    return NULL;
}

const void *library_find(const char *name)
{
    const void *code = math_find(name);
    return code ? code : find_in(calls, sizeof calls / sizeof *calls, name);
}

const void *symbol_find(const char *name)
{
    const void *code = library_find(name);
    if (!code)
        code = find_in(internals, sizeof internals / sizeof *internals, name);
    return code ? code : atomic_find(name);
}
