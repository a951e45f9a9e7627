#include "primitives/gemm/block.h"

#include "base/pool.h"
#include "primitives/gemm/finish.h"
#include "primitives/gemm/half.h"
#include "primitives/kernels.h"
#include "primitives/slots.h"

#include <math.h>

enum {
    ROW_BLOCK_BYTES = 512 << 10,        /* of A, which stay in L2 */
    COLUMN_BLOCK = 4096,                /* columns of a task, */
    WORKED_COLUMN_BLOCK = 1024,         /* and when its block of C is worked on afterwards */
    WORD_COLUMN_BLOCK = 512,            /* and of words, whose rates want C to stay in L2 from run to run of k */
    STREAM_COLUMN_BLOCK = 1024,         /* when B streams from memory */
    TASKS = 4,                          /* for each thread */
    SHARED_BYTES = 64 << 20,            /* A, or B, is packed once for all tasks when it is no larger */
    SMALL_K = 256,                      /* products without workspace have no more */
    SMALL_WORK = 1 << 18,
    SMALL_ACROSS = 2,                   /* rows, of products whose B is read along its columns in place */
    FEW_ROWS = 8
};

/* Where an operand lies while the micro-kernel runs. */
typedef enum placement { IN_PLACE, BY_TASK, BEFORE, KEPT } placement;

typedef struct blocking {
    placement a, b;
    bool stream, across;                /* few rows against a large B: see gemm_stream */
    bool wide;                          /* sums gather in the task's own block */
    int64_t run;                        /* length of a run of k */
    int64_t tile_rows;                  /* panels of A begin at its multiples */
    int64_t row_block, column_block;    /* of a task; row_block is a multiple of tile_rows */
    int64_t a_bytes, b_bytes;           /* packed before the tasks start */
    int64_t slot_a_bytes, slot_b_bytes, slot_bytes; /* each concurrent task's own: packed A, a panel of B, sums */
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

static void pack_words(gemm_kernel *kernel, const matmul_operand *from, int64_t first, int count, int64_t p0, int64_t run,
                       void *to, int width)
{
    const int64_t q0 = p0 * kernel->unit;
    kernel->pack(&(gemm_pack){.from = from->data + (first * from->major + q0 * from->minor) * cairn_dtype_bytes(from->type),
                              .type = from->type, .major = from->major, .minor = from->minor, .have = larger(from->k - q0, 0),
                              .run = run, .count = count, .width = width, .is_a = from->is_a, .to = to,
                              .transpose = kernels()->gemm_f32->pack_transposed});
}

void matmul_pack(gemm_kernel *kernel, const matmul_operand *from, int64_t first, int count, int64_t p0, int64_t run,
                 void *to, int width)
{
    if (kernel->pack) {
        pack_words(kernel, from, first, count, p0, run, to, width);
        return;
    }
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

static bool as_it_is(const matmul *mm, const matmul_operand *x) { return !mm->kernel->pack && x->type == mm->kernel->sum; }
/* The sums need a place of their own before they become C. */
static bool is_wide(const matmul *mm)
{
    return mm->c_type != mm->kernel->sum || mm->kernel->repair || (mm->fused && (mm->fused->row_scale || mm->fused->column_scale));
}
static int64_t sum_bytes(const matmul *mm) { return cairn_dtype_bytes(mm->kernel->sum); }

/* A's rows are read in place when packing would not be paid back by enough columns. Rows a multiple of 4 KB
 * apart fall into one set of L1, which more than eight of them overflow. */
static placement place_a(const matmul *mm)
{
    const bool can = as_it_is(mm, &mm->a) && mm->a.minor == 1;
    const bool collide = mm->a.major * mm->kernel->element_bytes % 4096 == 0 && mm->m > 8;
    const bool few = mm->n <= 4 * mm->kernel->nr || mm->m <= 2;
    return can && few && !collide ? IN_PLACE : BY_TASK;
}

static placement place_b(const matmul *mm)
{
    const bool can = as_it_is(mm, &mm->b) && mm->b.major == 1;
    if (mm->packed_b)
        return KEPT;
    const int64_t bytes = mm->k * mm->b.minor * mm->kernel->element_bytes;
    const bool few = mm->m <= 2 || (mm->m <= 2 * mm->kernel->mr && bytes <= 1 << 20) || bytes <= 128 << 10;
    return can && few ? IN_PLACE : BY_TASK;
}

/* Few rows against a B that is read where it lies, once. */
static bool streams(const matmul *mm, int64_t least_bytes)
{
    return as_it_is(mm, &mm->a) && as_it_is(mm, &mm->b) && !mm->packed_b && !is_wide(mm) && mm->m <= GEMM_STREAM_ROWS &&
           mm->n >= 4 * mm->kernel->nr && mm->k * mm->n * mm->kernel->element_bytes > least_bytes;
}

/* From `least` columns of tasks up to twice as many: such that the thread with most tasks has least to do. */
static int64_t balanced(int64_t rows, int64_t least, int64_t panels, int threads)
{
    int64_t best = least, cost = INT64_MAX;
    for (int64_t columns = least; columns <= smaller(2 * least, panels); columns++) {
        const int64_t longest = ceil_div(rows * columns, threads) * ceil_div(panels, columns);
        if (longest < cost)
            best = columns, cost = longest;
    }
    return best;
}

/* Tiles of A's rows that stay in L2. */
static int64_t rows_that_fit(gemm_kernel *kernel, const blocking *b)
{
    return larger(ROW_BLOCK_BYTES / larger(b->run * kernel->element_bytes, 1) / b->tile_rows, 1);
}

/* Blocks of C such that A's rows stay in half of L2, and every thread gets several, by columns first: each panel of B is then
 * packed by one task. */
static void cut_tasks(const matmul *mm, int threads, blocking *b)
{
    gemm_kernel *kernel = mm->kernel;
    /* of few rows, reading B is the work */
    const double work = (double)(mm->m < FEW_ROWS && mm->k > SMALL_K ? FEW_ROWS : mm->m) * (double)mm->n * (double)larger(mm->k, 1);
    const int64_t most = threads == 1 ? 1 : TASKS * threads;
    const int64_t wanted = work / (1 << 18) < (double)most ? (int64_t)(work / (1 << 18)) : most;
    const int64_t panels = ceil_div(mm->n, kernel->nr), tiles = ceil_div(mm->m, b->tile_rows);
    const int64_t fit = rows_that_fit(kernel, b);
    const int64_t widest = b->stream                              ? STREAM_COLUMN_BLOCK
                           : kernel->pack                         ? WORD_COLUMN_BLOCK
                           : b->wide || mm->epilogue || mm->fused ? WORKED_COLUMN_BLOCK
                                                                  : COLUMN_BLOCK;
    int64_t rows = ceil_div(tiles, fit), columns = ceil_div(mm->n, widest);
    if (rows * columns < wanted)
        columns = balanced(rows, smaller(ceil_div(wanted, rows), panels), panels, threads);
    if (rows * columns < smaller(wanted, 2 * threads)) /* rows cost more: every row of tasks packs B */
        rows = smaller(ceil_div(wanted, columns), ceil_div(tiles, 2));
    b->column_block = ceil_div(panels, columns) * kernel->nr;
    b->row_block = ceil_div(tiles, rows) * b->tile_rows;
    const int64_t tasks = ceil_div(mm->n, b->column_block) * ceil_div(mm->m, b->row_block);
    b->slots = work < 1 << 20 ? 1 : (int)smaller(tasks, threads);
}

static blocking choose(const matmul *mm, int threads)
{
    gemm_kernel *kernel = mm->kernel;
    const int64_t bytes = kernel->element_bytes;
    blocking b = {.a = place_a(mm), .b = place_b(mm), .wide = is_wide(mm)};
    b.run = matmul_run_length(kernel, mm->k);
    b.tile_rows = even_tile(mm->m, kernel->mr);
    b.across = mm->b.minor == 1 && mm->a.minor == 1 && streams(mm, 64 << 10);
    b.stream = b.across || (mm->b.major == 1 && streams(mm, 1 << 20));
    if (b.b == BY_TASK && kernel->pack && mm->m > rows_that_fit(kernel, &b) * b.tile_rows && matmul_packed_bytes(mm) <= SHARED_BYTES)
        b.b = BEFORE; /* words cost more to pack than numbers, and every row of tasks would do it again */
    cut_tasks(mm, threads, &b);
    const int64_t a_bytes = ceil_div(mm->m, b.tile_rows) * kernel->mr * mm->k * bytes;
    if (b.a == BY_TASK && b.column_block < mm->n && a_bytes <= SHARED_BYTES)
        b.a = BEFORE;
    if (b.a == BEFORE)
        b.a_bytes = round_up(a_bytes, 64);
    if (b.b == BEFORE)
        b.b_bytes = round_up(matmul_packed_bytes(mm), 64);
    if (b.a == BY_TASK)
        b.slot_a_bytes = round_up(b.row_block / b.tile_rows * kernel->mr * b.run * bytes, 64);
    b.slot_b_bytes = b.b == KEPT || b.b == BEFORE ? 0 : round_up(b.run * kernel->nr * bytes, 64);
    b.slot_bytes = b.slot_a_bytes + b.slot_b_bytes + (b.wide ? b.row_block * b.column_block * sum_bytes(mm) : 0);
    if (b.stream) {
        b.a = IN_PLACE;
        b.row_block = mm->m;
        b.a_bytes = b.slot_a_bytes = b.slot_b_bytes = 0;
        b.slot_bytes = mm->m * (b.across ? kernel->nr : b.column_block) * bytes;
    }
    return b;
}

static int64_t bytes_of(const blocking *b)
{
    return b->a_bytes + b->b_bytes + b->slots * b->slot_bytes + 64;      /* 64 to align what is given */
}

/* ---- Small products: one run of k, everything in L1 or L2, no memory but the stack ----------------*/

static bool is_small(const matmul *mm)
{
    return mm->k <= SMALL_K && mm->m <= SMALL_WORK && mm->n <= SMALL_WORK && mm->m * mm->n <= SMALL_WORK / larger(mm->k, 1) &&
           as_it_is(mm, &mm->a) && as_it_is(mm, &mm->b) && !is_wide(mm);
}

/* The panel of the kept B that begins at a column, for the run that begins at p. */
static char *packed_b_at(const matmul *mm, int64_t column, int64_t p, int64_t run)
{
    gemm_kernel *kernel = mm->kernel;
    const int64_t panels = ceil_div(mm->n, kernel->nr);
    return (char *)mm->packed_b + (p * panels + column / kernel->nr * run) * kernel->nr * kernel->element_bytes;
}

/* All columns from j on, as far as one panel of B goes. */
static void small_panel(const matmul *mm, gemm_tile *tile, int64_t j, char *own_b)
{
    gemm_kernel *kernel = mm->kernel;
    const int64_t bytes = kernel->element_bytes;
    char own_a[SMALL_K * GEMM_MAX_MR * 8] __attribute__((aligned(64)));
    tile->cols = (int)smaller(kernel->nr, mm->n - j);
    tile->b = mm->b.data + j * bytes;
    tile->b_step = mm->b.minor;
    if (mm->packed_b) {
        tile->b = packed_b_at(mm, j, 0, mm->k);
        tile->b_step = kernel->nr;
    } else if (mm->b.major != 1 || tile->cols < kernel->nr) {
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

/* What is left to do on a block of C. */
static void finish(const matmul *mm, int64_t row0, int64_t rows, int64_t column0, int64_t columns)
{
    const int64_t bytes = cairn_dtype_bytes(mm->c_type);
    if (mm->fused)
        matmul_finish(mm, row0, rows, column0, columns, mm->c + (row0 * mm->c_row + column0) * bytes, mm->c_row);
    if (mm->epilogue)
        mm->epilogue(mm->epilogue_context, mm->batch, row0, rows, column0, columns);
}

static void run_small(const matmul *mm)
{
    const int64_t zero = 0;
    char own_b[SMALL_K * GEMM_MAX_NR * 4] __attribute__((aligned(64)));
    gemm_tile tile = {.k = mm->k, .segments = 1, .offset = &zero, .a_row = mm->a.major, .c_row = mm->c_row, .alpha = mm->alpha,
                      .beta = mm->beta};
    for (int64_t j = 0; j < mm->n; j += mm->kernel->nr)
        small_panel(mm, &tile, j, own_b);
    finish(mm, 0, mm->m, 0, mm->n);
}

int64_t matmul_workspace(const matmul *mm, int threads)
{
    if (!mm->m || !mm->n || is_small(mm))
        return 0;
    const blocking alone = choose(mm, 1), together = choose(mm, threads);
    return larger(bytes_of(&alone), bytes_of(&together));
}

/* ---- Running ------------------------------------------------------------------------------------*/

typedef struct job {
    const matmul *mm;
    blocking cut;
    char *packed_a, *slots;
    int64_t row_blocks;
} job;

/* The panel of A that begins at row i, for the run that begins at p. */
static char *packed_a_at(const job *j, int64_t i, int64_t p, int64_t run)
{
    const int64_t panels = ceil_div(j->mm->m, j->cut.tile_rows), panel = i / j->cut.tile_rows;
    return j->packed_a + (p * panels + panel * run) * j->mm->kernel->mr * j->mm->kernel->element_bytes;
}

static void pack_a_before(void *context, int64_t task, int worker)
{
    const job *j = context;
    const matmul *mm = j->mm;
    const int64_t first = task * j->cut.tile_rows;
    (void)worker;
    for (int64_t p = 0; p < mm->k; p += j->cut.run) {
        const int64_t run = smaller(j->cut.run, mm->k - p);
        matmul_pack(mm->kernel, &mm->a, first, (int)smaller(j->cut.tile_rows, mm->m - first), p, run, packed_a_at(j, first, p, run),
                    mm->kernel->mr);
    }
}

/* One task's view: its block of C, and where the operands of the current run lie. */
typedef struct block {
    const job *j;
    int64_t row0, rows, column0, columns;
    int64_t p, run;
    char *own_a, *own_b, *sums;         /* the task's own memory */
} block;

static void pack_a_block(const block *k)
{
    const matmul *mm = k->j->mm;
    const int mr = mm->kernel->mr;
    const int64_t tile_rows = k->j->cut.tile_rows;
    char *to = k->own_a;
    for (int64_t i = 0; i < k->rows; i += tile_rows, to += mr * k->run * mm->kernel->element_bytes)
        matmul_pack(mm->kernel, &mm->a, k->row0 + i, (int)smaller(tile_rows, k->rows - i), k->p, k->run, to, mr);
}

int64_t matmul_packed_bytes(const matmul *mm)
{
    return ceil_div(mm->n, mm->kernel->nr) * mm->kernel->nr * mm->k * mm->kernel->element_bytes;
}

static void pack_kept(void *context, int64_t panel, int worker)
{
    const matmul *mm = context;
    gemm_kernel *kernel = mm->kernel;
    const int64_t longest = matmul_run_length(kernel, mm->k), column = panel * kernel->nr;
    (void)worker;
    for (int64_t p = 0; p < mm->k; p += longest) {
        const int64_t run = smaller(longest, mm->k - p);
        matmul_pack(kernel, &mm->b, column, (int)smaller(kernel->nr, mm->n - column), p, run, packed_b_at(mm, column, p, run), kernel->nr);
    }
}

void matmul_pack_b(const matmul *mm, void *to)
{
    matmul into = *mm;
    into.packed_b = to;
    pool_run(ceil_div(mm->n, mm->kernel->nr), pack_kept, &into);
}

/* The panel of B for columns j ... of the block: in place, or packed now. */
static const char *panel_b(const block *k, int64_t j, int width, int64_t *step)
{
    const matmul *mm = k->j->mm;
    gemm_kernel *kernel = mm->kernel;
    *step = kernel->nr;
    if (k->j->cut.b == KEPT)
        return packed_b_at(mm, k->column0 + j, k->p, k->run);
    if (k->j->cut.b == IN_PLACE && width == kernel->nr) {
        *step = mm->b.minor;
        return mm->b.data + (k->column0 + j + k->p * mm->b.minor) * kernel->element_bytes;
    }
    matmul_pack(kernel, &mm->b, k->column0 + j, width, k->p, k->run, k->own_b, kernel->nr);
    return k->own_b;
}

/* While the tiles of a panel of B run, the memory that the next panel is packed from comes to L2: a share of its rows before
 * each tile, so that the queue of misses never fills. */
typedef struct fetch {
    const char *row;
    int64_t rows, stride, bytes;        /* left of them; from one to the next; of each */
    int64_t share;
} fetch;

static fetch fetch_of(const block *k, int64_t j, int64_t tiles)
{
    const matmul_operand *b = &k->j->mm->b;
    const int64_t size = cairn_dtype_bytes(b->type), nr = k->j->mm->kernel->nr;
    const int64_t unit = k->j->mm->kernel->unit;
    fetch f = {0};
    if (k->j->cut.b != BY_TASK || j + nr > k->columns) /* there is no such panel, nor perhaps such an address */
        return f;
    f.row = b->data + ((k->column0 + j) * b->major + k->p * unit * b->minor) * size;
    if (b->major == 1)
        f.rows = k->run * unit, f.stride = b->minor * size, f.bytes = nr * size;
    else if (b->minor == 1)
        f.rows = nr, f.stride = b->major * size, f.bytes = k->run * unit * size;
    f.share = ceil_div(f.rows, tiles);
    return f;
}

static void fetch_share(fetch *f)
{
    for (int64_t n = smaller(f->share, f->rows); n > 0; n--, f->rows--, f->row += f->stride)
        for (int64_t at = 0; at < f->bytes; at += 64)
            __builtin_prefetch(f->row + at, 0, 2);
}

/* All tiles of the block for one run of k. */
static void multiply_run(const block *k, char *c, int64_t c_row, double alpha, double beta)
{
    const matmul *mm = k->j->mm;
    const blocking *cut = &k->j->cut;
    gemm_kernel *kernel = mm->kernel;
    const int64_t bytes = kernel->element_bytes, zero = 0, c_bytes = sum_bytes(mm);
    gemm_tile tile = {.k = k->run, .segments = 1, .offset = &zero, .a_row = mm->a.major, .c_row = c_row,
                      .alpha = alpha, .beta = beta};
    if (cut->a == BY_TASK)
        pack_a_block(k);
    const int64_t tiles = ceil_div(k->rows, cut->tile_rows);
    for (int64_t j = 0; j < k->columns; j += kernel->nr) {
        tile.cols = (int)smaller(kernel->nr, k->columns - j);
        tile.b = panel_b(k, j, tile.cols, &tile.b_step);
        fetch next = fetch_of(k, j + kernel->nr, tiles);
        for (int64_t i = 0; i < k->rows; i += cut->tile_rows) {
            tile.rows = (int)smaller(cut->tile_rows, k->rows - i);
            tile.c = c + (i * c_row + j) * c_bytes;
            fetch_share(&next);
            if (cut->a == IN_PLACE) {
                tile.a = mm->a.data + ((k->row0 + i) * mm->a.major + k->p) * bytes;
                kernel->direct(&tile);
                continue;
            }
            tile.a = cut->a == BY_TASK ? k->own_a + i / cut->tile_rows * kernel->mr * k->run * bytes
                                       : packed_a_at(k->j, k->row0 + i, k->p, k->run);
            kernel->packed(&tile);
        }
    }
}

/* Element (q, column) of B as f32, from where it is kept. */
static float b_element(const matmul *mm, int64_t q, int64_t column)
{
    gemm_kernel *kernel = mm->kernel;
    if (!mm->packed_b)
        return ((const float *)mm->b.data)[column * mm->b.major + q * mm->b.minor];
    const int64_t longest = matmul_run_length(kernel, mm->k), p = q / kernel->unit / longest * longest;
    const char *panel = packed_b_at(mm, column, p, smaller(longest, mm->k - p));
    return kernel->element(panel, q - p * kernel->unit, (int)(column % kernel->nr));
}

/* Without a branch, so that compilers vectorise it. */
static bool all_finite(const float *x, int64_t n)
{
    uint32_t special = 0;
    for (int64_t i = 0; i < n; i++)
        special |= (half_word(x[i]) & 0x7f800000u) == 0x7f800000u;
    return !special;
}

/* Partial products of a split number meet infinities as NaN: such an element is the chain of FMAs of its operands. */
static void repair_row(const block *k, int64_t i, float *sums)
{
    const matmul *mm = k->j->mm;
    const float *a = (const float *)mm->a.data + (k->row0 + i) * mm->a.major;
    for (int64_t j = 0; j < k->columns; j++) {
        float sum = 0;
        if (isfinite(sums[j]))
            continue;
        for (int64_t p = 0; p < mm->a.k; p++)
            sum = fmaf(a[p * mm->a.minor], b_element(mm, p, k->column0 + j), sum);
        sums[j] = (float)mm->alpha * sum;
    }
}

static void repair(const block *k)
{
    for (int64_t i = 0; i < k->rows; i++) {
        float *sums = (float *)k->sums + i * k->columns;
        if (!all_finite(sums, k->columns))
            repair_row(k, i, sums);
    }
}

static void run_stream(block *k)
{
    const matmul *mm = k->j->mm;
    gemm_kernel *kernel = mm->kernel;
    const int64_t bytes = kernel->element_bytes;
    for (k->p = 0; k->p < mm->k; k->p += k->run) {
        k->run = smaller(k->j->cut.run, mm->k - k->p);
        memset(k->sums, 0, (size_t)(k->rows * k->columns * bytes));
        kernel->stream(&(gemm_stream){.a = mm->a.data + k->p * mm->a.minor * bytes, .a_row = mm->a.major, .a_col = mm->a.minor,
                                      .b = mm->b.data + (k->p * mm->b.minor + k->column0) * bytes, .b_step = mm->b.minor,
                                      .sums = k->sums, .sum_row = k->columns, .k = k->run, .rows = (int)k->rows, .cols = k->columns});
        kernel->combine(k->rows, k->columns, k->sums, k->columns, mm->alpha, k->p ? 1 : mm->beta, mm->c + k->column0 * bytes, mm->c_row);
    }
    finish(mm, 0, k->rows, k->column0, k->columns);
}

/* B's columns are contiguous: half a panel of them from end to end, then the next. */
static void run_across(block *k)
{
    const matmul *mm = k->j->mm;
    gemm_kernel *kernel = mm->kernel;
    const int64_t bytes = kernel->element_bytes, lanes = kernel->nr / 2;
    for (int64_t j = k->column0; j < k->column0 + k->columns; j += lanes) {
        const int64_t cols = smaller(lanes, k->column0 + k->columns - j);
        for (int64_t p = 0, run; p < mm->k; p += run) {
            run = smaller(k->j->cut.run, mm->k - p);
            kernel->across(&(gemm_stream){.a = mm->a.data + p * bytes, .a_row = mm->a.major, .b = mm->b.data + (j * mm->b.major + p) * bytes,
                                          .b_step = mm->b.major, .left = mm->k - p, .row_length = mm->k, .k = run, .sums = k->sums,
                                          .sum_row = lanes, .rows = (int)k->rows, .cols = cols});
            kernel->combine(k->rows, cols, k->sums, lanes, mm->alpha, p ? 1 : mm->beta, mm->c + j * bytes, mm->c_row);
        }
    }
    finish(mm, 0, k->rows, k->column0, k->columns);
}

/* A panel of B that one or two rows are multiplied with is not worth writing. */
static bool is_small_across(const matmul *mm)
{
    return mm->m <= SMALL_ACROSS && mm->a.minor == 1 && mm->b.minor == 1 && mm->b.major != 1 && !mm->packed_b;
}

static void run_small_across(const matmul *mm)
{
    char sums[SMALL_ACROSS * GEMM_MAX_NR * 4] __attribute__((aligned(64)));
    const job j = {.mm = mm, .cut = {.run = mm->k}};
    run_across(&(block){.j = &j, .rows = mm->m, .columns = mm->n, .sums = sums});
}

static void run_block(block *k)
{
    const matmul *mm = k->j->mm;
    const blocking *cut = &k->j->cut;
    const bool whole = mm->kernel->sum != CAIRN_I32;         /* sums carry alpha */
    char *c = cut->wide ? k->sums : mm->c + (k->row0 * mm->c_row + k->column0) * sum_bytes(mm);
    const int64_t c_row = cut->wide ? k->columns : mm->c_row;
    k->p = 0;
    do {
        k->run = smaller(cut->run, mm->k - k->p);
        multiply_run(k, c, c_row, whole ? mm->alpha : 1, k->p ? 1 : cut->wide ? 0 : mm->beta);
        k->p += k->run;
    } while (k->p < mm->k);
    if (mm->kernel->repair)
        repair(k);
    if (cut->wide)
        matmul_finish_sums(mm, k->row0, k->rows, k->column0, k->columns, k->sums);
    else
        finish(mm, k->row0, k->rows, k->column0, k->columns);
    if (cut->wide && mm->epilogue)
        mm->epilogue(mm->epilogue_context, mm->batch, k->row0, k->rows, k->column0, k->columns);
}

static void run_task(void *context, int64_t task, int64_t slot)
{
    const job *j = context;
    const blocking *cut = &j->cut;
    block k = {.j = j, .own_a = j->slots + slot * cut->slot_bytes};
    k.own_b = k.own_a + cut->slot_a_bytes;
    k.sums = k.own_b + cut->slot_b_bytes;
    k.row0 = task % j->row_blocks * cut->row_block;
    k.rows = smaller(cut->row_block, j->mm->m - k.row0);
    k.column0 = task / j->row_blocks * cut->column_block;
    k.columns = smaller(cut->column_block, j->mm->n - k.column0);
    if (cut->across)
        run_across(&k);
    else if (cut->stream)
        run_stream(&k);
    else
        run_block(&k);
}

void matmul_run(const matmul *mm, int threads, void *workspace, int64_t bytes)
{
    if (!mm->m || !mm->n)
        return;
    if (is_small(mm)) {
        (is_small_across(mm) ? run_small_across : run_small)(mm);
        return;
    }
    matmul with_b = *mm;
    job j = {.mm = &with_b, .cut = choose(mm, threads)};
    while (threads > 1 && bytes_of(&j.cut) > bytes)
        j.cut = choose(mm, --threads);
    j.packed_a = (char *)round_up((int64_t)(intptr_t)workspace, 64);
    j.slots = j.packed_a + j.cut.a_bytes + j.cut.b_bytes;
    j.row_blocks = ceil_div(mm->m, j.cut.row_block);
    if (j.cut.b == BEFORE) {
        with_b.packed_b = j.packed_a + j.cut.a_bytes;
        matmul_pack_b(mm, (char *)with_b.packed_b);
        j.cut.b = KEPT;
    }
    if (j.cut.a == BEFORE)
        pool_run(ceil_div(mm->m, j.cut.tile_rows), pack_a_before, &j);
    slots_run(j.row_blocks * ceil_div(mm->n, j.cut.column_block), j.cut.slots, run_task, &j);
}
