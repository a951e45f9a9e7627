/* Layers without parameters that change an image's size. */
#include "framework/nn/module.h"

typedef struct pool {
    int64_t height, width;               /* of the window, or the result; or the factor */
    cairn_pool_options o;
    bool align_corners;
} pool;

static cairn_module *pool_new(const char *kind, cairn_forward forward, pool p)
{
    if (!sizes_positive(kind, 2, (int64_t[]){p.height, p.width}))
        return NULL;
    cairn_module *m = cairn_module_new(kind, forward, sizeof p);
    if (m)
        *(pool *)m->state = p;
    return m;
}

#define FORWARD(name, expression)                                             \
    static cairn_tensor *name##_forward(cairn_module *self, cairn_tensor *x)  \
    {                                                                         \
        const pool *p = self->state;                                          \
        return expression;                                                    \
    }
FORWARD(max2, cairn_f_max_pool2d(x, p->height, p->width, &p->o))
FORWARD(average2, cairn_f_avg_pool2d(x, p->height, p->width, &p->o))
FORWARD(max1, cairn_f_max_pool1d(x, p->width, &p->o))
FORWARD(average1, cairn_f_avg_pool1d(x, p->width, &p->o))
FORWARD(adaptive_average2, cairn_f_adaptive_avg_pool2d(x, p->height, p->width))
FORWARD(adaptive_max2, cairn_f_adaptive_max_pool2d(x, p->height, p->width))
FORWARD(adaptive_average1, cairn_f_adaptive_avg_pool1d(x, p->width))
FORWARD(nearest, cairn_f_interpolate_nearest(x, p->height * cairn_size(x, 2), p->width * cairn_size(x, 3)))
FORWARD(bilinear, cairn_f_interpolate_bilinear(x, p->height * cairn_size(x, 2), p->width * cairn_size(x, 3), p->align_corners))
FORWARD(shuffle, cairn_f_pixel_shuffle(x, p->height))

static pool window(int64_t size, const cairn_pool_options *options)
{
    pool p = {.height = size, .width = size};
    if (options)
        p.o = *options;
    return p;
}

cairn_module *cairn_max_pool2d(int64_t size, const cairn_pool_options *options) { return pool_new("MaxPool2d", max2_forward, window(size, options)); }
cairn_module *cairn_avg_pool2d(int64_t size, const cairn_pool_options *options) { return pool_new("AvgPool2d", average2_forward, window(size, options)); }
cairn_module *cairn_max_pool1d(int64_t size, const cairn_pool_options *options) { return pool_new("MaxPool1d", max1_forward, window(size, options)); }
cairn_module *cairn_avg_pool1d(int64_t size, const cairn_pool_options *options) { return pool_new("AvgPool1d", average1_forward, window(size, options)); }

cairn_module *cairn_adaptive_avg_pool2d(int64_t height, int64_t width)
{
    return pool_new("AdaptiveAvgPool2d", adaptive_average2_forward, (pool){.height = height, .width = width});
}
cairn_module *cairn_adaptive_max_pool2d(int64_t height, int64_t width)
{
    return pool_new("AdaptiveMaxPool2d", adaptive_max2_forward, (pool){.height = height, .width = width});
}
cairn_module *cairn_adaptive_avg_pool1d(int64_t width)
{
    return pool_new("AdaptiveAvgPool1d", adaptive_average1_forward, (pool){.height = 1, .width = width});
}

cairn_module *cairn_upsample_nearest(int64_t factor) { return pool_new("Upsample", nearest_forward, window(factor, NULL)); }
cairn_module *cairn_upsample_bilinear(int64_t factor, bool align_corners)
{
    pool p = window(factor, NULL);
    p.align_corners = align_corners;
    return pool_new("Upsample", bilinear_forward, p);
}
cairn_module *cairn_pixel_shuffle(int64_t factor) { return pool_new("PixelShuffle", shuffle_forward, window(factor, NULL)); }
