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

static cairn_tensor *evaluated(cairn_tensor *x)
{
    cairn_eval(x);
    return cairn_keep(x);
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

/* Shapes are new at every step: each length comes once. */
static void new_shape(void *context)
{
    static int64_t n = 1;
    cairn_tensor **x = context;
    cairn_mark m = cairn_scope_push();
    cairn_tensor *y = cairn_expand(x[0], CAIRN_SHAPE(++n));
    for (int i = 0; i < 500; i++)
        y = i % 5 ? cairn_add(y, x[1]) : cairn_mul(cairn_sum(y, CAIRN_ALL_AXES, true), x[1]);
    cairn_item(cairn_sum(y, CAIRN_ALL_AXES, false));
    cairn_scope_pop(m, NULL);
}

/* ---- Memory-bound: 64 MiB */

typedef cairn_tensor *(*expression)(cairn_tensor *x);
typedef struct mapping {
    expression f;
    cairn_tensor *x;
} mapping;

static void map(void *context)
{
    mapping *w = context;
    cairn_mark m = cairn_scope_push();
    cairn_eval(w->f(w->x));
    cairn_scope_pop(m, NULL);
}

static cairn_tensor *add_one(cairn_tensor *x) { return cairn_add(x, cairn_number(1)); }
static cairn_tensor *exponential(cairn_tensor *x) { return cairn_exp(x); }
static cairn_tensor *chain(cairn_tensor *x) { return cairn_mul(cairn_tanh(cairn_add(cairn_mul(x, cairn_number(2)), cairn_number(1))), x); }
static cairn_tensor *softmax(cairn_tensor *x) { return cairn_softmax(x, -1); }
static cairn_tensor *layer_norm(cairn_tensor *x) { return cairn_f_layer_norm(x, 1, NULL, NULL, 1e-5); }
static cairn_tensor *total(cairn_tensor *x) { return cairn_sum(x, CAIRN_ALL_AXES, false); }

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
    cairn_tensor *logits = cairn_call(t->net, t->x);
    logits = cairn_reshape(logits, CAIRN_SHAPE(-1, cairn_size(logits, -1)));
    cairn_backward(cairn_cross_entropy(logits, t->y));
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

static cairn_module *small_cnn(void)
{
    const cairn_conv_options same = {.padding = {1, 1}};
    return cairn_sequential(cairn_conv2d(1, 32, 3, &same), cairn_activation(CAIRN_RELU), cairn_max_pool2d(2, NULL),
                            cairn_conv2d(32, 64, 3, &same), cairn_activation(CAIRN_RELU), cairn_max_pool2d(2, NULL),
                            cairn_flatten_layer(1), cairn_linear(3136, 128, NULL), cairn_activation(CAIRN_RELU), cairn_linear(128, 10, NULL));
}

/* relu(body(x) + skip(x)) */
static cairn_tensor *block_forward(cairn_module *self, cairn_tensor *x)
{
    return cairn_relu(cairn_add(cairn_call(cairn_child(self, "body"), x), cairn_call(cairn_child(self, "skip"), x)));
}

static cairn_module *block(int64_t in, int64_t out, int64_t stride)
{
    const cairn_conv_options first = {.padding = {1, 1}, .stride = {stride, stride}, .no_bias = true};
    const cairn_conv_options second = {.padding = {1, 1}, .no_bias = true}, point = {.stride = {stride, stride}, .no_bias = true};
    cairn_module *m = cairn_module_new("Block", block_forward, 0);
    cairn_module_add(m, "body", cairn_sequential(cairn_conv2d(in, out, 3, &first), cairn_batch_norm2d(out, NULL), cairn_activation(CAIRN_RELU),
                                                 cairn_conv2d(out, out, 3, &second), cairn_batch_norm2d(out, NULL)));
    cairn_module_add(m, "skip", stride == 1 && in == out ? cairn_identity()
                                                         : cairn_sequential(cairn_conv2d(in, out, 1, &point), cairn_batch_norm2d(out, NULL)));
    return m;
}

static cairn_module *resnet18(void)
{
    const cairn_conv_options stem = {.padding = {1, 1}, .no_bias = true};
    return cairn_sequential(cairn_conv2d(3, 64, 3, &stem), cairn_batch_norm2d(64, NULL), cairn_activation(CAIRN_RELU), block(64, 64, 1),
                            block(64, 64, 1), block(64, 128, 2), block(128, 128, 1), block(128, 256, 2), block(256, 256, 1),
                            block(256, 512, 2), block(512, 512, 1), cairn_adaptive_avg_pool2d(1, 1), cairn_flatten_layer(1), cairn_linear(512, 10, NULL));
}

/* Token and position embeddings, `layers` causal blocks, logits: GPT as small as it comes. */
static cairn_tensor *gpt_forward(cairn_module *self, cairn_tensor *tokens)
{
    cairn_tensor *places = cairn_arange(0, (double)cairn_size(tokens, 1), 1, CAIRN_I64);
    cairn_tensor *x = cairn_add(cairn_call(cairn_child(self, "token"), tokens), cairn_call(cairn_child(self, "place"), places));
    return cairn_call(cairn_child(self, "head"), cairn_call(cairn_child(self, "blocks"), x));
}

static cairn_module *gpt(int64_t vocabulary, int64_t width, int64_t heads, int layers, int64_t length)
{
    const cairn_transformer_options block_options = {.feed_forward = 4 * width, .dropout = -1, .activation = CAIRN_GELU, .norm_first = true, .causal = true};
    cairn_module *m = cairn_module_new("GPT", gpt_forward, 0);
    cairn_module_add(m, "token", cairn_embedding(vocabulary, width, NULL));
    cairn_module_add(m, "place", cairn_embedding(length, width, NULL));
    cairn_module_add(m, "blocks", cairn_transformer_encoder(width, heads, layers, &block_options));
    cairn_module_add(m, "head", cairn_sequential(cairn_layer_norm(CAIRN_SHAPE(width), NULL), cairn_linear(width, vocabulary, &(cairn_linear_options){.no_bias = true})));
    return m;
}

/* A step whose length is another each time, against the same length (32 on the average) repeated. */
typedef struct lengths {
    training t;
    bool change;
    int64_t next;
} lengths;

static void length_step(void *context)
{
    lengths *l = context;
    int64_t n = l->change ? 24 + l->next++ % 17 : 32;
    cairn_mark m = cairn_scope_push();
    training t = l->t;
    t.x = cairn_narrow(t.x, 1, 0, n);
    t.y = cairn_reshape(cairn_narrow(t.y, 1, 0, n), CAIRN_SHAPE(-1));
    train_step(&t);
    cairn_scope_pop(m, NULL);
}

static cairn_tensor *labels(int64_t classes, cairn_shape shape) { return evaluated(cairn_randint(0, classes, shape, CAIRN_I64)); }

static void bench_overhead(void)
{
    cairn_tensor *ones[2] = {evaluated(cairn_ones(CAIRN_SHAPE(1), CAIRN_F32)), evaluated(cairn_ones(CAIRN_SHAPE(1), CAIRN_F32))};
    report("overhead add 1 element x1000", thousand_adds, ones, 1);
    report("planning new shapes, 700 values", new_shape, ones, 1);
    training t = {.net = cairn_sequential(cairn_linear(16, 32, NULL), cairn_activation(CAIRN_TANH), cairn_linear(32, 4, NULL)),
                  .x = evaluated(cairn_randn(CAIRN_SHAPE(8, 16), CAIRN_F32)), .y = labels(4, CAIRN_SHAPE(8))};
    t.optimizer = cairn_adam(cairn_parameters(t.net), NULL);
    report("overhead tiny MLP Adam step", train_step, &t, 1);
    t.x = evaluated(cairn_randn(CAIRN_SHAPE(1, 16), CAIRN_F32));
    report("overhead tiny MLP forward b1", infer, &t, 1);
}

static void bench_maps(void)
{
    static const struct {
        const char *name;
        expression f;
    } rows[] = {{"add 64MiB", add_one}, {"exp 64MiB", exponential}, {"chain (x*2+1).tanh()*x 64MiB", chain}, {"softmax rows 4096x4096", softmax},
                {"layer_norm 4096x4096", layer_norm}, {"sum 64MiB", total}};
    mapping w = {.x = evaluated(cairn_randn(CAIRN_SHAPE(4096, 4096), CAIRN_F32))};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        w.f = rows[i].f;
        report(rows[i].name, map, &w, 1);
    }
    cairn_drop(w.x);
}

static void bench_training(const char *name, cairn_module *net, bool sgd, cairn_tensor *x, cairn_tensor *y, double seconds)
{
    training t = {.net = net, .x = x, .y = y};
    t.optimizer = sgd ? cairn_sgd(cairn_parameters(net), NULL) : cairn_adam(cairn_parameters(net), NULL);
    report(name, train_step, &t, seconds);
    cairn_optimizer_free(t.optimizer);
    cairn_module_free(net);
    cairn_drop(x);
    cairn_drop(y);
}

typedef struct updates {
    cairn_module *net;
    cairn_tensor *gradient[10];
    cairn_optimizer *adam;
} updates;

static void update(void *context)
{
    updates *u = context;
    for (int i = 0; i < 10; i++)
        cairn_backward_with(cairn_parameters(u->net).tensors[i], u->gradient[i]);
    cairn_step(u->adam);
}

/* Gradients that are there, as PyTorch's half of compare.py has them. */
static void bench_adam(void)
{
    if (!strstr("Adam update 100M parameters, fused", filter))
        return;
    const cairn_shape shape = CAIRN_SHAPE(10000000);
    updates u = {.net = cairn_module_new("Parameters", NULL, 0)};
    for (int i = 0; i < 10; i++) {
        cairn_module_add_parameter(u.net, (char[]){(char)('a' + i), 0}, evaluated(cairn_zeros(shape, CAIRN_F32)));
        u.gradient[i] = evaluated(cairn_randn(shape, CAIRN_F32));
    }
    u.adam = cairn_adam(cairn_parameters(u.net), NULL);
    report("Adam update 100M parameters, fused", update, &u, 4);
    cairn_optimizer_free(u.adam);
    cairn_module_free(u.net);
    for (int i = 0; i < 10; i++)
        cairn_drop(u.gradient[i]);
}

static void bench_lengths(void)
{
    lengths l = {.t = {.net = gpt(96, 128, 4, 4, 64), .x = labels(96, CAIRN_SHAPE(4, 64)), .y = labels(96, CAIRN_SHAPE(4, 64))}};
    l.t.optimizer = cairn_adamw(cairn_parameters(l.t.net), NULL);
    report("small GPT, one length", length_step, &l, 2);
    l.change = true;
    report("small GPT, a new length each step", length_step, &l, 2);
    cairn_optimizer_free(l.t.optimizer);
    cairn_module_free(l.t.net);
}

int main(int argc, char **argv)
{
    filter = argc > 1 ? argv[1] : "";
    bench_overhead();
    bench_maps();
    const int64_t in = 784;
    bench_training("train MLP 784-512-512-10 b128 Adam",
                   cairn_sequential(cairn_linear(in, 512, NULL), cairn_activation(CAIRN_RELU), cairn_linear(512, 512, NULL),
                                    cairn_activation(CAIRN_RELU), cairn_linear(512, 10, NULL)),
                   false, evaluated(cairn_randn(CAIRN_SHAPE(128, in), CAIRN_F32)), labels(10, CAIRN_SHAPE(128)), 2);
    bench_training("train LeNet 28x28 b64 Adam", small_cnn(), false, evaluated(cairn_randn(CAIRN_SHAPE(64, 1, 28, 28), CAIRN_F32)),
                   labels(10, CAIRN_SHAPE(64)), 3);
    bench_training("train ResNet-18 CIFAR b32 SGD", resnet18(), true, evaluated(cairn_randn(CAIRN_SHAPE(32, 3, 32, 32), CAIRN_F32)),
                   labels(10, CAIRN_SHAPE(32)), 6);
    bench_adam();
    bench_lengths();
    return cairn_error() ? 1 : 0;
}
