/* Pixels as weighted sums of other pixels, over all their channels: what resampling and sampling have in common.
 *
 *     blend_of(type, &b);
 *     blend_begin(&b, channels, y);
 *     blend_add(&b, pixel, weight);    any number of times
 *     blend_end(&b);
 *
 * Sums are in f32 (f64 for f64): f16 and bf16 go through a piece of stack, so that a pixel takes BLEND_CHANNELS at a time. */
#ifndef PRIMITIVES_RESAMPLE_BLEND_H
#define PRIMITIVES_RESAMPLE_BLEND_H
#include "primitives/kernels.h"
#include "primitives/slots.h"
#include <cairn/dnn.h>

enum { BLEND_CHANNELS = 256 };

typedef struct blend {
    blend_kernel *kernel;
    half_kernel *half;                  /* or NULL */
    cairn_dtype type;
    int64_t bytes;                      /* of an element */
    blend_taps taps;
    bool begun;                         /* y holds a first part of the sum */
    int64_t channels;
    void *y;
    float sum[BLEND_CHANNELS], wide[BLEND_TAPS][BLEND_CHANNELS];
} blend;

static inline void blend_of(cairn_dtype type, blend *b)
{
    b->type = type;
    b->bytes = cairn_dtype_bytes(type);
    b->half = b->bytes == 2 ? kernels()->half : NULL;
    b->kernel = type == CAIRN_F64 ? kernels()->blend_f64 : kernels()->blend_f32;
}

/* How many channels of an image of c to take at a time. */
static inline int64_t blend_stretch(const blend *b, int64_t c) { return b->half ? smaller(c, BLEND_CHANNELS) : c; }

static inline void blend_begin(blend *b, int64_t channels, void *y)
{
    b->taps.count = 0;
    b->begun = false;
    b->channels = channels;
    b->y = y;
}

static inline void blend_flush(blend *b)
{
    b->kernel(&b->taps, b->channels, b->begun, b->half ? b->sum : b->y);
    b->begun = true;
    b->taps.count = 0;
}

static inline void blend_add(blend *b, const void *pixel, double weight)
{
    if (b->taps.count == BLEND_TAPS)
        blend_flush(b);
    const int k = b->taps.count++;
    if (b->half)
        b->half->widen(b->type, b->channels, pixel, b->wide[k]);
    b->taps.from[k] = b->half ? b->wide[k] : pixel;
    if (b->type == CAIRN_F64)
        b->taps.weight.f64[k] = weight;
    else
        b->taps.weight.f32[k] = (float)weight;
}

static inline void blend_end(blend *b)
{
    if (b->taps.count || !b->begun)
        blend_flush(b);
    if (b->half)
        b->half->narrow(b->type, b->channels, b->sum, b->y);
}

#endif
