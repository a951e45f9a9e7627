/* Softmax, cross entropy and norms: time, and the rate over the bytes that must be read and written once. */
#include "measure.h"
#include <cairn/dnn.h>

enum { ROWS = 4096, COLUMNS = 4096 };
static const int64_t bytes = (int64_t)ROWS * COLUMNS * 4;
static float *x, *y, *z;
static float mean[ROWS > COLUMNS ? ROWS : COLUMNS], deviation[ROWS > COLUMNS ? ROWS : COLUMNS], weight[COLUMNS], bias[COLUMNS], loss[ROWS];
static int64_t labels[ROWS];

static const cairn_softmax_rows softmax = {.type = CAIRN_F32, .rows = ROWS, .columns = COLUMNS};
static const cairn_norm_rows layer = {.type = CAIRN_F32, .kind = CAIRN_LAYER_NORM, .n = ROWS, .c = COLUMNS, .eps = 1e-5};
static const cairn_norm_rows batch = {.type = CAIRN_F32, .kind = CAIRN_BATCH_NORM, .n = ROWS, .c = COLUMNS, .eps = 1e-5};
static const cairn_norm_rows group = {.type = CAIRN_F32, .kind = CAIRN_GROUP_NORM, .n = 16, .c = 256, .inner = 4096, .groups = 32, .eps = 1e-5};

#define RUN(name, call) \
    static void name(void *context) { (void)context; if (call) exit(1); }
RUN(run_softmax, cairn_softmax_forward(&softmax, x, y))
RUN(run_softmax_gradient, cairn_softmax_gradient(&softmax, x, y, z))
RUN(run_cross_entropy, cairn_cross_entropy_rows(&softmax, x, labels, NULL, loss, y))
RUN(run_layer, cairn_norm_forward(&layer, x, weight, bias, y, mean, deviation))
RUN(run_layer_gradient, cairn_norm_gradient(&layer, x, weight, mean, deviation, y, z, weight, bias))
RUN(run_batch, cairn_norm_forward(&batch, x, weight, bias, y, mean, deviation))
RUN(run_batch_gradient, cairn_norm_gradient(&batch, x, weight, mean, deviation, y, z, NULL, NULL))
RUN(run_group, cairn_norm_forward(&group, x, weight, bias, y, mean, deviation))

static const struct { const char *name; void (*run)(void *); int passes; } rows[] = {
    {"softmax 4096 x 4096", run_softmax, 2}, {"softmax gradient", run_softmax_gradient, 3}, {"cross entropy with gradient", run_cross_entropy, 2},
    {"layer norm 4096 x 4096", run_layer, 2}, {"layer norm gradient", run_layer_gradient, 3}, {"batch norm, channels last", run_batch, 2},
    {"batch norm gradient", run_batch_gradient, 3}, {"group norm 16 x 256 x 4096", run_group, 2}};

int main(int argc, char **argv)
{
    x = numbers(bytes), y = numbers(bytes), z = numbers(bytes);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (argc > 1 && !strstr(rows[i].name, argv[1]))
            continue;
        const timing t = measure(rows[i].run, NULL, 0.4);
        printf("%-30s best %8.2f ms, median %8.2f ms %6.1f GB/s\n", rows[i].name, t.best * 1e3, t.median * 1e3,
               (double)bytes * rows[i].passes / t.best * 1e-9);
    }
    buffer_free(x, bytes), buffer_free(y, bytes), buffer_free(z, bytes);
    return 0;
}
