#include "primitives/gemm/block.h"

#include "base/pool.h"
#include "primitives/gemm/half.h"
#include "primitives/slots.h"

enum {
    ROW_BLOCK = 168,                    /* rows whose A (168 x 256 f32: 172 KB) stays in L2; 12 tiles of 14, 28 of 6 */
    COLUMN_BLOCK = 1024,
    SHARED_B_BYTES = 32 << 20,          /* B is packed in column chunks no larger than this */
};

/* Where an operand lies while the micro-kernel runs. */
typedef enum placement { IN_PLACE, BY_TASK, BEFORE } placement;

typedef struct blocking {
    placement a, b;
    bool wide;                          /* C is narrower than the sums: they gather in the task's own f32 block */
    int64_t run;                        /* length of a run of k */
    int64_t row_block, column_block;
    int64_t a_bytes, b_bytes;           /* packed before the tasks start */
    int64_t slot_a_bytes, slot_bytes;   /* each concurrent task's own: its packed A, then its block of sums */
    int64_t chunk;                      /* columns of C per pass */
    int slots;
} blocking;

/* ---- Packing ------------------------------------------------------------------------------------*/

static float load_half(const uint16_t *from, cairn_dtype type)
{
    return type == CAIRN_BF16 ? bf16_to_f32(*from) : f16_to_f32(*from);
}

static void pack_half(const matmul_operand *from, int64_t first, int count, int64_t p0, int64_t run, float *to, int width)
{
    const uint16_t *in = (const uint16_t *)from->data + first * from->major + p0 * from->minor;
    for (int64_t p = 0; p < run; p++, in += from->minor, to += width) {
        for (int i = 0; i < count; i++)
            to[i] = load_half(in + i * from->major, from->type);
        for (int i = count; i < width; i++)
            to[i] = 0;
    }
}

/* Neither stride is 1. */
#define PACK_STRIDED(name, real)                                                                                      \
    static void name(const real *in, int64_t major, int64_t minor, int count, int64_t run, real *to, int width)       \
    {                                                                                                                 \
        for (int64_t p = 0; p < run; p++, in += minor, to += width)                                                   \
            for (int i = 0; i < width; i++)                                                                           \
                to[i] = i < count ? in[i * major] : 0;                                                                \
    }
PACK_STRIDED(pack_strided_f32, float)
PACK_STRIDED(pack_strided_f64, double)

void matmul_pack(gemm_kernel *kernel, const matmul_operand *from, int64_t first, int count, int64_t p0, int64_t run,
                 void *to, int width)
{
    if (from->type == CAIRN_F16 || from->type == CAIRN_BF16) {
        pack_half(from, first, count, p0, run, to, width);
        return;
    }
    const int bytes = kernel->element_bytes;
    const char *in = from->data + (first * from->major + p0 * from->minor) * bytes;
    if (from->major == 1) {
        kernel->pack_copied(count, in, from->minor, run, to, width, width);
    } else if (from->minor == 1) {
        const void *rows[GEMM_MAX_NR];
        for (int i = 0; i < count; i++)
            rows[i] = in + i * from->major * bytes;
        kernel->pack_transposed(count, rows, run, to, width);
    } else if (bytes == 4) {
        pack_strided_f32((const float *)in, from->major, from->minor, count, run, to, width);
    } else {
        pack_strided_f64((const double *)in, from->major, from->minor, count, run, to, width);
    }
}

/* ---- The choice ---------------------------------------------------------------------------------*/

static bool is_half(cairn_dtype type) { return type == CAIRN_F16 || type == CAIRN_BF16; }

/* A's rows are read in place when packing would not be paid back by enough columns. Rows a multiple of 4 KB
 * apart fall into one set of L1, which more than eight of them overflow. */
static placement place_a(const matmul *mm)
{
    const bool can = !is_half(mm->a.type) && mm->a.minor == 1;
    const bool collide = mm->a.major * mm->kernel->element_bytes % 4096 == 0 && mm->m > 8;
    const bool few = mm->n <= 4 * mm->kernel->nr || mm->m <= 2;
    return can && few && !collide ? IN_PLACE : BY_TASK;
}

static placement place_b(const matmul *mm)
{
    const bool can = !is_half(mm->b.type) && mm->b.major == 1;
    const int64_t bytes = mm->k * mm->b.minor * mm->kernel->element_bytes;
    if (can && (mm->m <= 2 || (mm->m <= 2 * mm->kernel->mr && bytes <= 1 << 20) || bytes <= 128 << 10))
        return IN_PLACE;
    return mm->m <= ROW_BLOCK ? BY_TASK : BEFORE;
}

/* Enough tasks for every thread to get several, none so small that packing and waking outweigh it. */
static void cut_tasks(const matmul *mm, int threads, blocking *b)
{
    gemm_kernel *kernel = mm->kernel;
    const double work = (double)mm->m * (double)mm->n * (double)larger(mm->k, 1);
    const int64_t wanted = threads == 1 ? 1 : (int64_t)(work / (1 << 18) < 4 * threads ? work / (1 << 18) : 4 * threads);
    int64_t columns = ceil_div(b->chunk, COLUMN_BLOCK), rows = ceil_div(mm->m, ROW_BLOCK);
    if (work < 1 << 20)
        threads = 1;
    else if (b->b != BEFORE && rows * columns < wanted)
        columns = smaller(ceil_div(wanted, rows), ceil_div(b->chunk, kernel->nr));
    else if (rows * columns < wanted)
        rows = smaller(ceil_div(wanted, columns), ceil_div(mm->m, 2 * kernel->mr));
    b->column_block = round_up(ceil_div(b->chunk, larger(columns, 1)), kernel->nr);
    b->row_block = smaller(round_up(ceil_div(mm->m, larger(rows, 1)), kernel->mr), mm->m);
    const int64_t tasks = ceil_div(b->chunk, b->column_block) * ceil_div(mm->m, b->row_block);
    b->slots = (int)smaller(tasks, threads);
}

static blocking choose(const matmul *mm, int threads)
{
    gemm_kernel *kernel = mm->kernel;
    const int64_t bytes = kernel->element_bytes;
    blocking b = {.a = place_a(mm), .b = place_b(mm), .wide = is_half(mm->c_type)};
    b.run = matmul_run_length(kernel, mm->k);
    b.chunk = mm->n;
    if (b.b == BEFORE)
        b.chunk = smaller(mm->n, larger(kernel->nr, SHARED_B_BYTES / bytes / larger(mm->k, 1) / kernel->nr * kernel->nr));
    cut_tasks(mm, threads, &b);
    const bool one_row_block = b.row_block >= mm->m;
    if (b.a == BY_TASK && one_row_block && b.slots > 1 && b.b != BEFORE)
        b.a = BEFORE;
    if (b.a == BEFORE)
        b.a_bytes = round_up(mm->m, kernel->mr) * mm->k * bytes;
    if (b.b == BEFORE)
        b.b_bytes = round_up(b.chunk, kernel->nr) * mm->k * bytes;
    if (b.a == BY_TASK)
        b.slot_a_bytes = round_up(round_up(b.row_block, kernel->mr) * b.run * bytes, 64);
    b.a_bytes = round_up(b.a_bytes, 64);
    b.b_bytes = round_up(b.b_bytes, 64);
    b.slot_bytes = b.slot_a_bytes + (b.wide ? b.row_block * b.column_block * bytes : 0);
    return b;
}

static int64_t bytes_of(const blocking *b)
{
    const int64_t bytes = b->a_bytes + b->b_bytes + b->slots * b->slot_bytes;
    return bytes ? bytes + 64 : 0;      /* to align what is given */
}

/* ---- Small products: one run of k, everything in L1 or L2, no memory but the stack ----------------*/

static bool is_small(const matmul *mm)
{
    return mm->k <= mm->kernel->kc && mm->m <= 1 << 18 && mm->n <= 1 << 18 && mm->m * mm->n <= (1 << 18) / larger(mm->k, 1) &&
           !is_half(mm->c_type);
}

/* All columns from j on, as far as one panel of B goes. */
static void small_panel(const matmul *mm, gemm_tile *tile, int64_t j, char *own_b)
{
    gemm_kernel *kernel = mm->kernel;
    const int64_t bytes = kernel->element_bytes;
    char own_a[GEMM_MAX_KC * GEMM_MAX_MR * 8] __attribute__((aligned(64)));
    tile->cols = (int)smaller(kernel->nr, mm->n - j);
    tile->b = mm->b.data + j * bytes;
    tile->b_step = mm->b.minor;
    if (mm->b.major != 1 || tile->cols < kernel->nr) {
        matmul_pack(kernel, &mm->b, j, tile->cols, 0, mm->k, own_b, kernel->nr);
        tile->b = own_b;
        tile->b_step = kernel->nr;
    }
    const int64_t most = mm->m > kernel->mr ? even_tile(mm->m, kernel->mr) : mm->m;
    for (int64_t i = 0; i < mm->m; i += most) {
        tile->rows = (int)smaller(most, mm->m - i);
        tile->c = mm->c + (i * mm->c_row + j) * bytes;
        if (mm->a.minor == 1) {
            tile->a = mm->a.data + i * mm->a.major * bytes;
            kernel->direct(tile);
        } else {
            matmul_pack(kernel, &mm->a, i, tile->rows, 0, mm->k, own_a, kernel->mr);
            tile->a = own_a;
            kernel->packed(tile);
        }
    }
}

static void run_small(const matmul *mm)
{
    const int64_t zero = 0;
    char own_b[GEMM_MAX_KC * GEMM_MAX_NR * 4] __attribute__((aligned(64)));
    gemm_tile tile = {.k = mm->k, .segments = 1, .offset = &zero, .a_row = mm->a.major, .c_row = mm->c_row, .alpha = mm->alpha,
                      .beta = mm->beta};
    for (int64_t j = 0; j < mm->n; j += mm->kernel->nr)
        small_panel(mm, &tile, j, own_b);
    if (mm->epilogue)
        mm->epilogue(mm->epilogue_context, mm->batch, 0, mm->m, 0, mm->n);
}

int64_t matmul_workspace(const matmul *mm, int threads)
{
    if (is_small(mm))
        return 0;
    const blocking alone = choose(mm, 1), together = choose(mm, threads);
    return larger(bytes_of(&alone), bytes_of(&together));
}

/* ---- Running ------------------------------------------------------------------------------------*/

typedef struct job {
    const matmul *mm;
    blocking cut;
    char *packed_a, *packed_b, *slots;
    int64_t column0, columns;           /* the chunk of C in work */
    int64_t row_blocks;
} job;

static int64_t packed_at(const job *j, int64_t first, int64_t p0, int64_t run, int64_t padded)
{
    return (p0 * padded + first * run) * j->mm->kernel->element_bytes;
}

static void pack_a_before(void *context, int64_t task, int worker)
{
    const job *j = context;
    const matmul *mm = j->mm;
    gemm_kernel *kernel = mm->kernel;
    const int64_t first = task * kernel->mr, padded = round_up(mm->m, kernel->mr);
    (void)worker;
    for (int64_t p = 0; p < mm->k; p += j->cut.run) {
        const int64_t run = smaller(j->cut.run, mm->k - p);
        matmul_pack(kernel, &mm->a, first, (int)smaller(kernel->mr, mm->m - first), p, run,
                    j->packed_a + packed_at(j, first, p, run, padded), kernel->mr);
    }
}

static void pack_b_before(void *context, int64_t task, int worker)
{
    const job *j = context;
    const matmul *mm = j->mm;
    gemm_kernel *kernel = mm->kernel;
    const int64_t first = task * kernel->nr, padded = round_up(j->columns, kernel->nr);
    (void)worker;
    for (int64_t p = 0; p < mm->k; p += j->cut.run) {
        const int64_t run = smaller(j->cut.run, mm->k - p);
        matmul_pack(kernel, &mm->b, j->column0 + first, (int)smaller(kernel->nr, j->columns - first), p, run,
                    j->packed_b + packed_at(j, first, p, run, padded), kernel->nr);
    }
}

/* One task's view: its block of C, and where the operands of the current run lie. */
typedef struct block {
    const job *j;
    int64_t row0, rows, column0, columns;
    int64_t p, run;
    char *slot;                         /* the task's own memory */
} block;

static void pack_a_block(const block *k, int64_t tile_rows)
{
    const matmul *mm = k->j->mm;
    const int mr = mm->kernel->mr;
    char *to = k->slot;
    for (int64_t i = 0; i < k->rows; i += tile_rows, to += mr * k->run * mm->kernel->element_bytes)
        matmul_pack(mm->kernel, &mm->a, k->row0 + i, (int)smaller(tile_rows, k->rows - i), k->p, k->run, to, mr);
}

/* The panel of B for columns j ... of the block: in place, packed before, or packed now into `own`. */
static const char *panel_b(const block *k, int64_t j, int width, char *own, int64_t *step)
{
    const matmul *mm = k->j->mm;
    const blocking *cut = &k->j->cut;
    gemm_kernel *kernel = mm->kernel;
    *step = kernel->nr;
    if (cut->b == BEFORE)
        return k->j->packed_b + packed_at(k->j, k->column0 - k->j->column0 + j, k->p, k->run,
                                          round_up(k->j->columns, kernel->nr));
    if (cut->b == IN_PLACE && width == kernel->nr) {
        *step = mm->b.minor;
        return mm->b.data + (k->column0 + j + k->p * mm->b.minor) * kernel->element_bytes;
    }
    matmul_pack(kernel, &mm->b, k->column0 + j, width, k->p, k->run, own, kernel->nr);
    return own;
}

/* All tiles of the block for one run of k. */
static void multiply_run(const block *k, char *c, int64_t c_row, double alpha, double beta)
{
    const matmul *mm = k->j->mm;
    const blocking *cut = &k->j->cut;
    gemm_kernel *kernel = mm->kernel;
    const int64_t bytes = kernel->element_bytes;
    const int64_t tile_rows = cut->a == BEFORE ? kernel->mr : even_tile(k->rows, kernel->mr), zero = 0;
    char own[GEMM_MAX_KC * GEMM_MAX_NR * 4] __attribute__((aligned(64)));
    gemm_tile tile = {.k = k->run, .segments = 1, .offset = &zero, .a_row = mm->a.major, .c_row = c_row,
                      .alpha = alpha, .beta = beta};
    if (cut->a == BY_TASK)
        pack_a_block(k, tile_rows);
    for (int64_t j = 0; j < k->columns; j += kernel->nr) {
        tile.cols = (int)smaller(kernel->nr, k->columns - j);
        tile.b = panel_b(k, j, tile.cols, own, &tile.b_step);
        for (int64_t i = 0; i < k->rows; i += tile_rows) {
            tile.rows = (int)smaller(tile_rows, k->rows - i);
            tile.c = c + (i * c_row + j) * bytes;
            if (cut->a == IN_PLACE) {
                tile.a = mm->a.data + ((k->row0 + i) * mm->a.major + k->p) * bytes;
                kernel->direct(&tile);
                continue;
            }
            tile.a = cut->a == BY_TASK ? k->slot + i / tile_rows * kernel->mr * k->run * bytes
                                       : k->j->packed_a + packed_at(k->j, k->row0 + i, k->p, k->run, round_up(mm->m, kernel->mr));
            kernel->packed(&tile);
        }
    }
}

/* The sums, which carry alpha already, go to narrower elements of C with one rounding. */
static void store_half(const block *k, const float *sums)
{
    const matmul *mm = k->j->mm;
    const bool bf16 = mm->c_type == CAIRN_BF16;
    const float beta = (float)mm->beta;
    for (int64_t i = 0; i < k->rows; i++, sums += k->columns) {
        uint16_t *c = (uint16_t *)mm->c + (k->row0 + i) * mm->c_row + k->column0;
        for (int64_t j = 0; j < k->columns; j++) {
            const float old = beta == 0 ? 0 : beta * load_half(c + j, mm->c_type);
            c[j] = bf16 ? f32_to_bf16(sums[j] + old) : f32_to_f16(sums[j] + old);
        }
    }
}

static void run_block(block *k)
{
    const matmul *mm = k->j->mm;
    const blocking *cut = &k->j->cut;
    const int64_t bytes = mm->kernel->element_bytes;
    char *sums = k->slot + cut->slot_a_bytes;
    char *c = cut->wide ? sums : mm->c + (k->row0 * mm->c_row + k->column0) * bytes;
    const int64_t c_row = cut->wide ? k->columns : mm->c_row;
    k->p = 0;
    do {
        k->run = smaller(cut->run, mm->k - k->p);
        multiply_run(k, c, c_row, mm->alpha, k->p ? 1 : cut->wide ? 0 : mm->beta);
        k->p += k->run;
    } while (k->p < mm->k);
    if (cut->wide)
        store_half(k, (const float *)sums);
    if (mm->epilogue)
        mm->epilogue(mm->epilogue_context, mm->batch, k->row0, k->rows, k->column0, k->columns);
}

static void run_task(void *context, int64_t task, int64_t slot)
{
    const job *j = context;
    const blocking *cut = &j->cut;
    block k = {.j = j, .slot = j->slots + slot * cut->slot_bytes};
    k.row0 = task % j->row_blocks * cut->row_block;
    k.rows = smaller(cut->row_block, j->mm->m - k.row0);
    k.column0 = task / j->row_blocks * cut->column_block;
    k.columns = smaller(cut->column_block, j->columns - k.column0);
    k.column0 += j->column0;
    run_block(&k);
}

void matmul_run(const matmul *mm, int threads, void *workspace, int64_t bytes)
{
    if (is_small(mm)) {
        run_small(mm);
        return;
    }
    job j = {.mm = mm, .cut = choose(mm, threads)};
    while (threads > 1 && bytes_of(&j.cut) > bytes)
        j.cut = choose(mm, --threads);
    gemm_kernel *kernel = mm->kernel;
    j.packed_a = (char *)round_up((int64_t)(intptr_t)workspace, 64);
    j.packed_b = j.packed_a + j.cut.a_bytes;
    j.slots = j.packed_b + j.cut.b_bytes;
    j.row_blocks = ceil_div(mm->m, larger(j.cut.row_block, 1));
    if (j.cut.a == BEFORE)
        pool_run(ceil_div(mm->m, kernel->mr), pack_a_before, &j);
    for (; j.column0 < mm->n; j.column0 += j.cut.chunk) {
        j.columns = smaller(j.cut.chunk, mm->n - j.column0);
        if (j.cut.b == BEFORE)
            pool_run(ceil_div(j.columns, kernel->nr), pack_b_before, &j);
        slots_run(j.row_blocks * ceil_div(j.columns, j.cut.column_block), j.cut.slots, run_task, &j);
    }
}
