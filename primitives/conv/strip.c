#include "primitives/conv/strip.h"

#include "primitives/slots.h"

#include <string.h>

static int64_t rows_in(const correlation *c, int64_t rows)
{
    return (rows - 1) * c->down.step + larger(c->down.count - 1, 0) * c->down.offset_step + 1;
}

strip strip_of(const correlation *c, bool unfolded)
{
    const int64_t reach = larger(c->across.count - 1, 0) * c->across.offset_step;
    return (strip){
        .c = c, .unfolded = unfolded, .bytes = c->kernel->element_bytes,
        .shared_rows = !unfolded || (c->down.step == 1 && c->down.offset_step == 1),
        .width = unfolded ? c->ow : (c->ow - 1) * c->across.step + reach + 1,
        .pixel = unfolded ? c->across.count * c->channels : c->channels,
    };
}

int64_t strip_elements(const strip *s, int64_t rows)
{
    return (s->shared_rows ? rows_in(s->c, rows) : rows * s->c->down.count) * s->width * s->pixel;
}

/* Copies pixels from, from + step ... of one input row, to_step bytes apart; those outside of the image are zeros. */
static void copy_pixels(const strip *s, const char *row, int64_t from, int64_t step, int64_t count, char *to, int64_t to_step)
{
    const correlation *c = s->c;
    const int64_t bytes = c->channels * s->bytes;
    if (row && step == 1 && c->in_pixel == c->channels && to_step == bytes) {
        const int64_t before = smaller(larger(-from, 0), count), inside = larger(smaller(count, c->iw - from) - before, 0);
        memset(to, 0, (size_t)(before * bytes));
        memcpy(to + before * bytes, row + larger(from, 0) * bytes, (size_t)(inside * bytes));
        memset(to + (before + inside) * bytes, 0, (size_t)((count - before - inside) * bytes));
        return;
    }
    for (int64_t i = 0; i < count; i++, from += step, to += to_step) {
        if (row && from >= 0 && from < c->iw)
            memcpy(to, row + from * c->in_pixel * s->bytes, (size_t)bytes);
        else
            memset(to, 0, (size_t)bytes);
    }
}

static void fill_row(const strip *s, const char *slice, int64_t y, char *to)
{
    const correlation *c = s->c;
    const char *row = y >= 0 && y < c->ih && slice ? slice + y * c->iw * c->in_pixel * s->bytes : NULL;
    if (!s->unfolded) {
        copy_pixels(s, row, c->across.offset0, 1, s->width, to, c->channels * s->bytes);
        return;
    }
    for (int64_t j = 0; j < c->across.count; j++)
        copy_pixels(s, row, c->across.offset0 + j * c->across.offset_step, c->across.step, c->ow, to + j * c->channels * s->bytes,
                    s->pixel * s->bytes);
}

void strip_fill(const strip *s, const char *slice, int64_t row0, int64_t rows, char *to)
{
    const correlation *c = s->c;
    const int64_t row_bytes = s->width * s->pixel * s->bytes, first = row0 * c->down.step + c->down.offset0;
    if (s->shared_rows) {
        for (int64_t y = 0; y < rows_in(c, rows); y++, to += row_bytes)
            fill_row(s, slice, first + y, to);
        return;
    }
    for (int64_t i = 0; i < c->down.count; i++)
        for (int64_t y = 0; y < rows; y++, to += row_bytes)
            fill_row(s, slice, first + i * c->down.offset_step + y * c->down.step, to);
}
