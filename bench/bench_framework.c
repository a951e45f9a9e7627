/* The framework's benchmark: the workloads of bench/compare.py, timed here.
 *
 *     bench_framework [FILTER]       one line a workload: name, median seconds
 *
 * Each time is the median of repeated runs after a warm-up. */
#include <cairn/cairn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *filter = "";

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The median of f's times: `seconds` long, at least 5 runs. */
static double median(void (*f)(void *), void *context, double seconds)
{
    enum { MOST = 20000 };
    static double times[MOST];
    int n = 0;
    for (int i = 0; i < 3; i++)
        f(context);
    for (double end = now() + seconds; n < 5 || (now() < end && n < MOST); n++) {
        double start = now();
        f(context);
        times[n] = now() - start;
    }
    qsort(times, (size_t)n, sizeof *times, by_size);
    return times[n / 2];
}

static void report(const char *name, void (*f)(void *), void *context, double seconds)
{
    if (!strstr(name, filter))
        return;
    printf("%s\t%.9f\n", name, median(f, context, seconds));
    fflush(stdout);
}

/* ---- Overhead */

static void thousand_adds(void *context)
{
    cairn_tensor **x = context;
    cairn_mark m = cairn_scope_push();
    cairn_tensor *y = x[0];
    for (int i = 0; i < 1000; i++)
        y = cairn_add(y, x[1]);
    cairn_item(y);
    cairn_scope_pop(m, NULL);
}

/* ---- Models */

typedef struct training {
    cairn_module *net;
    cairn_optimizer *optimizer;
    cairn_tensor *x, *y;
} training;

static void train_step(void *context)
{
    training *t = context;
    cairn_mark m = cairn_scope_push();
    cairn_tensor *loss = cairn_cross_entropy(cairn_call(t->net, t->x), t->y);
    cairn_backward(loss);
    cairn_step(t->optimizer);
    cairn_scope_pop(m, NULL);
}

static void infer(void *context)
{
    training *t = context;
    cairn_mark m = cairn_scope_push();
    cairn_no_grad_begin();
    cairn_eval(cairn_call(t->net, t->x));
    cairn_no_grad_end();
    cairn_scope_pop(m, NULL);
}

static cairn_tensor *evaluated(cairn_tensor *x)
{
    cairn_eval(x);
    return cairn_keep(x);
}

int main(int argc, char **argv)
{
    filter = argc > 1 ? argv[1] : "";
    cairn_tensor *ones[2] = {evaluated(cairn_ones(CAIRN_SHAPE(1), CAIRN_F32)), evaluated(cairn_ones(CAIRN_SHAPE(1), CAIRN_F32))};
    report("overhead 1000 adds", thousand_adds, ones, 1);

    training t = {.net = cairn_sequential(cairn_linear(16, 32, NULL), cairn_activation(CAIRN_TANH), cairn_linear(32, 4, NULL))};
    t.x = evaluated(cairn_randn(CAIRN_SHAPE(8, 16), CAIRN_F32));
    t.y = evaluated(cairn_randint(0, 4, CAIRN_SHAPE(8), CAIRN_I64));
    t.optimizer = cairn_adam(cairn_parameters(t.net), NULL);
    report("overhead tiny MLP Adam step", train_step, &t, 1);
    t.x = evaluated(cairn_randn(CAIRN_SHAPE(1, 16), CAIRN_F32));
    report("overhead tiny MLP forward b1", infer, &t, 1);

    training b = {.net = cairn_sequential(cairn_linear(784, 512, NULL), cairn_activation(CAIRN_RELU), cairn_linear(512, 512, NULL),
                                          cairn_activation(CAIRN_RELU), cairn_linear(512, 10, NULL))};
    b.x = evaluated(cairn_randn(CAIRN_SHAPE(128, 784), CAIRN_F32));
    b.y = evaluated(cairn_randint(0, 10, CAIRN_SHAPE(128), CAIRN_I64));
    b.optimizer = cairn_adam(cairn_parameters(b.net), NULL);
    report("train MLP 784-512-512-10 b128 Adam", train_step, &b, 2);
    return cairn_error() ? 1 : 0;
}
