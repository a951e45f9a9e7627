/* Convolution as a matrix product that reads A where it lies.
 *
 * A task takes some rows of output pixels of one slice (or several whole small slices), and copies the input rows that
 * they see into a strip of its own, zeros around them; in three dimensions one strip for each slice of the filter. Then every row of the implied matrix is contiguous:
 *
 *   padded strip     (rows in, width in, channels): the pixels under one row of the filter are one segment; neighbouring
 *                    output pixels are step * channels apart, so a tile of the micro-kernel lies within one output row
 *   unfolded strip   (rows in, output columns, filter columns * channels): tiles also run across output rows, for images so
 *                    narrow that rows would make thin tiles
 *
 * So the strip stays in L2, nothing is gathered more often than a filter is wide, and no im2col matrix exists. Where nothing is padded
 * the image itself can serve as the strip. */
#include "base/pool.h"
#include "primitives/conv/strip.h"
#include "primitives/gemm/block.h"
#include "primitives/slots.h"

enum {
    TASK_PIXELS = 200,                  /* output pixels of a task: each panel of weights is used for so many rows */
    STRIP_BYTES = 768 << 10,
    NARROW = 7,                         /* tiles of fewer rows than this are thin */
};

typedef struct plan {
    const correlation *c;
    strip strip;
    bool in_place;
    int64_t row, pixel, slice;          /* of the strip, or of the image in place: elements from one to the next */
    bool one_line;                      /* in place, output rows follow one another as input rows do */
    int64_t bytes;                      /* of an element */
    int64_t segment, segments;          /* length and number of A's segments */
    int64_t k, padded_outs;
    int64_t piece, pieces;              /* long segments are cut into pieces of at most kc */
    int64_t group;                      /* short segments go together in one run of k */
    int64_t slice_block, row_block, column_block;
    int64_t slice_blocks, row_blocks, column_blocks;
    int64_t strip_slice, strip_bytes;   /* elements of one output slice's strips, bytes of a slot */
    int64_t weight_bytes;
    int slots;
    const char *weights;
    char *strips;
} plan;

/* ---- The choice ---------------------------------------------------------------------------------*/

static bool axis_is_inside(const tap_axis *a, int64_t outputs, int64_t inputs)
{
    return a->count && a->offset0 >= 0 && (outputs - 1) * a->step + a->offset0 + (a->count - 1) * a->offset_step < inputs;
}

bool conv_is_inside(const correlation *c)
{
    return c->deep.count == 1 && axis_is_inside(&c->deep, c->od, c->id) && axis_is_inside(&c->down, c->oh, c->ih) &&
           axis_is_inside(&c->across, c->ow, c->iw);
}

static void choose_segments(plan *p)
{
    const correlation *c = p->c;
    const bool uniform = c->out_row == c->ow * c->out_pixel; /* pixels of all rows equally far apart */
    const bool thin = even_tile(c->ow, c->kernel->mr) < NARROW && c->oh > 1;
    const bool skips = c->across.count == 1 && c->across.step > 1; /* a padded strip would copy pixels that nobody sees */
    p->strip = strip_of(c, uniform && (thin || skips) && c->down.count > 0 && !p->in_place);
    p->pixel = p->in_place ? c->in_pixel : c->channels;
    p->row = p->in_place ? c->iw * c->in_pixel : p->strip.width * c->channels;
    p->one_line = p->in_place && uniform && c->ow * c->across.step * p->pixel == c->down.step * p->row;
    const bool merged = p->strip.unfolded || (c->across.offset_step == 1 && p->pixel == c->channels);
    p->segment = (merged ? c->across.count : 1) * c->channels;
    p->segments = (merged ? 1 : c->across.count) * c->down.count * c->deep.count;
    if (!p->segment)
        p->segments = 0;
    p->k = p->segment * p->segments;
}

static void choose_runs(plan *p)
{
    const int64_t kc = p->c->kernel->kc;
    p->pieces = larger(ceil_div(p->segment, kc), 1);
    p->piece = ceil_div(p->segment, p->pieces);
    const int64_t fit = larger(kc / larger(p->segment, 1), 1);
    p->group = p->segments ? ceil_div(p->segments, ceil_div(p->segments, fit)) : 1;
}

static int64_t strips_elements(const plan *p, int64_t rows) { return p->in_place ? 0 : p->c->deep.count * strip_elements(&p->strip, rows); }

static void cut_tasks(plan *p, int threads)
{
    const correlation *c = p->c;
    gemm_kernel *kernel = c->kernel;
    const int64_t slice_pixels = c->oh * c->ow;
    const double work = (double)c->slices * (double)c->groups * (double)slice_pixels * (double)c->outs * (double)larger(p->k, 1);
    if (work < 1 << 20)
        threads = 1;
    p->row_block = smaller(c->oh, larger(TASK_PIXELS / c->ow, 1));
    while (p->row_block > 1 && strips_elements(p, p->row_block) * p->bytes > STRIP_BYTES)
        p->row_block--;
    p->row_block = even_tile(c->oh, p->row_block);
    p->slice_block = 1;
    if (p->row_block == c->oh && slice_pixels < TASK_PIXELS)
        p->slice_block = smaller(smaller(c->slices, larger(TASK_PIXELS / slice_pixels, 1)),
                                 larger(STRIP_BYTES / larger(strips_elements(p, c->oh) * p->bytes, 1), 1));
    p->slice_block = even_tile(c->slices, p->slice_block);
    p->row_blocks = ceil_div(c->oh, p->row_block);
    p->slice_blocks = ceil_div(c->slices, p->slice_block);
    const int64_t tasks = c->groups * p->row_blocks * p->slice_blocks, panels = ceil_div(c->outs, kernel->nr);
    const int64_t wanted = threads == 1 ? 1 : 4 * threads;
    const int64_t blocks = tasks < wanted ? smaller(ceil_div(wanted, tasks), panels) : 1;
    p->column_block = ceil_div(panels, blocks) * kernel->nr;
    p->column_blocks = ceil_div(c->outs, p->column_block);
    p->slots = (int)smaller(tasks * p->column_blocks, threads);
}

int64_t implicit_pack_bytes(const correlation *c)
{
    const int64_t taps = c->deep.count * c->down.count * c->across.count;
    return round_up(c->groups * round_up(c->outs, c->kernel->nr) * taps * c->channels * c->kernel->element_bytes, 64);
}

static plan choose(const correlation *c, bool in_place, int threads)
{
    plan p = {.c = c, .bytes = c->kernel->element_bytes, .in_place = in_place};
    choose_segments(&p);
    choose_runs(&p);
    cut_tasks(&p, threads);
    p.padded_outs = round_up(c->outs, c->kernel->nr);
    p.slice = p.in_place ? c->ih * p.row : strip_elements(&p.strip, p.row_block);
    p.strip_slice = strips_elements(&p, p.row_block);
    p.strip_bytes = round_up(p.slice_block * p.strip_slice * p.bytes, 64);
    p.weight_bytes = c->packed ? 0 : implicit_pack_bytes(c);
    return p;
}

static int64_t bytes_of(const plan *p)
{
    return p->weight_bytes + p->slots * p->strip_bytes + 64;
}

int64_t implicit_workspace(const correlation *c, bool in_place, int threads)
{
    const plan alone = choose(c, in_place, 1), together = choose(c, in_place, threads);
    return larger(bytes_of(&alone), bytes_of(&together));
}

/* ---- Weights: panels of nr outputs, k in the order of the strip's segments ------------------------*/

typedef struct packing {
    const correlation *c;
    char *to;
} packing;

static void pack_panel(void *context, int64_t task, int worker)
{
    const packing *p = context;
    const correlation *c = p->c;
    const int64_t bytes = c->kernel->element_bytes, taps = c->deep.count * c->down.count * c->across.count;
    const int64_t nr = c->kernel->nr, panels = ceil_div(c->outs, nr), group = task / panels, first = task % panels * nr;
    char *to = p->to + task * nr * taps * c->channels * bytes;
    (void)worker;
    for (int64_t t = 0; t < taps; t++, to += c->channels * nr * bytes) {
        const int64_t slice = c->deep.tap0 + t / c->across.count / c->down.count * c->deep.tap_step;
        const int64_t row = c->down.tap0 + t / c->across.count % c->down.count * c->down.tap_step;
        const int64_t column = c->across.tap0 + t % c->across.count * c->across.tap_step;
        const matmul_operand w = {c->w + (group * c->w_group + slice * c->w_deep + row * c->w_row + column * c->w_column) * bytes,
                                  bytes == 8 ? CAIRN_F64 : CAIRN_F32, c->w_out, c->w_in};
        matmul_pack(c->kernel, &w, first, (int)smaller(nr, c->outs - first), 0, c->channels, to, (int)nr);
    }
}

void implicit_pack(const correlation *c, void *to)
{
    packing p = {c, to};
    pool_run(c->groups * ceil_div(c->outs, c->kernel->nr), pack_panel, &p);
}

/* ---- Tasks --------------------------------------------------------------------------------------*/

typedef struct piece_of_work {
    const plan *p;
    int64_t group, slice0, slices, row0, rows, column0, columns;
    const char *strip, *weights;        /* of the group */
    char *out;                          /* of the group, at row0 */
} piece_of_work;

/* Where segment s begins in the strips of a slice. */
static int64_t segment_offset(const piece_of_work *t, int64_t s)
{
    const plan *p = t->p;
    const correlation *c = p->c;
    const int64_t across = p->segments / c->down.count / c->deep.count;
    const int64_t z = s / across / c->down.count, i = s / across % c->down.count, j = s % across;
    if (p->strip.unfolded)
        return z * p->slice + (p->strip.shared_rows ? i : i * t->rows) * c->ow * p->segment;
    return z * p->slice + i * c->down.offset_step * p->row + j * c->across.offset_step * p->pixel;
}

/* What output row `line` of the task's slice sees of the first tap. */
static const char *line_at(const piece_of_work *t, int64_t slice, int64_t line)
{
    const plan *p = t->p;
    const correlation *c = p->c;
    if (!p->in_place)
        return t->strip + (slice * p->strip_slice + line * c->down.step * p->row) * p->bytes;
    const int64_t y = (t->row0 + line) * c->down.step + c->down.offset0;
    return conv_input_slice(c, t->slice0 + slice, 0) + (y * p->row + c->across.offset0 * p->pixel + t->group * c->channels) * p->bytes;
}

/* All tiles of one panel of outputs in one run of k. */
static void multiply_panel(const piece_of_work *t, gemm_tile *tile, char *out)
{
    const plan *p = t->p;
    const correlation *c = p->c;
    const bool together = p->strip.unfolded || p->one_line;
    const int64_t lines = together ? 1 : t->rows, length = together ? t->rows * c->ow : c->ow;
    const int64_t most = even_tile(length, c->kernel->mr);
    for (int64_t slice = 0; slice < t->slices; slice++)
        for (int64_t line = 0; line < lines; line++) {
            const char *a = line_at(t, slice, line);
            char *to = out + (conv_slice_at(c, t->slice0 + slice) + line * c->out_row) * p->bytes;
            for (int64_t i = 0; i < length; i += most) {
                tile->rows = (int)smaller(most, length - i);
                tile->a = a + i * tile->a_row * p->bytes;
                tile->c = to + i * tile->c_row * p->bytes;
                c->kernel->direct(tile);
            }
        }
}

static void multiply_run(const piece_of_work *t, gemm_tile *tile, int64_t k0)
{
    const plan *p = t->p;
    const int64_t nr = p->c->kernel->nr;
    for (int64_t j = t->column0; j < t->column0 + t->columns; j += nr) {
        tile->cols = (int)smaller(nr, t->column0 + t->columns - j);
        tile->b = t->weights + (j * p->k + k0 * nr) * p->bytes;
        multiply_panel(t, tile, t->out + j * p->bytes);
    }
}

static void multiply(const piece_of_work *t)
{
    const plan *p = t->p;
    const correlation *c = p->c;
    int64_t offset[GEMM_MAX_KC];
    gemm_tile tile = {.offset = offset, .b_step = c->kernel->nr, .c_row = c->out_pixel, .alpha = 1};
    tile.a_row = p->strip.unfolded ? p->segment : c->across.step * p->pixel;
    if (!p->k) {                        /* no taps reach these pixels */
        multiply_run(t, &tile, 0);
        return;
    }
    for (int64_t s = 0; s < p->segments; s += p->group)
        for (int64_t start = 0; start < p->segment; start += p->piece) {
            tile.segments = smaller(p->group, p->segments - s);
            tile.k = smaller(p->piece, p->segment - start);
            for (int64_t i = 0; i < tile.segments; i++)
                offset[i] = segment_offset(t, s + i) + start;
            multiply_run(t, &tile, s * p->segment + start);
            tile.beta = 1;
        }
}

static void fill_strips(const piece_of_work *t, char *own)
{
    const plan *p = t->p;
    const correlation *c = p->c;
    for (int64_t i = 0; i < t->slices && p->k; i++)
        for (int64_t z = 0; z < c->deep.count; z++) {
            const char *slice = conv_input_slice(c, t->slice0 + i, z);
            strip_fill(&p->strip, slice ? slice + t->group * c->channels * p->bytes : NULL, t->row0, t->rows,
                       own + (i * p->strip_slice + z * p->slice) * p->bytes);
        }
}

static void run_task(void *context, int64_t task, int64_t slot)
{
    const plan *p = context;
    const correlation *c = p->c;
    const int64_t column = task % p->column_blocks, row = task / p->column_blocks % p->row_blocks;
    const int64_t slice = task / p->column_blocks / p->row_blocks % p->slice_blocks;
    piece_of_work t = {.p = p, .slice0 = slice * p->slice_block, .row0 = row * p->row_block, .column0 = column * p->column_block};
    t.group = task / p->column_blocks / p->row_blocks / p->slice_blocks;
    t.slices = smaller(p->slice_block, c->slices - t.slice0);
    t.rows = smaller(p->row_block, c->oh - t.row0);
    t.columns = smaller(p->column_block, c->outs - t.column0);
    t.strip = p->strips + slot * p->strip_bytes;
    if (!p->in_place)
        fill_strips(&t, p->strips + slot * p->strip_bytes);
    t.weights = p->weights + t.group * p->padded_outs * p->k * p->bytes;
    t.out = c->out + (t.row0 * c->out_row + t.group * c->outs) * p->bytes;
    multiply(&t);
    conv_finish(c, t.slice0, t.slices, t.row0, t.rows, t.group * c->outs + t.column0, t.columns);
}

void implicit_run(const correlation *c, bool in_place, int threads, void *workspace, int64_t bytes)
{
    plan p = choose(c, in_place, threads);
    while (threads > 1 && bytes_of(&p) > bytes)
        p = choose(c, in_place, --threads);
    char *start = (char *)round_up((int64_t)(intptr_t)workspace, 64);
    p.weights = c->packed ? c->packed : start;
    p.strips = start + p.weight_bytes;
    if (p.k && !c->packed)
        implicit_pack(c, start);
    slots_run(c->groups * p.slice_blocks * p.row_blocks * p.column_blocks, p.slots, run_task, &p);
}
