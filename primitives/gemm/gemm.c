/* cairn_gemm: checks, then a matrix product for each member of the batch. */
#include "base/error.h"
#include "primitives/gemm/block.h"
#include "primitives/kernels.h"
#include "primitives/slots.h"

/* ---- Checks -------------------------------------------------------------------------------------*/

/* Whether all of base + i * a + j * b + ... stays far inside int64 (bytes included) for indices within the sizes. */
static bool extent_fits(int64_t batch, int64_t batch_stride, int64_t rows, int64_t row_stride, int64_t columns,
                        int64_t column_stride)
{
    const double reach = (double)batch * (batch_stride < 0 ? -(double)batch_stride : (double)batch_stride) +
                         (double)rows * (row_stride < 0 ? -(double)row_stride : (double)row_stride) +
                         (double)columns * (column_stride < 0 ? -(double)column_stride : (double)column_stride);
    return reach < 0x1p58 && (double)batch * (double)rows * (double)columns < 0x1p58;
}

/* What nearly all products are, and what nothing of can overflow or overlap. */
static bool is_modest(const cairn_gemm *g)
{
    const uint64_t sizes = (uint64_t)g->batch | (uint64_t)g->m | (uint64_t)g->n | (uint64_t)g->k;
    const uint64_t strides = (uint64_t)g->a_batch | (uint64_t)g->a_row | (uint64_t)g->a_col | (uint64_t)g->b_batch |
                             (uint64_t)g->b_row | (uint64_t)g->b_col | (uint64_t)g->c_batch | (uint64_t)g->c_row;
    return sizes < 1 << 18 && strides < 1ull << 32 && g->c_row >= g->n && (g->batch <= 1 || g->c_batch >= g->n);
}

static cairn_status check_sizes(const cairn_gemm *g, int64_t batch)
{
    if (is_modest(g))
        return CAIRN_OK;
    if (g->batch < 0 || g->m < 0 || g->n < 0 || g->k < 0)
        return error_set(CAIRN_E_SHAPE, "gemm: a size is negative: batch %lld, m %lld, n %lld, k %lld", (long long)g->batch,
                         (long long)g->m, (long long)g->n, (long long)g->k);
    if (!extent_fits(batch, g->a_batch, g->m, g->a_row, g->k, g->a_col) ||
        !extent_fits(batch, g->b_batch, g->k, g->b_row, g->n, g->b_col) ||
        !extent_fits(batch, g->c_batch, g->m, g->c_row, g->n, 1))
        return error_set(CAIRN_E_SHAPE, "gemm: sizes overflow: batch %lld, m %lld, n %lld, k %lld", (long long)batch,
                         (long long)g->m, (long long)g->n, (long long)g->k);
    if (g->m > 1 && g->c_row < g->n)
        return error_set(CAIRN_E_SHAPE, "gemm: rows of C overlap: c_row %lld, n %lld", (long long)g->c_row, (long long)g->n);
    if (batch > 1 && g->m && g->n && g->c_batch < g->n && -g->c_batch < g->n)
        return error_set(CAIRN_E_SHAPE, "gemm: matrices of C overlap: c_batch %lld, n %lld", (long long)g->c_batch,
                         (long long)g->n);
    return CAIRN_OK;
}

static cairn_status check(const cairn_gemm *g)
{
    if (!g)
        return error_set(CAIRN_E_ARGUMENT, "gemm: the descriptor is NULL");
    if (g->type != CAIRN_F32 && g->type != CAIRN_F64 && g->type != CAIRN_F16 && g->type != CAIRN_BF16)
        return error_set(CAIRN_E_TYPE, "gemm: type %s is not supported", cairn_dtype_name(g->type));
    return check_sizes(g, g->batch ? g->batch : 1);
}

static cairn_status check_memory(const cairn_gemm *g)
{
    if (!g->m || !g->n)
        return CAIRN_OK;
    if (!g->c || (g->k && (!g->a || !g->b)))
        return error_set(CAIRN_E_ARGUMENT, "gemm: an operand is NULL: a %p, b %p, c %p", g->a, g->b, g->c);
    if (g->k && (g->c == g->a || g->c == g->b))
        return error_set(CAIRN_E_ARGUMENT, "gemm: C is an operand: a %p, b %p, c %p", g->a, g->b, g->c);
    return CAIRN_OK;
}

/* ---- One product, or a batch of them ------------------------------------------------------------*/

static matmul matrix(const cairn_gemm *g, int64_t index)
{
    const int bytes = cairn_dtype_bytes(g->type);
    const bool nothing = g->alpha == 0;         /* as BLAS: then A and B are not read */
    return (matmul){
        .kernel = g->type == CAIRN_F64 ? kernels()->gemm_f64 : kernels()->gemm_f32,
        .m = g->m, .n = g->n, .k = nothing ? 0 : g->k, .batch = index,
        .a = {(const char *)g->a + index * g->a_batch * bytes, g->type, g->a_row, g->a_col},
        .b = {(const char *)g->b + index * g->b_batch * bytes, g->type, g->b_col, g->b_row},
        .c_type = g->type, .c = (char *)g->c + index * g->c_batch * bytes, .c_row = g->c_row,
        .alpha = g->alpha, .beta = g->beta,
        .epilogue = g->epilogue, .epilogue_context = g->epilogue_context,
    };
}

/* Small matrices of a batch go to threads whole; large ones one after the other, each on all threads. */
static bool whole_matrices(const cairn_gemm *g, int threads)
{
    return g->batch > 1 && (g->batch >= 4 * threads || (double)g->m * (double)g->n * (double)g->k < 1 << 23);
}

static int batch_slots(const cairn_gemm *g, int threads)
{
    const double work = (double)g->batch * (double)g->m * (double)g->n * (double)(g->k ? g->k : 1);
    return work < 1 << 20 ? 1 : threads;
}

static int64_t slot_bytes(const matmul *mm)
{
    return round_up(matmul_workspace(mm, 1), 64);
}

int64_t cairn_gemm_workspace_bytes(const cairn_gemm *g)
{
    if (check(g) != CAIRN_OK || !g->m || !g->n)
        return 0;
    const matmul mm = matrix(g, 0);
    const int threads = cairn_threads();
    return whole_matrices(g, threads) ? batch_slots(g, threads) * slot_bytes(&mm) : matmul_workspace(&mm, threads);
}

typedef struct batch_job {
    const cairn_gemm *g;
    char *workspace;
    int64_t slot_bytes;
} batch_job;

static void run_matrix(void *context, int64_t index, int64_t slot)
{
    const batch_job *j = context;
    const matmul mm = matrix(j->g, index);
    matmul_run(&mm, 1, j->workspace + slot * j->slot_bytes, j->slot_bytes);
}

static cairn_status too_small(int64_t given, int64_t needed)
{
    return error_set(CAIRN_E_ARGUMENT, "gemm: the workspace is too small: %lld bytes of %lld", (long long)given,
                     (long long)needed);
}

static cairn_status run_batch(const cairn_gemm *g, int threads, void *workspace, int64_t bytes)
{
    const matmul first = matrix(g, 0);
    batch_job j = {.g = g, .workspace = workspace, .slot_bytes = slot_bytes(&first)};
    int64_t slots = batch_slots(g, threads);
    if (j.slot_bytes && bytes / j.slot_bytes < slots)
        slots = bytes / j.slot_bytes;
    if (!slots || (j.slot_bytes && !workspace))
        return too_small(workspace ? bytes : 0, j.slot_bytes);
    slots_run(g->batch, slots, run_matrix, &j);
    return CAIRN_OK;
}

cairn_status cairn_gemm_run(const cairn_gemm *g, void *workspace, int64_t workspace_bytes)
{
    cairn_status status = check(g);
    if (status == CAIRN_OK)
        status = check_memory(g);
    if (status != CAIRN_OK || !g->m || !g->n)
        return status;
    const int threads = cairn_threads();
    if (whole_matrices(g, threads))
        return run_batch(g, threads, workspace, workspace_bytes);
    matmul mm = matrix(g, 0);
    const int64_t needed = matmul_workspace(&mm, 1);
    if (needed && (!workspace || workspace_bytes < needed))
        return too_small(workspace ? workspace_bytes : 0, needed);
    matmul_run(&mm, threads, workspace, workspace_bytes);
    for (int64_t index = 1; index < g->batch; index++) {
        mm = matrix(g, index);
        matmul_run(&mm, threads, workspace, workspace_bytes);
    }
    return CAIRN_OK;
}
