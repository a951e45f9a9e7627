/* Transformers as bench_framework.c has the other models: training steps and inference of GPT, random weights.
 *
 *     models [FILTER]       one line a workload: name, median seconds
 *
 * CAIRN_TRACE=FILE shows where a step's time goes. */
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
    enum { MOST = 2000 };
    static double times[MOST];
    int n = 0;
    f(context);
    f(context);
    for (double end = now() + seconds; n < 5 || (now() < end && n < MOST); n++) {
        double start = now();
        f(context);
        times[n] = now() - start;
    }
    qsort(times, (size_t)n, sizeof *times, by_size);
    return times[n / 2];
}

static bool wanted(const char *name) { return strstr(name, filter) != NULL; }

static cairn_tensor *evaluated(cairn_tensor *x)
{
    cairn_eval(x);
    return cairn_keep(x);
}

static cairn_tensor *tokens(int64_t kinds, int64_t rows, int64_t length) { return evaluated(cairn_randint(0, kinds, CAIRN_SHAPE(rows, length), CAIRN_I64)); }

/* Token and position embeddings, `layers` causal blocks, logits. */
static cairn_tensor *gpt_forward(cairn_module *self, cairn_tensor *x)
{
    cairn_tensor *places = cairn_arange(0, (double)cairn_size(x, 1), 1, CAIRN_I64);
    cairn_tensor *h = cairn_add(cairn_call(cairn_child(self, "token"), x), cairn_call(cairn_child(self, "place"), places));
    return cairn_call(cairn_child(self, "head"), cairn_call(cairn_child(self, "blocks"), h));
}

static cairn_module *gpt(int64_t kinds, int64_t width, int64_t heads, int layers, int64_t length)
{
    const cairn_transformer_options block = {.feed_forward = 4 * width, .dropout = -1, .activation = CAIRN_GELU, .norm_first = true, .causal = true};
    const cairn_linear_options no_bias = {.no_bias = true};
    cairn_module *m = cairn_module_new("GPT", gpt_forward, 0);
    cairn_module_add(m, "token", cairn_embedding(kinds, width, NULL));
    cairn_module_add(m, "place", cairn_embedding(length, width, NULL));
    cairn_module_add(m, "blocks", cairn_transformer_encoder(width, heads, layers, &block));
    cairn_module_add(m, "head", cairn_sequential(cairn_layer_norm(CAIRN_SHAPE(width), NULL), cairn_linear(width, kinds, &no_bias)));
    return m;
}

typedef struct work {
    cairn_module *net;
    cairn_optimizer *optimizer;
    cairn_tensor *x, *y;
} work;

static void train_step(void *context)
{
    work *w = context;
    cairn_mark m = cairn_scope_push();
    cairn_tensor *logits = cairn_flatten(cairn_call(w->net, w->x), 0, 1);
    cairn_backward(cairn_cross_entropy(logits, cairn_flatten(w->y, 0, 1)));
    cairn_step(w->optimizer);
    cairn_scope_pop(m, NULL);
}

static void infer(void *context)
{
    work *w = context;
    cairn_mark m = cairn_scope_push();
    cairn_no_grad_begin();
    cairn_eval(cairn_call(w->net, w->x));
    cairn_no_grad_end();
    cairn_scope_pop(m, NULL);
}

static void train(const char *name, cairn_module *net, int64_t kinds, int64_t rows, int64_t length, double seconds)
{
    if (!wanted(name))
        return;
    work w = {.net = net, .x = tokens(kinds, rows, length), .y = tokens(kinds, rows, length)};
    w.optimizer = cairn_adamw(cairn_parameters(net), NULL);
    printf("%s\t%.6f\n", name, median(train_step, &w, seconds));
    cairn_optimizer_free(w.optimizer);
    cairn_drop(w.x);
    cairn_drop(w.y);
}

/* The least time is that of reading the weights once (`bits` each; the embedding's rows are not all read). */
static void inference(const char *name, cairn_module *net, int64_t kinds, int64_t length, int bits, double seconds)
{
    if (!wanted(name))
        return;
    work w = {.net = net, .x = tokens(kinds, 1, length)};
    const double weights = (double)(cairn_parameter_count(net) - cairn_numel(cairn_parameter(net, "token.weight")));
    if (bits < 32 && cairn_quantize_linear(net, &(cairn_quantize_options){.bits = bits, .block = bits == 8 ? 64 : 32}) < 1)
        exit(1);
    cairn_set_training(net, false);
    const double took = median(infer, &w, seconds);
    printf("%s\t%.6f\t%.1f GB/s of weights\n", name, took, 1e-9 * weights * bits / 8 / took);
    cairn_drop(w.x);
}

static const struct inference_row { const char *name; int64_t length; int bits; } inferences[] = {
    {"infer GPT-2 124M 128 tokens", 128, 32},
    {"infer GPT-2 124M one token", 1, 32},
    {"infer GPT-2 124M one token, 8 bits", 1, 8},
    {"infer GPT-2 124M one token, 4 bits", 1, 4},
};

int main(int argc, char **argv)
{
    filter = argc > 1 ? argv[1] : "";
    if (wanted("train GPT 6x384 V96 b12 T256 AdamW")) {
        cairn_module *small = gpt(96, 384, 6, 6, 256);
        train("train GPT 6x384 V96 b12 T256 AdamW", small, 96, 12, 256, 6);
        cairn_module_free(small);
    }
    if (wanted("train GPT-2 124M b4 T64 AdamW")) {
        cairn_module *net = gpt(50257, 768, 12, 12, 1024);
        train("train GPT-2 124M b4 T64 AdamW", net, 50257, 4, 64, 8);
        cairn_module_free(net);
    }
    for (size_t i = 0; i < sizeof inferences / sizeof *inferences; i++) {
        cairn_module *net = wanted(inferences[i].name) ? gpt(50257, 768, 12, 12, 1024) : NULL;
        if (net)
            inference(inferences[i].name, net, 50257, inferences[i].length, inferences[i].bits, 2);
        cairn_module_free(net);
    }
    return cairn_error() ? 1 : 0;
}
