/* mma, wmma and ldmatrix against plain products of matrices of small integers, which every type holds exactly. */
#define _GNU_SOURCE
#include "base/error.h"
#include "runtime/exec/half.h"
#include <cuda/cuda.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { LANES = 32, MOST = 32 * 32 };

typedef struct kind {
    const char *name;
    int bytes;             /* of an element in memory */
    const char *reg;       /* how registers hold it */
} kind;

static const kind f16 = {"f16", 2, "b32"}, bf16 = {"bf16", 2, "b32"}, tf32 = {"tf32", 4, "b32"}, f32 = {"f32", 4, "f32"},
                  f64 = {"f64", 8, "f64"}, s8 = {"s8", 1, "b32"}, u8 = {"u8", 1, "b32"}, s32 = {"s32", 4, "b32"};

static void put(const kind *t, void *memory, int i, int x)
{
    if (t == &f16)
        ((uint16_t *)memory)[i] = float_to_half((float)x);
    else if (t == &bf16)
        ((uint16_t *)memory)[i] = float_to_bfloat((float)x);
    else if (t == &f64)
        ((double *)memory)[i] = x;
    else if (t == &s8 || t == &u8)
        ((uint8_t *)memory)[i] = (uint8_t)x;
    else if (t == &s32)
        ((int32_t *)memory)[i] = x;
    else
        ((float *)memory)[i] = (float)x;
}

static double get(const kind *t, const void *memory, int i)
{
    if (t == &f16)
        return half_to_float(((const uint16_t *)memory)[i]);
    if (t == &f64)
        return ((const double *)memory)[i];
    return t == &s32 ? ((const int32_t *)memory)[i] : ((const float *)memory)[i];
}

/* ---- Running ------------------------------------------------------------------------------------- */
static _Alignas(64) uint8_t memory[4][8 * MOST];

static CUresult run(char *text)
{
    CUmodule m = NULL;
    CUfunction f;
    CUresult result = cuModuleLoadData(&m, text);
    free(text);
    if (result)
        return result;
    CUdeviceptr p[4];
    void *params[4];
    for (int i = 0; i < 4; i++) {
        p[i] = (CUdeviceptr)memory[i];
        params[i] = &p[i];
    }
    assert_int_equal(cuModuleGetFunction(&f, m, "k"), CUDA_SUCCESS);
    result = cuLaunchKernel(f, 1, 1, 1, LANES, 1, 1, 0, NULL, params, NULL);
    if (!result)
        result = cuCtxSynchronize();
    cuModuleUnload(m);
    return result;
}

#define HEAD                                                                                          \
    ".version 7.8\n.target sm_80\n.address_size 64\n.visible .entry k(.param .u64 a, .param .u64 b, .param .u64 c, .param .u64 d)\n{\n" \
    ".reg .b32 %t; .reg .b64 %p<4>, %o; mov.u32 %t, %tid.x; ld.param.u64 %p0, [a]; ld.param.u64 %p1, [b]; ld.param.u64 %p2, [c];\n" \
    "ld.param.u64 %p3, [d];\n"

typedef struct text {
    char *all;
    size_t length;
    FILE *file;
} text;

static void list(FILE *out, char name, int count)
{
    fprintf(out, "{");
    for (int i = 0; i < count; i++)
        fprintf(out, "%s%%%c%d", i ? ", " : "", name, i);
    fprintf(out, "}");
}

static int matrices[3][MOST], product[MOST];

static void make_matrices(int m, int n, int k, bool has_sign)
{
    const int sizes[3] = {m * k, k * n, m * n};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < sizes[i]; j++)
            matrices[i][j] = rand() % 7 - (has_sign ? 3 : 0);
    for (int i = 0; i < m * n; i++) {
        product[i] = matrices[2][i];
        for (int x = 0; x < k; x++)
            product[i] += matrices[0][i / n * k + x] * matrices[1][x * n + i % n];
    }
}

/* ---- mma ----------------------------------------------------------------------------------------- */
/* Rows and columns of lane's element i, written down shape by shape as the PTX manual lists them. */
static int place_a(int k, int bytes, int lane, int i, int m)
{
    int group = lane >> 2, in_group = lane & 3, row, col;
    if (bytes == 8) {
        row = group, col = in_group;
    } else if (bytes == 4) {
        row = i == 0 || i == 2 ? group : group + 8;
        col = i < 2 ? in_group : in_group + 4;
    } else if (bytes == 2) {
        row = (i >= 0 && i < 2) || (i >= 4 && i < 6) ? group : group + 8;
        col = in_group * 2 + (i & 1) + (i >= 4 ? 8 : 0);
    } else if (m == 8) {
        row = group, col = in_group * 4 + i;
    } else {
        row = (i >= 0 && i < 4) || (i >= 8 && i < 12) ? group : group + 8;
        col = in_group * 4 + (i & 3) + (i >= 8 ? 16 : 0);
    }
    return row * k + col;
}

static int place_b(int n, int bytes, int lane, int i)
{
    int group = lane >> 2, in_group = lane & 3;
    int row = bytes == 8   ? in_group
              : bytes == 4 ? in_group + 4 * i
              : bytes == 2 ? in_group * 2 + (i & 1) + (i >= 2 ? 8 : 0)
                           : in_group * 4 + (i & 3) + (i >= 4 ? 16 : 0);
    return row * n + group;
}

static int place_c(int n, int lane, int i) { return ((lane >> 2) + (i < 2 ? 0 : 8)) * n + (lane & 3) * 2 + (i & 1); }

/* Each register of each lane lies in memory lane by lane: element e of register r at (r * 32 + lane) * per + e. */
static int in_registers(const kind *t, int lane, int i)
{
    int per = t->bytes >= 4 ? 1 : 4 / t->bytes;
    return (i / per * LANES + lane) * per + i % per;
}

static int register_count(const kind *t, int elements) { return elements * t->bytes / LANES / (t->bytes > 4 ? 8 : 4); }

static void move_registers(FILE *out, const kind *t, char name, int pointer, int count, bool store)
{
    int bytes = t->bytes > 4 ? 8 : 4;
    fprintf(out, "mul.wide.u32 %%o, %%t, %d; add.u64 %%o, %%p%d, %%o;\n", bytes, pointer);
    for (int i = 0; i < count; i++)
        if (store)
            fprintf(out, "st.global.%s [%%o+%d], %%%c%d;\n", t->reg, i * bytes * LANES, name, i);
        else
            fprintf(out, "ld.global.%s %%%c%d, [%%o+%d];\n", t->reg, name, i, i * bytes * LANES);
}

static void check_mma(int m, int n, int k, const kind *a, const kind *b, const kind *c)
{
    const kind *types[4] = {a, b, c, c};
    const int counts[4] = {register_count(a, m * k), register_count(b, k * n), register_count(c, m * n), register_count(c, m * n)};
    text x;
    make_matrices(m, n, k, a != &u8 && b != &u8);
    for (int lane = 0; lane < LANES; lane++) {
        for (int i = 0; i < m * k / LANES; i++)
            put(a, memory[0], in_registers(a, lane, i), matrices[0][place_a(k, a->bytes, lane, i, m)]);
        for (int i = 0; i < k * n / LANES; i++)
            put(b, memory[1], in_registers(b, lane, i), matrices[1][place_b(n, b->bytes, lane, i)]);
        for (int i = 0; i < m * n / LANES; i++)
            put(c, memory[2], in_registers(c, lane, i), matrices[2][place_c(n, lane, i)]);
    }
    x.file = open_memstream(&x.all, &x.length);
    fputs(HEAD, x.file);
    for (int i = 0; i < 4; i++)
        fprintf(x.file, ".reg .%s %%%c<%d>;\n", types[i]->reg, "ABCD"[i], counts[i]);
    for (int i = 0; i < 3; i++)
        move_registers(x.file, types[i], "ABCD"[i], i, counts[i], false);
    fprintf(x.file, "mma.sync.aligned.m%dn%dk%d.row.col.%s.%s.%s.%s ", m, n, k, c->name, a->name, b->name, c->name);
    for (int i = 0; i < 4; i++) {
        list(x.file, "DABC"[i], counts[(i + 3) % 4]);
        fputs(i < 3 ? ", " : ";\n", x.file);
    }
    move_registers(x.file, c, 'D', 3, counts[3], true);
    fputs("ret;\n}\n", x.file);
    fclose(x.file);
    assert_int_equal(run(x.all), CUDA_SUCCESS);
    for (int lane = 0; lane < LANES; lane++)
        for (int i = 0; i < m * n / LANES; i++) {
            double got = get(c, memory[3], in_registers(c, lane, i));
            if (got != product[place_c(n, lane, i)])
                fail_msg("m%dn%dk%d %s %s %s: lane %d element %d is %g, not %d", m, n, k, a->name, b->name, c->name, lane, i, got,
                         product[place_c(n, lane, i)]);
        }
}

static void mma_multiplies_fragments(void **state)
{
    (void)state;
    check_mma(16, 8, 8, &f16, &f16, &f32);
    check_mma(16, 8, 8, &f16, &f16, &f16);
    check_mma(16, 8, 16, &f16, &f16, &f32);
    check_mma(16, 8, 16, &f16, &f16, &f16);
    check_mma(16, 8, 8, &bf16, &bf16, &f32);
    check_mma(16, 8, 16, &bf16, &bf16, &f32);
    check_mma(16, 8, 4, &tf32, &tf32, &f32);
    check_mma(16, 8, 8, &tf32, &tf32, &f32);
    check_mma(8, 8, 4, &f64, &f64, &f64);
    check_mma(8, 8, 16, &s8, &s8, &s32);
    check_mma(16, 8, 16, &u8, &s8, &s32);
    check_mma(16, 8, 32, &s8, &u8, &s32);
    check_mma(16, 8, 32, &u8, &u8, &s32);
}

/* ---- wmma ---------------------------------------------------------------------------------------- */
static int wmma_registers(const kind *t, bool operand, int elements) { return operand && t == &f16 ? 8 : register_count(t, elements); }

/* Matrices lie in memory by rows or columns, with some room behind each. */
static void place_matrix(const kind *t, int which, int rows, int columns, bool by_columns)
{
    for (int i = 0; i < rows * columns; i++) {
        int row = i / columns, column = i % columns;
        put(t, memory[which], by_columns ? column * (rows + 8) + row : row * (columns + 8) + column, matrices[which][i]);
    }
}

static void check_wmma(int m, int n, int k, const kind *a, const kind *c, bool a_columns, bool b_columns)
{
    const kind *types[4] = {a, a, c, c};
    const int counts[4] = {wmma_registers(a, true, m * k), wmma_registers(a, true, k * n), wmma_registers(c, false, m * n),
                           wmma_registers(c, false, m * n)};
    const int extents[3] = {a_columns ? m : k, b_columns ? k : n, n};
    const char *layouts[3] = {a_columns ? "col" : "row", b_columns ? "col" : "row", "row"};
    text x;
    make_matrices(m, n, k, a != &u8);
    place_matrix(a, 0, m, k, a_columns);
    place_matrix(a, 1, k, n, b_columns);
    place_matrix(c, 2, m, n, false);
    x.file = open_memstream(&x.all, &x.length);
    fputs(HEAD, x.file);
    for (int i = 0; i < 4; i++)
        fprintf(x.file, ".reg .%s %%%c<%d>;\n", types[i]->reg, "ABCD"[i], counts[i]);
    for (int i = 0; i < 3; i++) {
        fprintf(x.file, "wmma.load.%c.sync.aligned.%s.m%dn%dk%d.global.%s ", "abc"[i], layouts[i], m, n, k, types[i]->name);
        list(x.file, "ABC"[i], counts[i]);
        fprintf(x.file, ", [%%p%d], %d;\n", i, extents[i] + 8);
    }
    bool halves = a == &f16;
    fprintf(x.file, "wmma.mma.sync.aligned.%s.%s.m%dn%dk%d.%s%s%s%s%s.%s ", layouts[0], layouts[1], m, n, k, c->name, halves ? "" : ".",
            halves ? "" : a->name, halves ? "" : ".", halves ? "" : a->name, c->name);
    for (int i = 0; i < 4; i++) {
        list(x.file, "DABC"[i], counts[(i + 3) % 4]);
        fputs(i < 3 ? ", " : ";\n", x.file);
    }
    fprintf(x.file, "wmma.store.d.sync.aligned.row.m%dn%dk%d.global.%s [%%p3], ", m, n, k, c->name);
    list(x.file, 'D', counts[3]);
    fputs(";\nret;\n}\n", x.file);
    fclose(x.file);
    assert_int_equal(run(x.all), CUDA_SUCCESS);
    for (int i = 0; i < m * n; i++)
        if (get(c, memory[3], i) != product[i])
            fail_msg("wmma m%dn%dk%d %s: element %d is %g, not %d", m, n, k, a->name, i, get(c, memory[3], i), product[i]);
}

static void wmma_loads_multiplies_and_stores(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        check_wmma(16, 16, 16, &f16, &f32, i & 1, i & 2);
        check_wmma(32, 8, 16, &f16, &f16, i & 1, i & 2);
        check_wmma(8, 32, 16, &bf16, &f32, i & 1, i & 2);
    }
    check_wmma(16, 16, 8, &tf32, &f32, false, true);
    check_wmma(8, 8, 4, &f64, &f64, false, true);
    check_wmma(16, 16, 16, &s8, &s32, false, true);
    check_wmma(8, 32, 16, &u8, &s32, false, true);
}

/* ---- ldmatrix ------------------------------------------------------------------------------------ */
static void check_ldmatrix(bool transposes)
{
    char *all;
    for (int i = 0; i < 256; i++)
        ((uint16_t *)memory[0])[i] = (uint16_t)(i * 259);
    /* Lane l stores row l, of 16 bytes, and brings its address. */
    assert_true(asprintf(&all, "%s.shared .align 16 .b8 tile[512]; .reg .b64 %%s, %%g; .reg .b32 %%r<4>;\n"
                         "mul.wide.u32 %%o, %%t, 16; mov.u64 %%s, tile; add.u64 %%s, %%s, %%o; add.u64 %%g, %%p0, %%o;\n"
                         "ld.global.v4.u32 {%%r0, %%r1, %%r2, %%r3}, [%%g]; st.shared.v4.u32 [%%s], {%%r0, %%r1, %%r2, %%r3}; bar.warp.sync -1;\n"
                         "ldmatrix.sync.aligned.m8n8.x4%s.shared.b16 {%%r0, %%r1, %%r2, %%r3}, [%%s];\n"
                         "add.u64 %%g, %%p3, %%o; st.global.v4.u32 [%%g], {%%r0, %%r1, %%r2, %%r3}; ret;\n}\n", HEAD, transposes ? ".trans" : "") > 0);
    assert_int_equal(run(all), CUDA_SUCCESS);
    for (int lane = 0; lane < LANES; lane++)
        for (int i = 0; i < 4; i++)
            for (int e = 0; e < 2; e++) {
                int row = lane / 4, column = lane % 4 * 2 + e, at = i * 64 + (transposes ? column * 8 + row : row * 8 + column);
                assert_int_equal(((uint16_t *)memory[3])[(lane * 4 + i) * 2 + e], (uint16_t)(at * 259));
            }
}

static void ldmatrix_deals_rows_out(void **state)
{
    (void)state;
    check_ldmatrix(false);
    check_ldmatrix(true);
}

static void shapes_that_do_not_go_with_types_are_refused(void **state)
{
    char *all;
    (void)state;
    assert_true(asprintf(&all, "%s.reg .b32 %%r<9>; mma.sync.aligned.m16n8k4.row.col.f32.f16.f16.f32 {%%r0, %%r1, %%r2, %%r3}, {%%r4, %%r5}, {%%r6}, "
                                    "{%%r0, %%r1, %%r2, %%r3}; ret;\n}\n", HEAD) > 0);
    assert_int_not_equal(run(all), CUDA_SUCCESS);
}

static CUcontext context;

static int begin(void **state)
{
    (void)state;
    return cuInit(0) || cuCtxCreate(&context, 0, 0) || cuMemHostRegister(memory, sizeof memory, 0);
}

static int end(void **state)
{
    (void)state;
    return cuCtxDestroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mma_multiplies_fragments),
        cmocka_unit_test(wmma_loads_multiplies_and_stores),
        cmocka_unit_test(ldmatrix_deals_rows_out),
        cmocka_unit_test(shapes_that_do_not_go_with_types_are_refused),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
