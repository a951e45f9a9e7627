/* The weight gradient, dw(o, r, s, c) = sum over pixels of dy(pixel, o) * x(pixel seen through tap (r, s), c): a matrix
 * product whose k runs over all output pixels, too many to gather. For a run of pixels a task packs its filters' dy, which
 * stays in L2, and copies the rows of x that they see into padded strips; from these it makes one panel of (tap, channel)
 * columns after the other, which stays in L1. Under one row of the filter, columns and strips are laid out alike,
 * so a panel is made of few pieces even when the image has few channels.
 *
 * Pixels are cut into parts by shape alone; each part sums into an array of its own, and the arrays are added in order,
 * so that any number of threads gives the same bits. */
#include "base/pool.h"
#include "primitives/conv/strip.h"
#include "primitives/gemm/block.h"
#include "primitives/slots.h"

enum {
    TASKS = 16,                         /* enough to keep several threads evenly busy */
    PART_PIXELS = 1024,                 /* a part is worth its array */
    BLOCK_BYTES = 1 << 20,              /* of dw that a task sums: it stays in L2 */
    SUM_BLOCK = 4096,
};

/* A run of k: some whole slices of the output, or some rows of one, or a piece of one row; numbered in this order. */
typedef struct runs {
    int64_t slices, rows, width;        /* of a run */
    int64_t slice_blocks, row_blocks, pieces;
} runs;

typedef struct plan {
    const conv *c;
    correlation form;                   /* forward */
    strip strip;
    int64_t bytes, columns;             /* taps * channels of a group: a row of dw */
    runs runs;
    int64_t run_count, part_runs, parts;
    int64_t column_block, column_blocks;
    int64_t strip_deep, strip_slice, strip_bytes, part_bytes, packed_bytes, slot_bytes, dw_elements;
    int slots;
    const char *dy;
    char *dw, *part_arrays, *own;       /* own: of the slots */
} plan;

static runs cut_runs(const conv *c)
{
    const int64_t kc = c->kernel->kc;
    runs r = {.slices = 1, .rows = 1, .pieces = ceil_div(c->ow, kc)};
    r.width = ceil_div(c->ow, r.pieces);
    if (r.pieces == 1)
        r.rows = even_tile(c->oh, larger(kc / c->ow, 1));
    if (r.rows == c->oh)
        r.slices = larger(smaller(kc / (c->oh * c->ow), c->d.n * c->od), 1);
    r.slice_blocks = ceil_div(c->d.n * c->od, r.slices);
    r.row_blocks = ceil_div(c->oh, r.rows);
    return r;
}

static void choose(const conv *c, int threads, plan *p)
{
    const cairn_conv *d = &c->d;
    *p = (plan){.c = c, .form = conv_forward_form(c, NULL, NULL, NULL), .bytes = c->kernel->element_bytes,
                .columns = d->t * d->r * d->s * c->cg, .runs = cut_runs(c)};
    const int64_t nr = c->kernel->nr, panels = ceil_div(p->columns, nr), pixels = d->n * c->od * c->oh * c->ow;
    const int64_t blocks = smaller(panels, ceil_div(c->kg * p->columns * p->bytes, BLOCK_BYTES));
    p->column_block = ceil_div(panels, blocks) * nr;
    p->column_blocks = ceil_div(p->columns, p->column_block);
    p->run_count = p->runs.slice_blocks * p->runs.row_blocks * p->runs.pieces;
    p->parts = larger(1, smaller(ceil_div(TASKS, p->column_blocks * d->groups), pixels / PART_PIXELS));
    p->part_runs = ceil_div(p->run_count, smaller(p->parts, p->run_count));
    p->parts = ceil_div(p->run_count, p->part_runs);
    p->dw_elements = d->k * p->columns;
    p->strip = strip_of(&p->form, false);
    p->strip_deep = strip_elements(&p->strip, p->runs.rows);
    p->strip_slice = d->t * p->strip_deep;
    p->strip_bytes = round_up(p->runs.slices * p->strip_slice * p->bytes, 64);
    p->packed_bytes = round_up(round_up(c->kg, c->kernel->mr) * p->runs.slices * p->runs.rows * p->runs.width * p->bytes, 64);
    p->slot_bytes = p->packed_bytes + p->strip_bytes;
    p->part_bytes = round_up((p->parts - 1) * p->dw_elements * p->bytes, 64);
    const double work = (double)pixels * (double)p->dw_elements;
    p->slots = (int)smaller(work < 1 << 20 ? 1 : threads, p->parts * p->column_blocks * d->groups);
}

static int64_t bytes_of(const plan *p) { return p->part_bytes + p->slots * p->slot_bytes + 64; }

int64_t weight_workspace(const conv *c, int threads)
{
    plan p;
    choose(c, threads, &p);
    return bytes_of(&p);
}

/* ---- Tasks --------------------------------------------------------------------------------------*/

typedef struct piece_of_work {
    const plan *p;
    int64_t group, column0, columns;
    int64_t slice0, slices, row0, rows, x0, width; /* the run's pixels */
    char *packed, *strips;
    char *to;                           /* the block of dw, or of the part's array */
} piece_of_work;

static void locate_run(piece_of_work *t, int64_t run)
{
    const conv *c = t->p->c;
    const runs *r = &t->p->runs;
    t->x0 = run % r->pieces * r->width;
    t->row0 = run / r->pieces % r->row_blocks * r->rows;
    t->slice0 = run / r->pieces / r->row_blocks * r->slices;
    t->width = smaller(r->width, c->ow - t->x0);
    t->rows = smaller(r->rows, c->oh - t->row0);
    t->slices = smaller(r->slices, c->d.n * c->od - t->slice0);
}

static int64_t pixels_of(const piece_of_work *t) { return t->slices * t->rows * t->width; }

static void fill_strips(const piece_of_work *t)
{
    const plan *p = t->p;
    for (int64_t i = 0; i < t->slices; i++)
        for (int64_t z = 0; z < p->c->d.t; z++) {
            const char *slice = conv_input_slice(&p->form, t->slice0 + i, z);
            strip_fill(&p->strip, slice ? slice + t->group * p->c->cg * p->bytes : NULL, t->row0, t->rows,
                       t->strips + (i * p->strip_slice + z * p->strip_deep) * p->bytes);
        }
}

/* The run's pixels, which lie together in dy, by tiles of filters. */
static void pack_filters(const piece_of_work *t, int64_t tile_rows)
{
    const plan *p = t->p;
    const conv *c = p->c;
    const int64_t pixel = (t->slice0 * c->oh + t->row0) * c->ow + t->x0, run = pixels_of(t), mr = c->kernel->mr;
    const matmul_operand dy = {p->dy + (pixel * c->d.k + t->group * c->kg) * p->bytes, p->bytes == 8 ? CAIRN_F64 : CAIRN_F32, 1,
                               c->d.k};
    for (int64_t i = 0; i < c->kg; i += tile_rows)
        matmul_pack(c->kernel, &dy, i, (int)smaller(tile_rows, c->kg - i), 0, run,
                    t->packed + i / tile_rows * mr * run * p->bytes, (int)mr);
}

/* A stretch of columns whose elements of x lie together: of one filter row, or of one tap when taps lie apart. */
static int64_t stretch_length(const plan *p)
{
    return p->form.across.offset_step == 1 ? p->c->d.s * p->c->cg : p->c->cg;
}

static int64_t stretch_offset(const plan *p, int64_t stretch)
{
    const correlation *f = &p->form;
    const int64_t across = f->across.offset_step == 1 ? 1 : f->across.count;
    const int64_t z = stretch / across / f->down.count, i = stretch / across % f->down.count, j = stretch % across;
    return z * p->strip_deep + (i * f->down.offset_step * p->strip.width + j * f->across.offset_step) * f->channels;
}

/* run pixels x nr columns of (tap, channel), from `column` on. */
static void pack_panel(const piece_of_work *t, int64_t column, int width, char *panel)
{
    const plan *p = t->p;
    const correlation *f = &p->form;
    const int64_t nr = f->kernel->nr, step = f->across.step * f->channels, length = stretch_length(p);
    for (int at = 0; at < width;) {     /* the first piece clears what is right of it, the next ones fill it */
        const int64_t in = (column + at) % length, count = smaller(length - in, width - at);
        const char *from = t->strips + (stretch_offset(p, (column + at) / length) + in + t->x0 * step) * p->bytes;
        char *to = panel + at * p->bytes;
        for (int64_t slice = 0; slice < t->slices; slice++)
            for (int64_t row = 0; row < t->rows; row++, to += t->width * nr * p->bytes)
                f->kernel->pack_copied((int)count, from + (slice * p->strip_slice + row * f->down.step * p->strip.width * f->channels) * p->bytes,
                                       step, t->width, to, at ? (int)count : (int)nr, nr);
        at += (int)count;
    }
}

/* Adds one run to the block of dw, or sets it. */
static void multiply_run(const piece_of_work *t, double beta)
{
    const plan *p = t->p;
    const conv *c = p->c;
    gemm_kernel *kernel = c->kernel;
    const int64_t tile_rows = even_tile(c->kg, kernel->mr), run = pixels_of(t);
    char panel[GEMM_MAX_KC * GEMM_MAX_NR * 4] __attribute__((aligned(64)));
    gemm_tile tile = {.k = run, .b = panel, .b_step = kernel->nr, .c_row = p->columns, .alpha = 1, .beta = beta};
    fill_strips(t);
    pack_filters(t, tile_rows);
    for (int64_t j = 0; j < t->columns; j += kernel->nr) {
        tile.cols = (int)smaller(kernel->nr, t->columns - j);
        pack_panel(t, t->column0 + j, tile.cols, panel);
        for (int64_t i = 0; i < c->kg; i += tile_rows) {
            tile.rows = (int)smaller(tile_rows, c->kg - i);
            tile.a = t->packed + i / tile_rows * kernel->mr * run * p->bytes;
            tile.c = t->to + (i * p->columns + j) * p->bytes;
            kernel->packed(&tile);
        }
    }
}

static void run_task(void *context, int64_t task, int64_t slot)
{
    const plan *p = context;
    const conv *c = p->c;
    const int64_t part = task % p->parts, block = task / p->parts % p->column_blocks, group = task / p->parts / p->column_blocks;
    char *array = part ? p->part_arrays + (part - 1) * p->dw_elements * p->bytes : p->dw;
    piece_of_work t = {.p = p, .group = group, .column0 = block * p->column_block};
    t.columns = smaller(p->column_block, p->columns - t.column0);
    t.packed = p->own + slot * p->slot_bytes;
    t.strips = t.packed + p->packed_bytes;
    t.to = array + (group * c->kg * p->columns + t.column0) * p->bytes;
    const int64_t first = part * p->part_runs, end = smaller(first + p->part_runs, p->run_count);
    for (int64_t run = first; run < end; run++) {
        locate_run(&t, run);
        multiply_run(&t, run == first ? 0 : 1);
    }
}

/* ---- Sums of parts ------------------------------------------------------------------------------*/

typedef struct sum {
    gemm_kernel *kernel;
    char *sum;
    const char *parts;
    int64_t count, n;
} sum;

#define ADD_PARTS(name, real)                                                               \
    static void name(real *to, const real *parts, int64_t count, int64_t n, int64_t stride) \
    {                                                                                       \
        for (int64_t part = 0; part < count - 1; part++, parts += stride)                   \
            for (int64_t i = 0; i < n; i++)                                                 \
                to[i] += parts[i];                                                          \
    }
ADD_PARTS(add_parts_f32, float)
ADD_PARTS(add_parts_f64, double)

static void sum_block(void *context, int64_t task, int worker)
{
    const sum *s = context;
    const int64_t first = task * SUM_BLOCK, n = smaller(SUM_BLOCK, s->n - first), at = first * s->kernel->element_bytes;
    (void)worker;
    if (s->kernel->element_bytes == 4)
        add_parts_f32((float *)(s->sum + at), (const float *)(s->parts + at), s->count, n, s->n);
    else
        add_parts_f64((double *)(s->sum + at), (const double *)(s->parts + at), s->count, n, s->n);
}

void conv_sum_parts(gemm_kernel *kernel, void *to, const void *parts, int64_t count, int64_t n)
{
    sum s = {kernel, to, parts, count, n};
    if (count > 1)
        pool_run(ceil_div(n, SUM_BLOCK), sum_block, &s);
}

void weight_run(const conv *c, const void *x, const void *dy, void *dw, int threads, void *workspace, int64_t bytes)
{
    plan p;
    choose(c, threads, &p);
    while (threads > 1 && bytes_of(&p) > bytes)
        choose(c, --threads, &p);
    p.form.in = x;
    p.dy = dy;
    p.dw = dw;
    p.part_arrays = (char *)round_up((int64_t)(intptr_t)workspace, 64);
    p.own = p.part_arrays + p.part_bytes;
    slots_run(p.parts * p.column_blocks * c->d.groups, p.slots, run_task, &p);
    conv_sum_parts(c->kernel, dw, p.part_arrays, p.parts, p.dw_elements);
}
