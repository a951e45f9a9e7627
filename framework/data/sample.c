/* What happens to a sample on its way into a batch: crop, flip, conversion to f32, normalisation. */
#include "framework/data/dataset.h"
#include "base/random.h"
#include <string.h>

enum { AUGMENT_STREAM = 0x61756767 };

/* ---- Crop and flip, on elements of any size */

typedef struct planes {
    int64_t channels, height, width;
    int bytes;                        /* of an element */
} planes;

static void copy_row(const planes *p, const uint8_t *from, uint8_t *to, int64_t count, bool flip)
{
    if (!flip)
        memcpy(to, from, (size_t)(count * p->bytes));
    else
        for (int64_t i = 0; i < count; i++)
            memcpy(to + i * p->bytes, from + (count - 1 - i) * p->bytes, (size_t)p->bytes);
}

/* to = from moved down and right by (dy, dx) (up and left when negative), zeros elsewhere; then mirrored. */
static void shift(const planes *p, int64_t dy, int64_t dx, bool flip, const uint8_t *from, uint8_t *to)
{
    int64_t row = p->width * p->bytes, count = p->width - (dx < 0 ? -dx : dx);
    int64_t from_x = dx < 0 ? -dx : 0, to_x = dx < 0 ? 0 : dx;
    if (flip)
        to_x = p->width - to_x - count;
    memset(to, 0, (size_t)(p->channels * p->height * row));
    for (int64_t c = 0; c < p->channels; c++)
        for (int64_t y = 0; y < p->height; y++) {
            int64_t from_y = y - dy;
            if (from_y >= 0 && from_y < p->height && count > 0)
                copy_row(p, from + (c * p->height + from_y) * row + from_x * p->bytes,
                         to + (c * p->height + y) * row + to_x * p->bytes, count, flip);
        }
}

static int64_t draw(uint32_t bits, int64_t n) { return (int64_t)((uint64_t)bits * (uint64_t)n >> 32); }

static void augment(const cairn_dataset_spec *s, const cairn_loader_options *o, int64_t epoch, int64_t index,
                    const uint8_t *from, uint8_t *to)
{
    planes p = {s->x_shape.size[0], s->x_shape.size[1], s->x_shape.size[2], cairn_dtype_bytes(s->x_type)};
    philox_block bits = philox(o->seed, (uint64_t)AUGMENT_STREAM << 32 | (uint32_t)epoch, (uint64_t)index);
    int64_t reach = o->augment.crop_padding;
    int64_t dy = draw(bits.word[0], 2 * reach + 1) - reach, dx = draw(bits.word[1], 2 * reach + 1) - reach;
    shift(&p, dy, dx, o->augment.flip && bits.word[2] >> 31, from, to);
}

/* ---- To f32 */

#define CONVERT(C, scale)                                      \
    for (int64_t i = 0; i < count; i++)                        \
        out[i] = (float)((const C *)from)[i] * (scale);        \
    break

static void to_f32(cairn_dtype type, int64_t count, const uint8_t *from, float *out)
{
    switch (type) {
    case CAIRN_BOOL: CONVERT(uint8_t, 1);
    case CAIRN_U8: CONVERT(uint8_t, 1 / 255.f);
    case CAIRN_I8: CONVERT(int8_t, 1);
    case CAIRN_I16: CONVERT(int16_t, 1);
    case CAIRN_I32: CONVERT(int32_t, 1);
    case CAIRN_I64: CONVERT(int64_t, 1);
    case CAIRN_F32: CONVERT(float, 1);
    case CAIRN_F64: CONVERT(double, 1);
    default:                          /* f16 and bf16: refused by cairn_loader_new unless raw */
        break;
    }
}

static void normalise(const cairn_dataset_spec *s, const cairn_loader_options *o, float *x)
{
    int64_t count = shape_numel(&s->x_shape), each = count / o->normalise;
    for (int c = 0; c < o->normalise; c++, x += each) {
        float mean = o->mean[c], scale = 1 / o->deviation[c];
        for (int64_t i = 0; i < each; i++)
            x[i] = (x[i] - mean) * scale;
    }
}

/* ---- All of it. scratch: two samples. */

static cairn_status make_sample(const cairn_dataset *d, const cairn_loader_options *o, int64_t epoch, int64_t index,
                                uint8_t *scratch, uint8_t *x, uint8_t *y)
{
    bool changes = o->augment.crop_padding || o->augment.flip;
    uint8_t *raw = o->raw && !changes ? x : scratch, *changed = o->raw ? x : scratch + d->x_bytes;
    cairn_status status = d->spec.get(d->spec.context, index, raw, y);
    if (status)
        return status;
    if (d->spec.classes) {
        int64_t label;
        memcpy(&label, y, sizeof label);
        if (label < 0 || label >= d->spec.classes)
            return error_set(CAIRN_E_RANGE, "loader: label %lld of sample %lld is not in 0 ... %lld",
                             (long long)label, (long long)index, (long long)d->spec.classes - 1);
    }
    if (changes)
        augment(&d->spec, o, epoch, index, raw, changed);
    if (o->raw)
        return CAIRN_OK;
    to_f32(d->spec.x_type, shape_numel(&d->spec.x_shape), changes ? changed : raw, (float *)x);
    if (o->normalise)
        normalise(&d->spec, o, (float *)x);
    return CAIRN_OK;
}

cairn_status make_samples(const cairn_dataset *d, const cairn_loader_options *o, int64_t epoch, int64_t count,
                          const int64_t *index, uint8_t *x, uint8_t *y)
{
    int64_t row = o->raw ? d->x_bytes : shape_numel(&d->spec.x_shape) * 4;
    uint8_t *scratch = buffer_alloc(2 * d->x_bytes);
    if (!scratch)
        return CAIRN_E_MEMORY;
    cairn_status status = CAIRN_OK;
    for (int64_t i = 0; i < count && !status; i++)
        status = make_sample(d, o, epoch, index[i], scratch, x + i * row, y + i * d->y_bytes);
    buffer_free(scratch, 2 * d->x_bytes);
    return status;
}
