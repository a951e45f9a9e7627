/* Softmax, cross entropy, norms, pooling, resampling, moves, block-scaled numbers and CTC: time, and the rate over the bytes that must be read and written once. */
#include "measure.h"
#include <cairn/dnn.h>
#include <math.h>

enum { ROWS = 4096, COLUMNS = 4096 };
static const int64_t bytes = (int64_t)ROWS * COLUMNS * 4;
static float *x, *y, *z;
static float mean[ROWS > COLUMNS ? ROWS : COLUMNS], deviation[ROWS > COLUMNS ? ROWS : COLUMNS], weight[COLUMNS], bias[COLUMNS], dweight[COLUMNS], dbias[COLUMNS], loss[ROWS];
static int64_t labels[ROWS];

static const cairn_softmax_rows softmax = {.type = CAIRN_F32, .rows = ROWS, .columns = COLUMNS};
static const cairn_norm_rows layer = {.type = CAIRN_F32, .kind = CAIRN_LAYER_NORM, .n = ROWS, .c = COLUMNS, .eps = 1e-5};
static const cairn_norm_rows batch = {.type = CAIRN_F32, .kind = CAIRN_BATCH_NORM, .n = ROWS, .c = COLUMNS, .eps = 1e-5};
static const cairn_norm_rows group = {.type = CAIRN_F32, .kind = CAIRN_GROUP_NORM, .n = 16, .c = 256, .inner = 4096, .groups = 32, .eps = 1e-5};

static const cairn_local_norm local = {.type = CAIRN_F32, .n = 16 * 64 * 64, .c = 256, .size = 5, .alpha = 1e-4, .beta = 0.75, .k = 1};
static const cairn_resample bilinear = {.type = CAIRN_F32, .mode = CAIRN_BILINEAR, .n = 16, .h = 64, .w = 64, .c = 64, .oh = 128, .ow = 128};
static const cairn_resample bicubic = {.type = CAIRN_F32, .mode = CAIRN_BICUBIC, .n = 16, .h = 64, .w = 64, .c = 64, .oh = 128, .ow = 128};
static const cairn_resample photo = {.type = CAIRN_F32, .mode = CAIRN_BILINEAR, .n = 16, .h = 512, .w = 512, .c = 3, .oh = 224, .ow = 224};
static const cairn_sampler sampler = {.type = CAIRN_F32, .mode = CAIRN_BILINEAR, .n = 16, .h = 64, .w = 64, .c = 64, .oh = 64, .ow = 64};
static const cairn_pool pool = {.type = CAIRN_F32, .n = 16, .h = 112, .w = 112, .c = 64, .r = 3, .s = 3, .stride_h = 2, .stride_w = 2, .pad_top = 1,
                                .pad_bottom = 1, .pad_left = 1, .pad_right = 1};

static const cairn_copy transposed = {.type = CAIRN_F32, .rank = 2, .size = {COLUMNS, ROWS}, .from_stride = {1, COLUMNS}, .to_stride = {ROWS, 1}};
static const cairn_block_format int8 = {.type = CAIRN_BLOCK_INT8, .rows = ROWS, .columns = COLUMNS, .block = 128};
static const cairn_block_format fp8 = {.type = CAIRN_BLOCK_MXFP8_E4M3, .rows = ROWS, .columns = COLUMNS};
static const cairn_ctc ctc = {.type = CAIRN_F32, .steps = 200, .batch = 32, .classes = 64, .target = 30};
static void *ctc_workspace;
static int64_t ctc_bytes;

#define RUN(name, call) \
    static void name(void *context) { (void)context; if (call) exit(1); }
RUN(run_softmax, cairn_softmax_forward(&softmax, x, y))
RUN(run_softmax_gradient, cairn_softmax_gradient(&softmax, x, y, z))
RUN(run_cross_entropy, cairn_cross_entropy_rows(&softmax, x, labels, NULL, loss, y))
RUN(run_layer, cairn_norm_forward(&layer, x, weight, bias, y, mean, deviation))
RUN(run_layer_gradient, cairn_norm_gradient(&layer, x, weight, mean, deviation, y, z, dweight, dbias))
RUN(run_batch, cairn_norm_forward(&batch, x, weight, bias, y, mean, deviation))
RUN(run_batch_gradient, cairn_norm_gradient(&batch, x, weight, mean, deviation, y, z, NULL, NULL))
RUN(run_group, cairn_norm_forward(&group, x, weight, bias, y, mean, deviation))
RUN(run_local, cairn_local_norm_forward(&local, x, y, NULL))
RUN(run_local_gradient, cairn_local_norm_gradient(&local, x, x, x, x, z))
RUN(run_max_pool, cairn_max_pool_forward(&pool, x, y, NULL))
RUN(run_average_pool, cairn_average_pool_forward(&pool, x, y))
RUN(run_bilinear, cairn_resample_forward(&bilinear, x, y))
RUN(run_bilinear_gradient, cairn_resample_gradient(&bilinear, x, y))
RUN(run_bicubic, cairn_resample_forward(&bicubic, x, y))
RUN(run_photo, cairn_resample_forward(&photo, x, y))
RUN(run_sampler, cairn_sampler_forward(&sampler, x, z, y))
RUN(run_sampler_gradient, cairn_sampler_gradient(&sampler, x, z, x, y, z + 16 * 64 * 64 * 2, NULL, 0))
RUN(run_transpose, cairn_copy_run(&transposed, x, y))
RUN(run_quantize, cairn_quantize(&int8, x, y, z))
RUN(run_dequantize, cairn_dequantize(&int8, y, z, x))
RUN(run_quantize_fp8, cairn_quantize(&fp8, x, y, z))
RUN(run_dequantize_fp8, cairn_dequantize(&fp8, y, z, x))
RUN(run_ctc, cairn_ctc_run(&ctc, x, labels, NULL, NULL, loss, y, ctc_workspace, ctc_bytes))

static const struct { const char *name; void (*run)(void *); double passes; } rows[] = {
    {"softmax 4096 x 4096", run_softmax, 2}, {"softmax gradient", run_softmax_gradient, 3}, {"cross entropy with gradient", run_cross_entropy, 2},
    {"layer norm 4096 x 4096", run_layer, 2}, {"layer norm gradient", run_layer_gradient, 3}, {"batch norm, channels last", run_batch, 2},
    {"batch norm gradient", run_batch_gradient, 3}, {"group norm 16 x 256 x 4096", run_group, 2},
    {"local response norm of 256", run_local, 2}, {"local response norm gradient", run_local_gradient, 5},
    {"max pool 3/2 16 x 112 x 112 x 64", run_max_pool, 0.96}, {"average pool 3/2", run_average_pool, 0.96},
    {"bilinear 16 x 64 x 64 x 64 to 128", run_bilinear, 1.25}, {"bilinear gradient", run_bilinear_gradient, 1.25}, {"bicubic", run_bicubic, 1.25},
    {"bilinear 16 x 512 x 512 x 3 to 224", run_photo, 0.89}, {"grid sampler 16 x 64 x 64 x 64", run_sampler, 0.5},
    {"grid sampler gradient", run_sampler_gradient, 1}, {"transpose 4096 x 4096", run_transpose, 2},
    {"int8 in blocks of 128", run_quantize, 1.25}, {"int8 back", run_dequantize, 1.25}, {"MX fp8", run_quantize_fp8, 1.25},
    {"MX fp8 back", run_dequantize_fp8, 1.25}, {"ctc 200 steps of 32, 64 classes", run_ctc, 0.05}};

int main(int argc, char **argv)
{
    x = numbers(bytes), y = numbers(bytes), z = numbers(bytes);
    ctc_bytes = cairn_ctc_workspace_bytes(&ctc);
    ctc_workspace = buffer_alloc(ctc_bytes);
    for (int i = 0; i < 32 * 30; i++)
        labels[i] = 1 + i % 63;
    for (int i = 0; i < 16; i++)        /* a quarter of a turn in 16 images */
        memcpy(weight + 6 * i, (float[]){cosf(0.1f * (float)i), sinf(0.1f * (float)i), 0, -sinf(0.1f * (float)i), cosf(0.1f * (float)i), 0}, 24);
    if (cairn_affine_grid_forward(&sampler, weight, z))
        return 1;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (argc > 1 && !strstr(rows[i].name, argv[1]))
            continue;
        const timing t = measure(rows[i].run, NULL, 0.4);
        printf("%-36s best %8.2f ms, median %8.2f ms %6.1f GB/s\n", rows[i].name, t.best * 1e3, t.median * 1e3,
               (double)bytes * rows[i].passes / t.best * 1e-9);
    }
    buffer_free(ctc_workspace, ctc_bytes), buffer_free(x, bytes), buffer_free(y, bytes), buffer_free(z, bytes);
    return 0;
}
