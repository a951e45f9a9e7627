/* `cairn predict`: what images show. */
#include "tools/tool.h"
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "usage: cairn predict MODEL IMAGE... [--threads N]\n\n"
                            "  MODEL    a folder that `cairn train` made, or its model.safetensors\n"
                            "  IMAGE    a PNG or JPEG file; FILE:N, image N of an IDX file; or N, sample N of the "
                            "test set of the model's data\n";

typedef struct predictor {
    cairn_module *net;
    model_spec spec;
    source data;                       /* opened for the first plain number */
    uint8_t *x;                        /* one sample of u8, or f32 columns */
} predictor;

static int64_t sample_size(const model_spec *m)
{
    int64_t n = 1;
    for (int i = 0; i < m->shape.rank; i++)
        n *= m->shape.size[i];
    return n;
}

/* ---- Samples */

static bool read_image(predictor *p, const char *path)
{
    const cairn_shape *s = &p->spec.shape;
    if (s->rank != 3 || (s->size[0] != 1 && s->size[0] != 3)) {
        fprintf(stderr, "cairn predict: the model is not for images\n");
        return false;
    }
    const uint8_t *pixels = cairn_data(cairn_load_image_sized(path, (int)s->size[0], s->size[1], s->size[2]));
    if (pixels)
        memcpy(p->x, pixels, (size_t)sample_size(&p->spec));
    return pixels != NULL;
}

static bool read_idx(predictor *p, const char *path, int64_t index)
{
    const cairn_shape *s = &p->spec.shape;
    cairn_tensor *all = cairn_load_idx(path);
    cairn_shape a = cairn_shape_of(all);
    if (!all)
        return false;
    if (a.rank != 3 || cairn_dtype_of(all) != CAIRN_U8 || s->rank != 3 || s->size[0] != 1 ||
        a.size[1] != s->size[1] || a.size[2] != s->size[2]) {
        fprintf(stderr, "cairn predict: %s: its images are not of the model's shape\n", path);
        return false;
    }
    if (index < 0 || index >= a.size[0]) {
        fprintf(stderr, "cairn predict: %s: there is no image %lld (0 ... %lld)\n", path, (long long)index,
                (long long)a.size[0] - 1);
        return false;
    }
    const uint8_t *pixels = cairn_data(all);
    if (pixels)
        memcpy(p->x, pixels + index * sample_size(&p->spec), (size_t)sample_size(&p->spec));
    return pixels != NULL;
}

static bool read_sample(predictor *p, int64_t index, int64_t *truth)
{
    const model_spec *m = &p->spec;
    if (!p->data.test && !source_open(&p->data, m->source, *m->folder ? m->folder : NULL,
                                      *m->label ? m->label : NULL, m->shape.rank == 3 ? &m->shape : NULL))
        return false;
    if (spec_fits(m, p->data.test))
        return !cairn_dataset_get(p->data.test, index, p->x, truth);
    fprintf(stderr, "cairn predict: %s is not what the model was trained on\n", m->source);
    return false;
}

/* Which of the three `what` is; -1 as truth when it is not known. */
static bool read_any(predictor *p, const char *what, int64_t *truth)
{
    char path[PATH_BYTES], *end;
    *truth = -1;
    long long index = strtoll(what, &end, 10);
    if (*what && !*end)
        return read_sample(p, index, truth);
    const char *colon = strrchr(what, ':');
    index = colon ? strtoll(colon + 1, &end, 10) : 0;
    if (!colon || !colon[1] || *end || colon - what >= PATH_BYTES)
        return read_image(p, what);
    snprintf(path, sizeof path, "%.*s", (int)(colon - what), what);
    return read_idx(p, path, index);
}

/* ---- Answers */

static cairn_tensor *as_input(const predictor *p)
{
    const model_spec *m = &p->spec;
    cairn_shape s = {.rank = m->shape.rank + 1, .size = {1}};
    memcpy(s.size + 1, m->shape.size, sizeof *s.size * (size_t)m->shape.rank);
    if (m->shape.rank != 3)
        return cairn_from(p->x, s, CAIRN_F32);
    cairn_tensor *x = cairn_div(cairn_to(cairn_from(p->x, s, CAIRN_U8), CAIRN_F32), cairn_number(255));
    if (!m->normalise)
        return x;
    cairn_shape channels = CAIRN_SHAPE(m->normalise, 1, 1);
    return cairn_div(cairn_sub(x, cairn_from(m->mean, channels, CAIRN_F32)),
                     cairn_from(m->deviation, channels, CAIRN_F32));
}

static void print_answer(const char *what, const model_spec *m, const float *p, int64_t truth)
{
    int64_t first = 0, second = -1;
    for (int64_t i = 1; i < m->classes; i++)
        if (p[i] > p[first])
            second = first, first = i;
        else if (second < 0 || p[i] > p[second])
            second = i;
    printf("%s: %s %.1f %%  (%s %.1f %%)", what, m->class_names[first], 100.0 * (double)p[first],
           m->class_names[second], 100.0 * (double)p[second]);
    if (truth >= 0)
        printf(truth == first ? "  right" : "  wrong: it is %s", m->class_names[truth]);
    putchar('\n');
}

static bool predict_one(predictor *p, const char *what)
{
    cairn_mark m = cairn_scope_push();
    int64_t truth;
    const float *answer = NULL;
    if (read_any(p, what, &truth))
        answer = cairn_data_f32(cairn_softmax(cairn_call(p->net, as_input(p)), 1));
    if (answer)
        print_answer(what, &p->spec, answer, truth);
    cairn_scope_pop(m, NULL);
    return answer != NULL;
}

static int predict_all(const char *path, char **what)
{
    predictor p = {0};
    p.net = model_load(path, &p.spec);
    p.x = p.net ? calloc((size_t)sample_size(&p.spec), sizeof(float)) : NULL;
    bool good = p.x != NULL;
    cairn_set_training(p.net, false);
    cairn_no_grad_begin();
    for (; good && *what; what++)
        good = predict_one(&p, *what);
    cairn_no_grad_end();
    free(p.x);
    source_close(&p.data);
    cairn_module_free(p.net);
    spec_free(&p.spec);
    return good ? EXIT_FINE : EXIT_FAILED;
}

int predict_main(int argc, char **argv)
{
    static const struct option options[] = {{"threads", 1, 0, 't'}, {"help", 0, 0, 'h'}, {0}};
    int64_t threads = 0;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (c == 'h')
            return fputs(usage, stdout), EXIT_FINE;
        if (c != 't' || !parse_int("predict", "threads", optarg, 1, 1024, &threads))
            return EXIT_ARGUMENTS;
    }
    if (argc - optind < 2)
        return fputs(usage, stderr), EXIT_ARGUMENTS;
    if (threads && cairn_set_threads((int)threads))
        return EXIT_FAILED;
    return predict_all(argv[optind], argv + optind + 1);
}
