/* Means and deviations of a data set's channels. */
#include "framework/data/dataset.h"
#include <math.h>

/* The channels of x: axis 0 of images, one for everything else. */
static int channel_count(const cairn_dataset_spec *s)
{
    if (s->x_shape.rank < 3)
        return 1;
    if (s->x_shape.size[0] >= 1 && s->x_shape.size[0] <= CAIRN_MAX_CHANNELS)
        return (int)s->x_shape.size[0];
    error_set(CAIRN_E_SHAPE, "dataset_moments: 1 to %d channels are supported, x is %s", CAIRN_MAX_CHANNELS,
              SHAPE(&s->x_shape));
    return 0;
}

cairn_status cairn_dataset_moments(const cairn_dataset *d, int64_t most, int *channels, float *mean,
                                   float *deviation)
{
    if (!d || !d->spec.count)
        return cairn_error() ? cairn_error()
                             : error_set(CAIRN_E_ARGUMENT, "dataset_moments: the data set is NULL or empty");
    int count = channel_count(&d->spec);
    if (!count)
        return cairn_error();
    int64_t samples = most && most < d->spec.count ? most : d->spec.count,
            each = shape_numel(&d->spec.x_shape) / count;
    double sum[CAIRN_MAX_CHANNELS] = {0}, square[CAIRN_MAX_CHANNELS] = {0};
    int64_t row = shape_numel(&d->spec.x_shape) * 4, bytes = row + d->y_bytes;
    uint8_t *scratch = buffer_alloc(bytes);
    if (!scratch)
        return CAIRN_E_MEMORY;
    cairn_status status = CAIRN_OK;
    for (int64_t k = 0; k < samples && !status; k++) {
        int64_t index = (int64_t)((double)k * (double)d->spec.count / (double)samples); /* spread over all of it */
        status = make_samples(d, &(cairn_loader_options){0}, 0, 1, &index, scratch, scratch + row);
        for (int c = 0; c < count && !status; c++)
            for (int64_t i = 0; i < each; i++) {
                double x = (double)((const float *)scratch)[c * each + i];
                sum[c] += x;
                square[c] += x * x;
            }
    }
    buffer_free(scratch, bytes);
    for (int c = 0; c < count && !status; c++) {
        double n = (double)samples * (double)each, m = sum[c] / n, variance = square[c] / n - m * m;
        mean[c] = (float)m;
        deviation[c] = variance > 1e-12 ? (float)sqrt(variance) : 1;
    }
    *channels = status ? 0 : count;
    return status;
}
