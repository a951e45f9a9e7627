/* Integer convolution: bytes widened to 16 bits, products summed in 32, exactly (and modulo 2^32). Both operands lie with channels last,
 * so that a tap is one dot product. */
#include "primitives/conv/integer.h"

#include "base/pool.h"
#include "primitives/kernels.h"
#include "primitives/slots.h"

typedef struct job {
    const conv *c;
    const int16_t *x, *w;
    int32_t *y;
    dot_i16_kernel *dot;
} job;

/* The sum of one output pixel and filter over the taps that lie in the image. */
static int32_t sum_taps(const job *j, int64_t image, int64_t oz, int64_t oy, int64_t ox, int64_t k)
{
    const conv *c = j->c;
    const cairn_conv *d = &c->d;
    uint32_t sum = 0;
    for (int64_t t = 0; t < d->t * d->r * d->s; t++) {
        const int64_t z = oz * d->stride_d - d->pad_front + t / d->s / d->r * d->dilation_d;
        const int64_t y = oy * d->stride_h - d->pad_top + t / d->s % d->r * d->dilation_h;
        const int64_t x = ox * d->stride_w - d->pad_left + t % d->s * d->dilation_w;
        if (z >= 0 && z < d->depth && y >= 0 && y < d->h && x >= 0 && x < d->w)
            sum += (uint32_t)j->dot(j->x + (((image * d->depth + z) * d->h + y) * d->w + x) * d->c + k / c->kg * c->cg,
                       j->w + (k * d->t * d->r * d->s + t) * c->cg, c->cg);
    }
    return (int32_t)sum;
}

static void run_row(void *context, int64_t row, int worker)
{
    const job *j = context;
    const conv *c = j->c;
    const int64_t oy = row % c->oh, oz = row / c->oh % c->od, image = row / c->oh / c->od;
    (void)worker;
    for (int64_t x = 0; x < c->ow; x++)
        for (int64_t k = 0; k < c->d.k; k++)
            j->y[(row * c->ow + x) * c->d.k + k] = sum_taps(j, image, oz, oy, x, k);
}

void integer_run(const conv *c, const int16_t *x, const int16_t *w, int32_t *y)
{
    job j = {c, x, w, y, kernels()->dot_i16};
    pool_run(c->d.n * c->od * c->oh, run_row, &j);
}
