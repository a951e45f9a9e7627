/* What the fuzzers of descriptors share: fields made of the input's bytes, arrays of exactly their size, and what a call
 * may do to them.
 *
 * A target decodes a descriptor, computes by itself what its arrays have to be, and calls every function of the family:
 *
 *     refused      by a size query: then also by the run, whatever the pointers are
 *     accepted     with arrays of the right size the run gives CAIRN_OK and writes to its outputs alone
 *     too large    without arrays (NULL) the run is refused
 *     an output that is an input is refused where the header does not allow it
 *
 * A refusal has a message, and leaves all arrays as they were. Arrays come from malloc, so that the address sanitizer sees
 * each byte too far. What is found ends in abort(). */
#ifndef TESTS_FUZZ_DESCRIPTOR_H
#define TESTS_FUZZ_DESCRIPTOR_H
#include <cairn/base.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define UNUSED __attribute__((unused))

#define demand(what, ...)                                                                             \
    do {                                                                                              \
        if (!(what)) {                                                                                \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #what);                                \
            fprintf(stderr, __VA_ARGS__);                                                             \
            fprintf(stderr, " (%s)\n", cairn_error_message());                                        \
            abort();                                                                                  \
        }                                                                                             \
    } while (0)

/* ---- Fields ---------------------------------------------------------------------------------------------*/

static struct {
    const uint8_t *data;
    size_t size, at;
    int wild;                               /* bytes from this on give any number */
} input;

static UNUSED uint8_t next_byte(void) { return input.at < input.size ? input.data[input.at++] : 0; }

/* The first byte says how often fields are out of the ordinary: never, rarely, often. */
static UNUSED void begin_input(const uint8_t *data, size_t size)
{
    static const int wild[] = {256, 254, 248, 224};
    input.data = data, input.size = size, input.at = 0;
    input.wild = wild[next_byte() % 4];
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    cairn_error_clear();
}

/* What breaks arithmetic, or any eight bytes. */
static UNUSED int64_t any_number(void)
{
    static const int64_t edges[] = {
        0, -1, 1, -2, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1, 1000, 1 << 16, 1 << 20, 1 << 30,
        (int64_t)1 << 31, (int64_t)1 << 32, (int64_t)1 << 40, (int64_t)1 << 48, (int64_t)1 << 55, (int64_t)1 << 57, (int64_t)1 << 58,
        (int64_t)1 << 62, -((int64_t)1 << 31), -((int64_t)1 << 40), -((int64_t)1 << 57), -((int64_t)1 << 62)};
    const uint8_t which = next_byte();
    if (which < 224)
        return edges[which % (sizeof edges / sizeof *edges)];
    uint64_t number = 0;
    for (int i = 0; i < 8; i++)
        number = number << 8 | next_byte();
    return (int64_t)number;
}

/* low ... high, and now and then any number. */
static UNUSED int64_t number(int64_t low, int64_t high)
{
    const int byte = next_byte();
    return byte >= input.wild ? any_number() : high > low ? (int64_t)((uint64_t)low + (uint64_t)byte % ((uint64_t)high - (uint64_t)low + 1)) : low;
}

/* As an enum has it: 0 ... count - 1, and now and then none. */
static UNUSED int choice(int count) { return (int)number(0, count - 1); }
static UNUSED bool flag(void) { return next_byte() & 1; }
/* Seldom. */
static UNUSED bool rarely(void) { return next_byte() % 8 == 7; }

static UNUSED double real(void)
{
    static const double reals[] = {0, 1, 0.5, -1, 1e-5, 1e300, -1e300, 1e-320};
    const uint8_t byte = next_byte();
    const int wild = byte % 8;
    if (byte < input.wild)
        return reals[byte % 5];
    return wild == 7 ? __builtin_nan("") : wild == 6 ? __builtin_inf() : reals[wild];
}

/* ---- Sizes, with every overflow seen ----------------------------------------------------------------------*/

enum { MOST_ARRAY = 1 << 16, MOST_WORKSPACE = 1 << 22, MOST_WORK = 1 << 20 };

/* The product of sizes; -1 when one is negative or it is more than `most`. */
static UNUSED int64_t product_of(int64_t most, int count, const int64_t *sizes)
{
    int64_t product = 1;
    for (int i = 0; i < count; i++)
        if (sizes[i] < 0)
            return -1;
    for (int i = 0; i < count; i++)
        if (sizes[i] == 0)
            return 0;
    for (int i = 0; i < count; i++)
        if (__builtin_mul_overflow(product, sizes[i], &product) || product > most)
            return -1;
    return product;
}
#define PRODUCT(most, ...) product_of(most, sizeof((int64_t[]){__VA_ARGS__}) / 8, (int64_t[]){__VA_ARGS__})

/* Bytes of an array that indices below the sizes reach by the strides, and of them those before element 0;
 * -1 when they are more than MOST_ARRAY. */
static UNUSED int64_t span_of(int64_t element, int axes, const int64_t *size, const int64_t *stride, int64_t *before)
{
    int64_t low = 0, high = 0, reach;
    *before = 0;
    for (int i = 0; i < axes; i++)
        if (size[i] < 0)
            return -1;
    for (int i = 0; i < axes; i++)
        if (size[i] == 0)
            return 0;
    for (int i = 0; i < axes; i++)
        if (__builtin_mul_overflow(size[i] - 1, stride[i], &reach) || reach > MOST_ARRAY || reach < -MOST_ARRAY)
            return -1;
        else
            *(reach < 0 ? &low : &high) += reach;
    *before = -low * element;
    return (high - low + 1) * element > MOST_ARRAY ? -1 : (high - low + 1) * element;
}

/* ---- Arrays -----------------------------------------------------------------------------------------------*/

typedef enum role { IN, OUT, WORKSPACE } role;

typedef struct array {
    char *memory, *copy;                    /* copy: what it held before the call */
    int64_t bytes;
    role role;
} array;

enum { MOST_ARRAYS = 160 };
static array arrays[MOST_ARRAYS];
static int array_count;

/* Memory of exactly `bytes`, aligned to 16; element 0 lies `before` bytes into it. Numbers of any type read from it are finite. */
static UNUSED void *take_at(role role, int64_t bytes, int64_t before)
{
    demand(array_count < MOST_ARRAYS, "more arrays than expected");
    array *a = &arrays[array_count++];
    *a = (array){malloc((size_t)bytes), role == WORKSPACE ? NULL : malloc((size_t)bytes), bytes, role};
    demand(a->memory && (a->copy || role == WORKSPACE), "out of memory");
    if (role == WORKSPACE)
        return a->memory;
    for (int64_t i = 0; i < bytes; i++)
        a->memory[i] = (char)(0x38 + (i * 5 + array_count) % 8);
    memcpy(a->copy, a->memory, (size_t)bytes);
    return a->memory + before;
}
static UNUSED void *take(role role, int64_t bytes) { return take_at(role, bytes, 0); }

/* Now and then bytes of the input instead: infinities, NaN, subnormal numbers. */
static UNUSED void roughen(void *x, int64_t bytes)
{
    if (!rarely())
        return;
    for (int64_t i = 0, n = next_byte(); i < n && i < bytes; i++)
        ((char *)x)[i] = (char)next_byte();
}

/* What arrays hold now is what they are to be compared with. */
static UNUSED void remember(void)
{
    for (int i = 0; i < array_count; i++)
        if (arrays[i].copy)
            memcpy(arrays[i].copy, arrays[i].memory, (size_t)arrays[i].bytes);
}

static UNUSED void release(void)
{
    while (array_count) {
        array_count--;
        free(arrays[array_count].memory);
        free(arrays[array_count].copy);
    }
}

/* ---- Verdicts ---------------------------------------------------------------------------------------------*/

static UNUSED void demand_untouched(const char *what, bool outputs)
{
    for (int i = 0; i < array_count; i++)
        if (arrays[i].copy && (outputs || arrays[i].role == IN))
            demand(!memcmp(arrays[i].memory, arrays[i].copy, (size_t)arrays[i].bytes), "%s wrote to array %d", what, i);
}

static char last_message[400];

static UNUSED void demand_message(const char *what)
{
    snprintf(last_message, sizeof last_message, "%s", cairn_error_message());
    demand(cairn_error() != CAIRN_OK && cairn_error_message()[0], "%s was refused without a word", what);
    cairn_error_clear();
}

/* After a query: its result, or -1 with the refusal looked at. */
static UNUSED int64_t query(const char *what, int64_t result)
{
    if (cairn_error() == CAIRN_OK) {
        demand(result >= 0 && result < (int64_t)1 << 62, "%s gives %lld", what, (long long)result);
        return result;
    }
    demand(result <= 0, "%s is refused and gives %lld", what, (long long)result);
    demand_message(what);
    return -1;
}

/* After a call that may go either way. */
static UNUSED cairn_status judge(const char *what, cairn_status status)
{
    if (status != CAIRN_OK)
        demand_message(what);
    else
        demand(cairn_error() == CAIRN_OK, "%s gives CAIRN_OK with an error", what);
    demand_untouched(what, status != CAIRN_OK);
    remember();
    return status;
}

static UNUSED void refused(const char *what, cairn_status status)
{
    demand(status != CAIRN_OK, "%s is not refused", what);
    judge(what, status);
}

static UNUSED void accepted(const char *what, cairn_status status)
{
    judge(what, status);
    demand(status == CAIRN_OK, "%s is refused: %s", what, last_message);
}

/* ---- Calls whose pointers are an array ----------------------------------------------------------------------*/

typedef cairn_status caller(const void *d, void **p);

enum { MOST_POINTERS = 16 };

/* Which array a pointer is into. */
static UNUSED const array *array_of(const void *p)
{
    static const array none;
    for (int i = 0; p && i < array_count; i++)
        if ((const char *)p >= arrays[i].memory && (const char *)p <= arrays[i].memory + arrays[i].bytes)
            return &arrays[i];
    return &none;
}

/* The call as it is: accepted when `valid`. Then with one pointer NULL, and with output `o` where another pointer is; those of
 * the bits may_be[o] are allowed. Pointers that `outputs` has no bit for are inputs. */
static UNUSED void call_all_ways(const char *what, caller *call, const void *d, int count, void **p, unsigned outputs,
                                 const unsigned *may_be, bool valid)
{
    void *q[MOST_POINTERS];
    const cairn_status status = judge(what, call(d, p));
    demand(!valid || status == CAIRN_OK, "%s is refused: %s", what, last_message);
    memcpy(q, p, sizeof *q * (size_t)count);
    const int none = next_byte() % count;
    char name[100];
    snprintf(name, sizeof name, "%s with pointer %d NULL", what, none);
    q[none] = NULL;
    judge(name, call(d, q));
    memcpy(q, p, sizeof *q * (size_t)count);
    const int o = next_byte() % count, i = next_byte() % count;
    if (o == i || !(outputs & 1u << o) || (may_be && may_be[o] & 1u << i) || !array_of(p[o])->bytes || !array_of(p[i])->bytes ||
        array_of(p[i])->role == WORKSPACE)
        return;
    q[o] = p[i];
    snprintf(name, sizeof name, "%s with pointer %d for %d", what, i, o);
    refused(name, call(d, q));
}

/* A workspace too small by at least a byte, or none: what is said to be there never is more than there is. */
static UNUSED int64_t too_few(int64_t needed)
{
    const int64_t bytes = any_number();
    return bytes < needed ? bytes : needed - 1;
}

#endif
