/* Programs: nanoseconds of a small one, and large ones against the memory's bandwidth. Each line: name, microseconds
 * (the best of several rounds), GB/s of loads and stores. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "primitives/program/program.h"

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- Programs ----------------------------------------------------------------------------------- */

static int unary(program *p, program_op op, int a) { return program_op_new(p, op, a, -1, -1); }
static int binary(program *p, program_op op, int a, int b) { return program_op_new(p, op, a, b, -1); }
static int load(program *p, int operand) { return program_load(p, operand, CAIRN_F32); }
static int scalar(program *p, int slot) { return program_scalar(p, slot, PT_F32); }

static void build_add(program *p) { program_store(p, 1, CAIRN_F32, binary(p, P_ADD, load(p, 0), scalar(p, 0))); }
static void build_exp(program *p) { program_store(p, 1, CAIRN_F32, unary(p, P_EXP, load(p, 0))); }
static void build_chain(program *p)
{
    int x = load(p, 0), y = binary(p, P_ADD, binary(p, P_MUL, x, scalar(p, 1)), scalar(p, 0));
    program_store(p, 1, CAIRN_F32, binary(p, P_MUL, unary(p, P_TANH, y), x));
}
static void build_gelu(program *p)
{
    int x = load(p, 0), e = unary(p, P_ERF, binary(p, P_MUL, x, scalar(p, 2)));
    int half = binary(p, P_MUL, x, scalar(p, 3));
    program_store(p, 1, CAIRN_F32, binary(p, P_ADD, binary(p, P_MUL, half, e), half));
}
static void build_softmax(program *p)
{
    int x = load(p, 0), e = unary(p, P_EXP, binary(p, P_SUB, x, program_reduce_row(p, PR_MAX, x)));
    int inverse = unary(p, P_RECIPROCAL, program_reduce_row(p, PR_SUM, e));
    program_store(p, 1, CAIRN_F32, binary(p, P_MUL, e, inverse));
}
static void build_norm(program *p)
{
    int x = load(p, 0), mean = binary(p, P_MUL, program_reduce_row(p, PR_SUM, x), scalar(p, 4));
    int d = binary(p, P_SUB, x, mean);
    int v = binary(p, P_MUL, program_reduce_row(p, PR_SUM, unary(p, P_SQUARE, d)), scalar(p, 4));
    program_store(p, 1, CAIRN_F32, binary(p, P_MUL, d, unary(p, P_RSQRT, binary(p, P_ADD, v, scalar(p, 5)))));
}
static void build_sum(program *p) { program_store(p, 1, CAIRN_F32, program_reduce_row(p, PR_SUM, load(p, 0))); }
static void build_column_sum(program *p) { program_store(p, 1, CAIRN_F32, program_reduce_column(p, PR_SUM, load(p, 0))); }
static void build_statistics(program *p)
{
    int x = load(p, 0), mean = binary(p, P_MUL, program_reduce_column(p, PR_SUM, x), scalar(p, 4));
    int square = binary(p, P_MUL, program_reduce_column(p, PR_SUM, unary(p, P_SQUARE, x)), scalar(p, 4));
    program_store(p, 1, CAIRN_F32, binary(p, P_SUB, square, unary(p, P_SQUARE, mean)));
}
static void build_adam(program *p)
{
    int g = load(p, 0), m = load(p, 1), v = load(p, 2), w = load(p, 3);
    m = binary(p, P_ADD, m, binary(p, P_MUL, binary(p, P_SUB, g, m), scalar(p, 0)));
    v = binary(p, P_ADD, v, binary(p, P_MUL, binary(p, P_SUB, unary(p, P_SQUARE, g), v), scalar(p, 1)));
    int root = binary(p, P_ADD, unary(p, P_SQRT, v), scalar(p, 5));
    w = binary(p, P_SUB, w, binary(p, P_DIV, binary(p, P_MUL, m, scalar(p, 3)), root));
    program_store(p, 1, CAIRN_F32, m);
    program_store(p, 2, CAIRN_F32, v);
    program_store(p, 3, CAIRN_F32, w);
}
static void build_dropout(program *p)
{
    int u = program_op_new(p, P_UNIFORM, program_index(p, 2), program_scalar(p, 6, PT_I64), program_scalar(p, 7, PT_I64));
    int keep = binary(p, P_GE, u, scalar(p, 3));
    program_store(p, 1, CAIRN_F32, program_op_new(p, P_WHERE, keep, binary(p, P_MUL, load(p, 0), scalar(p, 1)), scalar(p, 8)));
}

/* ---- Measurements ------------------------------------------------------------------------------- */

typedef struct row {
    const char *name;
    void (*build)(program *);
    int64_t rows, cols;
    int arrays;                  /* loads and stores of full size, for GB/s */
    bool transposed;
} row;

static const row table[] = {
    {"add 32", build_add, 1, 32, 2, false},
    {"chain 32", build_chain, 1, 32, 2, false},
    {"softmax 8x10", build_softmax, 8, 10, 2, false},
    {"add 64K", build_add, 1, 65536, 2, false},
    {"chain 64K", build_chain, 1, 65536, 2, false},
    {"add 4096x4096", build_add, 4096, 4096, 2, false},
    {"exp 4096x4096", build_exp, 4096, 4096, 2, false},
    {"chain 4096x4096", build_chain, 4096, 4096, 2, false},
    {"gelu 4096x4096", build_gelu, 4096, 4096, 2, false},
    {"softmax 4096x4096", build_softmax, 4096, 4096, 2, false},
    {"layer_norm 4096x4096", build_norm, 4096, 4096, 2, false},
    {"softmax 32x4096", build_softmax, 32, 4096, 2, false},
    {"layer_norm 32x4096", build_norm, 32, 4096, 2, false},
    {"adam 16K", build_adam, 1, 16384, 7, false},
    {"layer_norm 65536x64", build_norm, 65536, 64, 2, false},
    {"sum 4096x4096", build_sum, 1, 4096 * 4096, 1, false},
    {"row sum 4096x4096", build_sum, 4096, 4096, 1, false},
    {"column sum 4096x4096", build_column_sum, 4096, 4096, 1, false},
    {"column variance 32768x64", build_statistics, 32768, 64, 1, false},
    {"column sum 1048576x10", build_column_sum, 1048576, 10, 1, false},
    {"transposed add 4096x4096", build_add, 4096, 4096, 2, true},
    {"dropout 4096x4096", build_dropout, 4096, 4096, 2, false},
    {"adam 100M", build_adam, 1, 100000000, 7, false},
};

static double best_of(const program_call *call, void *scratch)
{
    double best = 1e9, start = seconds();
    program_run(call, scratch);
    int64_t each = (int64_t)(0.01 / (seconds() - start + 1e-8)) + 1;
    for (int round = 0; round < 12; round++) {
        start = seconds();
        for (int64_t i = 0; i < each; i++)
            program_run(call, scratch);
        double time = (seconds() - start) / (double)each;
        best = time < best ? time : best;
    }
    return best;
}

static void measure(const row *r)
{
    int64_t n = r->rows * r->cols, arrays = r->build == build_adam ? 4 : 2;
    float *data[4];
    program_operand operands[4] = {0};
    for (int k = 0; k < arrays; k++) {
        data[k] = buffer_alloc(n * 4);
        for (int64_t i = 0; i < n; i++)
            data[k][i] = (float)((i * 7919) % 1000) * 1e-3f;
        operands[k] = (program_operand){.data = data[k], .stride = {r->cols, 1}};
    }
    if (r->transposed)
        operands[0] = (program_operand){.data = data[0], .stride = {1, r->rows}};
    if (arrays == 2)
        operands[2] = (program_operand){.stride = {r->cols, 1}};
    const program_value scalars[] = {{.f = 1}, {.f = 2}, {.f = 0.70710678}, {.f = 0.5}, {.f = 1 / 4096.0}, {.f = 1e-5},
                                     {.i = 1}, {.i = 2}, {.f = 0}};
    program *p = program_new();
    r->build(p);
    program_finish(p);
    program_call call = {.program = p, .axes = 2, .size = {r->rows, r->cols}, .operands = operands, .scalars = scalars};
    int64_t bytes = program_scratch_bytes(&call);
    void *scratch = buffer_alloc(bytes);
    double time = best_of(&call, scratch);
    printf("%-26s %12.3f us %8.1f GB/s\n", r->name, time * 1e6, (double)(r->arrays * n * 4) / time * 1e-9);
    fflush(stdout);
    buffer_free(scratch, bytes);
    for (int k = 0; k < arrays; k++)
        buffer_free(data[k], n * 4);
    program_free(p);
}

/* Single instructions on 4096 elements in the L1 cache: picoseconds an element, on one thread. */
static void measure_instructions(const char *wanted)
{
    static const struct { const char *name; program_op op; } rows[] = {
        {"sqrt", P_SQRT}, {"reciprocal", P_RECIPROCAL}, {"exp", P_EXP}, {"log", P_LOG}, {"tanh", P_TANH}, {"sigmoid", P_SIGMOID},
        {"erf", P_ERF}, {"sin", P_SIN}, {"cos", P_COS}, {"expm1", P_EXPM1}, {"log1p", P_LOG1P}, {"exp2", P_EXP2}, {"round", P_ROUND}};
    enum { N = 4096 };
    _Alignas(64) static float data[2][N];
    for (int i = 0; i < N; i++)
        data[0][i] = (float)((i * 7919) % 1000) * 1e-2f - 3;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (wanted && !strstr(rows[i].name, wanted) && strcmp(wanted, "instructions") != 0)
            continue;
        program *p = program_new();
        program_store(p, 1, CAIRN_F32, unary(p, rows[i].op, load(p, 0)));
        program_finish(p);
        program_operand operands[2] = {{.data = data[0], .stride = {1}}, {.data = data[1], .stride = {1}}};
        program_call call = {.program = p, .axes = 1, .size = {N}, .operands = operands};
        int64_t bytes = program_scratch_bytes(&call);
        void *scratch = buffer_alloc(bytes);
        printf("%-26s %12.1f ps an element\n", rows[i].name, best_of(&call, scratch) * 1e12 / N);
        buffer_free(scratch, bytes);
        program_free(p);
    }
}

int main(int argc, char **argv)
{
    printf("%s, %d threads\n", cairn_isa(), cairn_threads());
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (argc < 2 || strstr(table[i].name, argv[1]))
            measure(&table[i]);
    measure_instructions(argc < 2 ? NULL : argv[1]);
    return 0;
}
