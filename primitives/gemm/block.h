/* One matrix product, cut into blocks for the caches and the threads.
 *
 * The loops, from the outside (Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008):
 *
 *     task    a row block x a column block of C; any thread takes any task
 *       k     runs of at most kc, so that a panel of B (kc x nr) stays in L1 and a row block of A in L2
 *         j     panels of B
 *           i     tiles of the row block: the micro-kernel
 *
 * Where the operands lie while that runs is chosen by size: in the user's memory, packed by the task itself,
 * or packed once for all tasks before they start. None of it changes a bit of the result: every element of C is the same
 * chain of FMAs over the same runs of k in every case. */
#ifndef PRIMITIVES_GEMM_BLOCK_H
#define PRIMITIVES_GEMM_BLOCK_H
#include "primitives/gemm/kernel.h"
#include <cairn/dnn.h>

typedef struct matmul_operand {
    const char *data;
    cairn_dtype type;
    int64_t major, minor;               /* A: strides of (i, p); B: strides of (j, p) */
    int64_t k;                          /* elements along k, for kernels that multiply words */
    bool is_a;
} matmul_operand;

typedef struct matmul {
    gemm_kernel *kernel;
    int64_t m, n, k, batch;             /* k: steps of the kernel; batch: the matrix's number, for the epilogue */
    matmul_operand a, b;
    const char *packed_b;               /* all of B's panels, as matmul_pack_b lays them out; or NULL */
    const cairn_gemm *fused;            /* whose bias, scales ... are to be applied; or NULL */
    cairn_dtype c_type;
    char *c;
    int64_t c_row;
    double alpha, beta;
    cairn_epilogue epilogue;
    void *epilogue_context;
} matmul;

/* A run of k: the same cut for every row, whatever m is. */
static inline int64_t matmul_run_length(gemm_kernel *kernel, int64_t k)
{
    const int64_t runs = (k + kernel->kc - 1) / kernel->kc, even = runs > 1 ? (k + runs - 1) / runs : k;
    return (even + kernel->round - 1) / kernel->round * kernel->round;
}

/* Bytes of workspace to run on up to `threads` threads; fewer are used when less is given, but one needs
 * matmul_workspace(m, 1). */
int64_t matmul_workspace(const matmul *mm, int threads);
void matmul_run(const matmul *mm, int threads, void *workspace, int64_t bytes);

/* Steps of the kernel for k elements. */
static inline int64_t matmul_steps(gemm_kernel *kernel, int64_t k)
{
    const int64_t each = (int64_t)kernel->unit * kernel->round;
    return (k + each - 1) / each * kernel->round;
}

/* All panels of B, for `packed_b`. */
int64_t matmul_packed_bytes(const matmul *mm);
void matmul_pack_b(const matmul *mm, void *to);

/* Packs columns first .. first + count of an operand (rows of A, columns of B) over k in p0 .. p0 + run into one panel. */
void matmul_pack(gemm_kernel *kernel, const matmul_operand *from, int64_t first, int count, int64_t p0, int64_t run,
                 void *to, int width);

#endif
