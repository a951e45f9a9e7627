/* `cairn eval`: accuracy, loss and the confusion table of a trained network. */
#include "tools/tool.h"
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EVAL_BATCH = 250, TABLE_CLASSES = 30 };

/* The largest of n numbers. */
static int64_t best(const float *x, int64_t n)
{
    int64_t k = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[k])
            k = i;
    return k;
}

static bool count_batch(cairn_module *net, const cairn_batch *b, result *r)
{
    cairn_mark m = cairn_scope_push();
    cairn_tensor *logits = cairn_call(net, b->x), *loss = cairn_cross_entropy(logits, b->y);
    cairn_tensor *both[] = {logits, loss};
    bool good = !cairn_eval_list(2, both);
    const float *guess = good ? cairn_data_f32(logits) : NULL;
    const int64_t *truth = good ? cairn_data_i64(b->y) : NULL;
    good = guess && truth;
    for (int64_t i = 0; good && i < b->size; i++) {
        int64_t k = best(guess + i * r->classes, r->classes);
        r->confusion[truth[i] * r->classes + k]++;
        r->right += k == truth[i];
    }
    if (good) {
        r->loss += cairn_item(loss) * (double)b->size;
        r->count += b->size;
    }
    cairn_scope_pop(m, NULL);
    return good;
}

bool evaluate_on(cairn_module *net, const model_spec *m, cairn_dataset *d, result *r)
{
    *r = (result){.classes = m->classes, .confusion = calloc((size_t)(m->classes * m->classes), sizeof *r->confusion)};
    cairn_loader_options o = {.batch = EVAL_BATCH, .normalise = m->normalise};
    memcpy(o.mean, m->mean, sizeof o.mean);
    memcpy(o.deviation, m->deviation, sizeof o.deviation);
    cairn_loader *l = cairn_loader_new(cairn_dataset_keep(d), &o);
    bool training = cairn_is_training(net), good = r->confusion && l;
    cairn_set_training(net, false);
    cairn_no_grad_begin();
    for (cairn_batch b; good && cairn_loader_next(l, &b);)
        good = count_batch(net, &b, r);
    cairn_no_grad_end();
    cairn_set_training(net, training);
    cairn_loader_free(l);
    good = good && !cairn_error();
    if (good)
        r->loss /= (double)r->count;
    else
        result_free(r);
    return good;
}

void result_free(result *r)
{
    free(r->confusion);
    r->confusion = NULL;
}

/* ---- The table: rows are the truth, columns what the network said */

static int64_t row_sum(const result *r, int64_t truth)
{
    int64_t sum = 0;
    for (int64_t k = 0; k < r->classes; k++)
        sum += r->confusion[truth * r->classes + k];
    return sum;
}

static void print_row(FILE *f, const result *r, const model_spec *m, int64_t truth, bool markdown)
{
    int64_t sum = row_sum(r, truth), right = r->confusion[truth * r->classes + truth];
    fprintf(f, markdown ? "| %s |" : "  %-14.14s", m->class_names[truth]);
    for (int64_t k = 0; k < r->classes; k++) {
        int64_t n = r->confusion[truth * r->classes + k];
        if (n)
            fprintf(f, markdown ? " %lld |" : " %5lld", (long long)n);
        else
            fprintf(f, markdown ? " |" : "     .");
    }
    fprintf(f, markdown ? " %.1f %% |\n" : "  %5.1f %%\n", sum ? 100.0 * (double)right / (double)sum : NAN);
}

void print_confusion(FILE *f, const result *r, const model_spec *m, bool markdown)
{
    if (r->classes > TABLE_CLASSES)
        return;
    fprintf(f, markdown ? "| is \\ said |" : "  is \\ said     ");
    for (int64_t k = 0; k < r->classes; k++)
        fprintf(f, markdown ? " %s |" : " %5.5s", m->class_names[k]);
    fprintf(f, markdown ? " right |\n|---|" : "    right\n");
    for (int64_t k = 0; markdown && k <= r->classes; k++)
        fprintf(f, "---|");
    if (markdown)
        fputc('\n', f);
    for (int64_t i = 0; i < r->classes; i++)
        print_row(f, r, m, i, markdown);
}

/* ---- The command */

static const char usage[] =
    "usage: cairn eval MODEL [DATA] [--data FOLDER] [--label COLUMN] [--threads N]\n\n"
    "  MODEL    a folder that `cairn train` made, or its model.safetensors\n"
    "  DATA     fashion-mnist, digits, a folder or a .csv file; else what it was trained on\n";

/* The data of the model's shape and classes. */
static bool open_data(source *s, const model_spec *m, const char *data, const char *folder, const char *label)
{
    bool own = !data;
    data = own ? m->source : data;
    folder = folder ? folder : own && *m->folder ? m->folder : NULL;
    label = label ? label : own && *m->label ? m->label : NULL;
    if (!source_open(s, data, folder, label, m->shape.rank == 3 ? &m->shape : NULL))
        return false;
    if (spec_fits(m, s->test))
        return true;
    fprintf(stderr, "cairn eval: the model is for %lld classes of samples of another shape or number than %s has\n",
            (long long)m->classes, s->name);
    source_close(s);
    return false;
}

static int evaluate_model(const char *path, const char *data, const char *folder, const char *label)
{
    model_spec m;
    source s;
    cairn_module *net = model_load(path, &m);
    if (!net)
        return EXIT_FAILED;
    bool good = open_data(&s, &m, data, folder, label);
    result r;
    if (good && (good = evaluate_on(net, &m, s.test, &r))) {
        printf("%s on %s: %.2f %% of %lld right, loss %.4f\n\n", m.kind, s.name, accuracy(&r), (long long)r.count,
               r.loss);
        print_confusion(stdout, &r, &m, false);
        result_free(&r);
    }
    source_close(&s);
    cairn_module_free(net);
    spec_free(&m);
    return good ? EXIT_FINE : EXIT_FAILED;
}

int eval_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"data", 1, 0, 'd'}, {"label", 1, 0, 'l'}, {"threads", 1, 0, 't'}, {"help", 0, 0, 'h'}, {0}};
    const char *folder = NULL, *label = NULL;
    int64_t threads = 0;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(usage, stdout), EXIT_FINE;
        else if (c == 'd')
            folder = optarg;
        else if (c == 'l')
            label = optarg;
        else if (c != 't' || !parse_int("eval", "threads", optarg, 1, 1024, &threads))
            return EXIT_ARGUMENTS;
    }
    if (argc - optind < 1 || argc - optind > 2)
        return fputs(usage, stderr), EXIT_ARGUMENTS;
    if (threads && cairn_set_threads((int)threads))
        return EXIT_FAILED;
    return evaluate_model(argv[optind], argv[optind + 1], folder, label);
}
