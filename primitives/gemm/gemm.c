/* cairn_gemm: checks, the kernel for the types, then a matrix product for each member of the batch. */
#include "base/error.h"
#include "primitives/apart.h"
#include "primitives/finish.h"
#include "primitives/gemm/block.h"
#include "primitives/kernels.h"
#include "primitives/slots.h"

#include <stdatomic.h>

/* ---- Types and kernels --------------------------------------------------------------------------*/

static atomic_int precision = CAIRN_PRECISION_HIGHEST;

cairn_status cairn_set_matmul_precision(cairn_precision wanted)
{
    if ((int)wanted < CAIRN_PRECISION_HIGHEST || (int)wanted > CAIRN_PRECISION_MEDIUM)
        return error_set(CAIRN_E_ARGUMENT, "set_matmul_precision: no such precision: %d", (int)wanted);
    precision = (int)wanted;
    return CAIRN_OK;
}

cairn_precision cairn_matmul_precision(void) { return (cairn_precision)precision; }

static bool is_byte(cairn_dtype type) { return type == CAIRN_I8 || type == CAIRN_U8; }
static bool is_half(cairn_dtype type) { return type == CAIRN_F16 || type == CAIRN_BF16; }
static cairn_dtype b_type(const cairn_gemm *g) { return g->b_type ? g->b_type : g->type; }
static cairn_dtype c_type(const cairn_gemm *g) { return g->c_type ? g->c_type : is_byte(g->type) ? CAIRN_I32 : g->type; }

static gemm_kernel *byte_kernel(cairn_dtype a, cairn_dtype b)
{
    const kernel_table *t = kernels();
    gemm_kernel *best = a == CAIRN_U8 ? (b == CAIRN_I8 ? t->gemm_u8i8 : t->gemm_u8u8) : (b == CAIRN_I8 ? t->gemm_i8i8 : t->gemm_i8u8);
    return best ? best : t->gemm_i16;
}

/* What cairn_gemm_pack puts before the panels. */
typedef struct packed_header {
    gemm_kernel *kernel;
    int64_t n, k;
    cairn_dtype type;
} __attribute__((aligned(64))) packed_header;

/* The kernel that f32 is split for at this precision, or NULL. */
static gemm_kernel *splitting_kernel(void)
{
    const kernel_table *t = kernels();
    return precision == CAIRN_PRECISION_HIGH && t->gemm_split3 ? t->gemm_split3 : t->gemm_split6;
}

enum { SPLIT_COST = 48 };               /* products of one number: to split it takes as long */

/* Few rows or columns are faster as they are. */
static bool splitting_pays(const cairn_gemm *g)
{
    const double m = (double)g->m, n = (double)g->n;
    return m * n >= SPLIT_COST * (m + n);
}

/* By types, processor and precision; and where the processor multiplies split numbers, by whether f32 is split. */
static gemm_kernel *kernel_for(const cairn_gemm *g, bool split)
{
    const kernel_table *t = kernels();
    const int wanted = g->type == CAIRN_F32 ? precision : CAIRN_PRECISION_HIGHEST;
    if (g->type == CAIRN_F64)
        return t->gemm_f64;
    if (is_byte(g->type))
        return byte_kernel(g->type, b_type(g));
    if ((g->type == CAIRN_BF16 || wanted == CAIRN_PRECISION_MEDIUM) && t->gemm_bf16)
        return t->gemm_bf16;
    return g->type == CAIRN_F32 && split && splitting_kernel() ? splitting_kernel() : t->gemm_f32;
}

static gemm_kernel *kernel_of(const cairn_gemm *g)
{
    return g->packed_b ? ((const packed_header *)g->packed_b)->kernel : kernel_for(g, splitting_pays(g));
}

/* ---- Checks -------------------------------------------------------------------------------------*/

/* Whether all of base + i * a + j * b + ... stays far inside int64 (bytes included) for indices within the sizes. */
/* No memory is as large as 2^50 elements; below that what looks some panels ahead does not overflow either. */
static bool extent_fits(int64_t batch, int64_t batch_stride, int64_t rows, int64_t row_stride, int64_t columns,
                        int64_t column_stride)
{
    const double reach = (double)batch * (batch_stride < 0 ? -(double)batch_stride : (double)batch_stride) +
                         (double)rows * (row_stride < 0 ? -(double)row_stride : (double)row_stride) +
                         (double)columns * (column_stride < 0 ? -(double)column_stride : (double)column_stride);
    return reach < 0x1p50 && (double)batch * (double)rows * (double)columns < 0x1p58;
}

/* What nearly all products are, and what nothing of can overflow or overlap. */
static bool is_modest(const cairn_gemm *g)
{
    const uint64_t sizes = (uint64_t)g->batch | (uint64_t)g->m | (uint64_t)g->n | (uint64_t)g->k;
    const uint64_t strides = (uint64_t)g->a_batch | (uint64_t)g->a_row | (uint64_t)g->a_col | (uint64_t)g->b_batch |
                             (uint64_t)g->b_row | (uint64_t)g->b_col | (uint64_t)g->c_batch | (uint64_t)g->c_row;
    return sizes < 1 << 18 && strides < 1ull << 32 && g->c_row >= g->n && (g->batch <= 1 || g->c_batch >= g->n);
}

enum { MOST_TILE = 256 };               /* sizes are filled up to tiles of less */

static cairn_status check_sizes(const cairn_gemm *g, int64_t batch)
{
    if (is_modest(g))
        return CAIRN_OK;
    if (g->batch < 0 || g->m < 0 || g->n < 0 || g->k < 0)
        return error_set(CAIRN_E_SHAPE, "gemm: a size is negative: batch %lld, m %lld, n %lld, k %lld", (long long)g->batch,
                         (long long)g->m, (long long)g->n, (long long)g->k);
    const double m = (double)g->m + MOST_TILE, n = (double)g->n + MOST_TILE, k = (double)g->k + MOST_TILE;
    if (m * n >= 0x1p56 || m * k >= 0x1p56 || n * k >= 0x1p56 || !extent_fits(batch, g->a_batch, g->m, g->a_row, g->k, g->a_col) ||
        !extent_fits(batch, g->b_batch, g->k, g->b_row, g->n, g->b_col) ||
        !extent_fits(batch, g->c_batch, g->m, g->c_row, g->n, 1))
        return error_set(CAIRN_E_SHAPE, "gemm: sizes overflow: batch %lld, m %lld, n %lld, k %lld", (long long)batch,
                         (long long)g->m, (long long)g->n, (long long)g->k);
    if (g->m > 1 && g->c_row < g->n)
        return error_set(CAIRN_E_SHAPE, "gemm: rows of C overlap: c_row %lld, n %lld", (long long)g->c_row, (long long)g->n);
    if (batch > 1 && !g->c_list && g->m && g->n && g->c_batch < g->n && -g->c_batch < g->n)
        return error_set(CAIRN_E_SHAPE, "gemm: matrices of C overlap: c_batch %lld, n %lld", (long long)g->c_batch,
                         (long long)g->n);
    return CAIRN_OK;
}

static bool fuses(const cairn_gemm *g)
{
    return !finish_is_nothing(&g->fused) || g->row_bias || g->row_scale || g->column_scale || g->saved || g->gradient;
}

/* Of `residual` or `saved`: strides of 0 are C's. */
static cairn_status check_beside(const cairn_gemm *g, const char *name, int64_t batch_stride, int64_t row, bool written)
{
    row = row ? row : g->c_row;
    if (extent_fits(g->batch ? g->batch : 1, batch_stride ? batch_stride : g->c_batch, g->m, row, g->n, 1) && !(written && g->m > 1 && row < g->n))
        return CAIRN_OK;
    return error_set(CAIRN_E_SHAPE, "gemm: strides of %s overflow or overlap: batch %lld, row %lld, n %lld", name, (long long)batch_stride,
                     (long long)row, (long long)g->n);
}

static cairn_status check_types(const cairn_gemm *g)
{
    const cairn_dtype a = g->type, b = b_type(g), c = c_type(g);
    const bool real = a == CAIRN_F32 || a == CAIRN_F64 || is_half(a), narrow_c = c == CAIRN_F32 || is_half(c);
    if (!real && !is_byte(a))
        return error_set(CAIRN_E_TYPE, "gemm: type %s is not supported", cairn_dtype_name(a));
    if (is_byte(a) ? !is_byte(b) : a != b)
        return error_set(CAIRN_E_TYPE, "gemm: types do not go together: %s times %s", cairn_dtype_name(a), cairn_dtype_name(b));
    if (!(a == CAIRN_F64 ? c == a : a == CAIRN_F32 ? narrow_c : is_half(a) ? c == a || c == CAIRN_F32 : c == CAIRN_I32 || narrow_c))
        return error_set(CAIRN_E_TYPE, "gemm: C of %s is not supported for %s", cairn_dtype_name(c), cairn_dtype_name(a));
    if (c == CAIRN_I32 && (g->alpha != 1 || (g->beta != 0 && g->beta != 1) || fuses(g)))
        return error_set(CAIRN_E_UNSUPPORTED, "gemm: C of i32 is the plain sum: alpha %g (1), beta %g (0 or 1)%s", g->alpha, g->beta,
                         fuses(g) ? ", and something fused" : "");
    return CAIRN_OK;
}

static cairn_status check(const cairn_gemm *g)
{
    if (!g)
        return error_set(CAIRN_E_ARGUMENT, "gemm: the descriptor is NULL");
    const cairn_status types = check_types(g);
    if (types != CAIRN_OK)
        return types;
    if (g->gradient && !g->saved)
        return error_set(CAIRN_E_ARGUMENT, "gemm: the gradient of an activation needs what its forward pass saved");
    cairn_status fused = finish_check("gemm", &g->fused, g->c);
    if (fused == CAIRN_OK && g->fused.residual)
        fused = check_beside(g, "the residual", g->residual_batch, g->residual_row, false);
    if (fused == CAIRN_OK && g->saved)
        fused = check_beside(g, "what is saved", g->saved_batch, g->saved_row, !g->gradient);
    return fused != CAIRN_OK ? fused : check_sizes(g, g->batch ? g->batch : 1);
}

/* f32 is packed split, or as it is: as it paid for the m that it was packed for. */
static cairn_status check_packed(const cairn_gemm *g)
{
    const packed_header *h = g->packed_b;
    if ((h->kernel != kernel_for(g, true) && h->kernel != kernel_for(g, false)) || h->n != g->n || h->k != g->k || h->type != b_type(g))
        return error_set(CAIRN_E_ARGUMENT, "gemm: packed_b is not a %lld x %lld %s B packed for this precision and processor", (long long)g->k,
                         (long long)g->n, cairn_dtype_name(b_type(g)));
    return CAIRN_OK;
}

static const void *a_of(const cairn_gemm *g, int64_t i)
{
    return g->a_list ? g->a_list[i] : (const char *)g->a + i * g->a_batch * cairn_dtype_bytes(g->type);
}
static const void *b_of(const cairn_gemm *g, int64_t i)
{
    return g->b_list ? g->b_list[i] : (const char *)g->b + i * g->b_batch * cairn_dtype_bytes(b_type(g));
}
static void *c_of(const cairn_gemm *g, int64_t i)
{
    return g->c_list ? g->c_list[i] : (char *)g->c + i * g->c_batch * cairn_dtype_bytes(c_type(g));
}

static cairn_status check_memory(const cairn_gemm *g)
{
    if (!g->m || !g->n)
        return CAIRN_OK;
    for (int64_t i = 0; i < (g->batch > 1 && (g->a_list || g->b_list || g->c_list) ? g->batch : 1); i++) {
        const void *a = g->a_list || g->a ? a_of(g, i) : NULL, *b = g->packed_b ? g->packed_b : g->b_list || g->b ? b_of(g, i) : NULL;
        const void *c = g->c_list || g->c ? c_of(g, i) : NULL;
        if (!c || (g->k && (!a || !b)))
            return error_set(CAIRN_E_ARGUMENT, "gemm: an operand is NULL: a %p, b %p, c %p", a, b, c);
        if (g->k && (c == a || c == b))
            return error_set(CAIRN_E_ARGUMENT, "gemm: C is an operand: a %p, b %p, c %p", a, b, c);
    }
    cairn_status status = outputs_apart("gemm", OUTPUTS(g->c), INPUTS(g->saved, g->row_bias, g->row_scale, g->column_scale));
    if (status == CAIRN_OK && g->saved && !g->gradient)
        status = outputs_apart("gemm", OUTPUTS(g->saved), INPUTS(g->a, g->b, g->fused.residual, g->fused.bias, g->fused.scale, g->row_bias,
                                                                 g->row_scale, g->column_scale));
    if (status != CAIRN_OK)
        return status;
    return g->packed_b ? check_packed(g) : CAIRN_OK;
}

/* ---- One product, or a batch of them ------------------------------------------------------------*/

static matmul matrix_for(const cairn_gemm *g, int64_t index, gemm_kernel *kernel)
{
    const bool nothing = g->alpha == 0;         /* as BLAS: then A and B are not read */
    const int64_t k = nothing ? 0 : g->k;
    static const char unread[1];                /* in the place of what may be NULL: A and B of no terms, B that is packed */
    return (matmul){
        .kernel = kernel, .m = g->m, .n = g->n, .k = matmul_steps(kernel, k), .batch = index,
        .a = k ? (matmul_operand){.data = a_of(g, index), .type = g->type, .major = g->a_row, .minor = g->a_col, .k = k, .is_a = true}
               : (matmul_operand){.data = unread, .type = g->type, .is_a = true},
        .b = k ? (matmul_operand){.data = g->packed_b ? unread : b_of(g, index), .type = b_type(g), .major = g->b_col, .minor = g->b_row, .k = k}
               : (matmul_operand){.data = unread, .type = b_type(g)},
        .packed_b = g->packed_b && k ? (const char *)((const packed_header *)g->packed_b + 1) : NULL, .fused = fuses(g) ? g : NULL,
        .c_type = c_type(g), .c = c_of(g, index), .c_row = g->c_row,
        .alpha = g->alpha, .beta = g->beta,
        .epilogue = g->epilogue, .epilogue_context = g->epilogue_context,
    };
}

static matmul matrix(const cairn_gemm *g, int64_t index) { return matrix_for(g, index, kernel_of(g)); }

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

/* For sizes alone: lists may be absent when the workspace is asked for, and packed_b anything. */
static matmul shape_of(const cairn_gemm *g, gemm_kernel *kernel)
{
    cairn_gemm plain = *g;
    plain.a_list = plain.b_list = NULL;
    plain.c_list = NULL;
    matmul mm = matrix_for(&plain, 0, kernel);
    mm.fused = mm.fused ? g : NULL;
    return mm;
}

/* For one matrix; with a packed B, however that is packed. */
static int64_t matrix_workspace(const cairn_gemm *g, int threads)
{
    const bool pays = splitting_pays(g);
    const matmul mm = shape_of(g, kernel_for(g, pays)), other = shape_of(g, kernel_for(g, !pays));
    const int64_t bytes = matmul_workspace(&mm, threads);
    return g->packed_b && other.kernel != mm.kernel ? larger(bytes, matmul_workspace(&other, threads)) : bytes;
}

static int64_t slot_bytes(const cairn_gemm *g) { return round_up(matrix_workspace(g, 1), 64); }

int64_t cairn_gemm_workspace_bytes(const cairn_gemm *g)
{
    if (check(g) != CAIRN_OK || !g->m || !g->n)
        return 0;
    const int threads = cairn_threads();
    return whole_matrices(g, threads) ? batch_slots(g, threads) * slot_bytes(g) : matrix_workspace(g, threads);
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
    batch_job j = {.g = g, .workspace = workspace, .slot_bytes = slot_bytes(g)};
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

/* ---- B packed once ------------------------------------------------------------------------------*/

/* The product as far as packing is concerned: even where alpha is 0 and B would not be read. */
static cairn_gemm packed_alone(const cairn_gemm *g)
{
    cairn_gemm alone = *g;
    alone.alpha = 1;
    alone.packed_b = NULL;
    return alone;
}

int64_t cairn_gemm_pack_bytes(const cairn_gemm *g)
{
    if (check(g) != CAIRN_OK)
        return 0;
    const cairn_gemm alone = packed_alone(g);
    const matmul mm = shape_of(&alone, kernel_of(&alone));
    return (int64_t)sizeof(packed_header) + matmul_packed_bytes(&mm);
}

cairn_status cairn_gemm_pack(const cairn_gemm *g, void *packed)
{
    const cairn_status status = check(g);
    if (status != CAIRN_OK)
        return status;
    if (!packed || (g->k && g->n && !g->b) || (uintptr_t)packed % 64)
        return error_set(CAIRN_E_ARGUMENT, "gemm_pack: from b %p to %p (not NULL, a multiple of 64)", g->b, packed);
    const cairn_gemm alone = packed_alone(g);
    const matmul mm = shape_of(&alone, kernel_of(&alone));
    *(packed_header *)packed = (packed_header){.kernel = mm.kernel, .n = g->n, .k = g->k, .type = b_type(g)};
    matmul_pack_b(&mm, (packed_header *)packed + 1);
    return CAIRN_OK;
}

/* ---- Groups -------------------------------------------------------------------------------------*/

/* Many groups, or small ones, go to threads whole. */
static bool whole_groups(const cairn_gemm *groups, int64_t count, int threads)
{
    bool small = true;
    for (int64_t i = 0; i < count; i++)
        small = small && (double)larger(groups[i].batch, 1) * (double)groups[i].m * (double)groups[i].n * (double)groups[i].k < 1 << 23;
    return count > 1 && (count >= 4 * threads || small);
}

/* The most that one group needs: on one thread with `alone`. */
static int64_t group_bytes(const cairn_gemm *groups, int64_t count, bool alone)
{
    int64_t most = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!groups[i].m || !groups[i].n)
            continue;
        most = larger(most, alone ? slot_bytes(&groups[i]) : cairn_gemm_workspace_bytes(&groups[i]));
    }
    return most;
}

static cairn_status check_groups(const cairn_gemm *groups, int64_t count)
{
    if (count < 0 || (count && !groups))
        return error_set(CAIRN_E_ARGUMENT, "gemm_group: %lld groups at %p", (long long)count, (const void *)groups);
    for (int64_t i = 0; i < count; i++) {
        const cairn_status status = check(&groups[i]);
        if (status != CAIRN_OK)
            return status;
    }
    return CAIRN_OK;
}

int64_t cairn_gemm_group_workspace_bytes(const cairn_gemm *groups, int64_t count)
{
    if (check_groups(groups, count) != CAIRN_OK)
        return 0;
    const int threads = cairn_threads();
    return whole_groups(groups, count, threads) ? threads * group_bytes(groups, count, true) : group_bytes(groups, count, false);
}

static void run_group(void *context, int64_t index, int64_t slot)
{
    batch_job j = *(const batch_job *)context;
    j.g += index;
    for (int64_t i = 0; i < larger(j.g->batch, 1) && j.g->m && j.g->n; i++)
        run_matrix(&j, i, slot);
}

cairn_status cairn_gemm_group_run(const cairn_gemm *groups, int64_t count, void *workspace, int64_t workspace_bytes)
{
    cairn_status status = check_groups(groups, count);
    for (int64_t i = 0; i < count && status == CAIRN_OK; i++)
        status = check_memory(&groups[i]);
    if (status != CAIRN_OK || !count)
        return status;
    const int threads = cairn_threads();
    const bool whole = whole_groups(groups, count, threads);
    const int64_t needed = group_bytes(groups, count, true);
    if (needed && (!workspace || workspace_bytes < needed))
        return too_small(workspace ? workspace_bytes : 0, needed);
    for (int64_t i = 0; i < count && !whole && status == CAIRN_OK; i++)
        status = cairn_gemm_run(&groups[i], workspace, workspace_bytes);
    if (!whole)
        return status;
    batch_job j = {.g = groups, .workspace = workspace, .slot_bytes = needed};
    slots_run(count, needed ? smaller(threads, workspace_bytes / needed) : threads, run_group, &j);
    return CAIRN_OK;
}
