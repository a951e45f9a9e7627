/* The networks that the tool knows, and how their files describe them. */
#define _GNU_SOURCE                /* vasprintf */
#include "tools/tool.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char model_kinds[] = "mlp, cnn, resnet";

/* ---- Networks */

/* Numbers in columns differ in size: a batch norm brings them together. */
static cairn_module *build_mlp(const model_spec *m)
{
    int64_t in = 1;
    for (int i = 0; i < m->shape.rank; i++)
        in *= m->shape.size[i];
    int64_t width = in < 64 ? 64 : 256;
    return cairn_sequential(
        cairn_flatten_layer(1), m->shape.rank == 1 ? cairn_batch_norm1d(in, NULL) : cairn_identity(),
        cairn_linear(in, width, NULL), cairn_activation(CAIRN_RELU), cairn_dropout(0.1),
        cairn_linear(width, width / 2, NULL), cairn_activation(CAIRN_RELU),
        cairn_linear(width / 2, m->classes, NULL), NULL);
}

static cairn_module *build_cnn(const model_spec *m)
{
    const cairn_conv_options same = {.padding = {1, 1}};
    int64_t rest = m->shape.size[1] / 4 * (m->shape.size[2] / 4);
    return cairn_sequential(cairn_conv2d(m->shape.size[0], 32, 3, &same), cairn_activation(CAIRN_RELU),
                            cairn_max_pool2d(2, NULL), cairn_conv2d(32, 64, 3, &same), cairn_activation(CAIRN_RELU),
                            cairn_max_pool2d(2, NULL), cairn_flatten_layer(1), cairn_dropout(0.25),
                            cairn_linear(64 * rest, 128, NULL), cairn_activation(CAIRN_RELU), cairn_dropout(0.25),
                            cairn_linear(128, m->classes, NULL), NULL);
}

/* y = relu(body(x) + shortcut(x)): He et al., 2015. */
static cairn_tensor *block_forward(cairn_module *self, cairn_tensor *x)
{
    return cairn_relu(
        cairn_add(cairn_call(cairn_child(self, "body"), x), cairn_call(cairn_child(self, "shortcut"), x)));
}

static cairn_module *block(int64_t in, int64_t out, int64_t stride)
{
    const cairn_conv_options first = {.padding = {1, 1}, .stride = {stride, stride}, .no_bias = true};
    const cairn_conv_options second = {.padding = {1, 1}, .no_bias = true},
                             across = {.stride = {stride, stride}, .no_bias = true};
    cairn_module *b = cairn_module_new("Block", block_forward, 0);
    cairn_module_add(b, "body", cairn_sequential(
        cairn_conv2d(in, out, 3, &first), cairn_batch_norm2d(out, NULL), cairn_activation(CAIRN_RELU),
        cairn_conv2d(out, out, 3, &second), cairn_batch_norm2d(out, NULL), NULL));
    cairn_module_add(b, "shortcut", in == out && stride == 1 ? cairn_identity() : cairn_sequential(
        cairn_conv2d(in, out, 1, &across), cairn_batch_norm2d(out, NULL), NULL));
    return b;
}

static cairn_module *build_resnet(const model_spec *m)
{
    const cairn_conv_options same = {.padding = {1, 1}, .no_bias = true};
    return cairn_sequential(cairn_conv2d(m->shape.size[0], 32, 3, &same), cairn_batch_norm2d(32, NULL),
                            cairn_activation(CAIRN_RELU), block(32, 32, 1), block(32, 64, 2), block(64, 128, 2),
                            cairn_adaptive_avg_pool2d(1, 1), cairn_flatten_layer(1), cairn_dropout(0.2),
                            cairn_linear(128, m->classes, NULL), NULL);
}

static const struct network {
    const char *kind;
    int64_t least;                 /* pixels on each side; 0: not only images */
    cairn_module *(*build)(const model_spec *m);
} networks[] = {{"mlp", 0, build_mlp}, {"cnn", 4, build_cnn}, {"resnet", 4, build_resnet}};
enum { NETWORKS = sizeof networks / sizeof *networks };

cairn_module *model_build(const model_spec *m)
{
    for (int i = 0; i < NETWORKS; i++) {
        const struct network *n = &networks[i];
        if (strcmp(n->kind, m->kind))
            continue;
        if (n->least && (m->shape.rank != 3 || m->shape.size[1] < n->least || m->shape.size[2] < n->least)) {
            fprintf(stderr, "cairn: the model %s needs images of at least %d x %d pixels; try --model mlp\n",
                    m->kind, (int)n->least, (int)n->least);
            return NULL;
        }
        return n->build(m);
    }
    fprintf(stderr, "cairn: there is no model '%s' (there are %s)\n", m->kind, model_kinds);
    return NULL;
}

/* ---- What a network needs to know of its data */

static bool take_names(model_spec *m, const char *const *names)
{
    m->class_names = calloc((size_t)m->classes, sizeof *m->class_names);
    for (int64_t i = 0; m->class_names && i < m->classes; i++) {
        char number[24];
        snprintf(number, sizeof number, "%" PRId64, i);
        if (!(m->class_names[i] = strdup(names ? names[i] : number)))
            return false;
    }
    return m->class_names != NULL;
}

bool spec_for(model_spec *m, const char *kind, const source *s)
{
    const cairn_dataset_spec *d = cairn_dataset_spec_of(s->train);
    *m = (model_spec){.shape = d->x_shape, .classes = d->classes};
    snprintf(m->kind, sizeof m->kind, "%s", kind ? kind : d->x_shape.rank == 3 ? "cnn" : "mlp");
    snprintf(m->source, sizeof m->source, "%s", s->name);
    if (!take_names(m, d->class_names))
        return false;
    return d->x_shape.rank != 3 || !cairn_dataset_moments(s->train, 2000, &m->normalise, m->mean, m->deviation);
}

bool spec_fits(const model_spec *m, const cairn_dataset *data)
{
    const cairn_dataset_spec *d = cairn_dataset_spec_of(data);
    bool same = d->x_shape.rank == m->shape.rank && d->classes == m->classes;
    for (int i = 0; i < m->shape.rank && same; i++)
        same = d->x_shape.size[i] == m->shape.size[i];
    return same;
}

void spec_free(model_spec *m)
{
    for (int64_t i = 0; m->class_names && i < m->classes; i++)
        free(m->class_names[i]);
    free(m->class_names);
    m->class_names = NULL;
}

/* ---- As metadata */

bool notes_add(notes *t, const char *key, const char *format, ...)
{
    va_list arguments;
    char *value = NULL;
    va_start(arguments, format);
    int length = vasprintf(&value, format, arguments);
    va_end(arguments);
    if (length < 0 || t->count == (int64_t)(sizeof t->item / sizeof *t->item))
        return false;
    t->item[t->count++] = (cairn_metadata){key, value};
    return true;
}

void notes_free(notes *t)
{
    for (int64_t i = 0; i < t->count; i++)
        free((char *)t->item[i].value);
    t->count = 0;
}

/* Class names on a line each: a name with a line's end in it would be two, so that becomes a space. */
static char *join_names(const model_spec *m)
{
    size_t bytes = 1;
    for (int64_t i = 0; i < m->classes; i++)
        bytes += strlen(m->class_names[i]) + 1;
    char *all = calloc(1, bytes), *at = all;
    for (int64_t i = 0; all && i < m->classes; i++) {
        for (const char *p = m->class_names[i]; *p; p++)
            *at++ = *p == '\n' ? ' ' : *p;
        *at++ = '\n';
    }
    return all;
}

bool spec_write(const model_spec *m, notes *t)
{
    char numbers[2][CAIRN_MAX_CHANNELS * 20] = {"", ""}, shape[CAIRN_MAX_RANK * 24] = "";
    for (int i = 0, n = 0; i < m->shape.rank; i++)
        n += snprintf(shape + n, sizeof shape - (size_t)n, "%" PRId64 " ", m->shape.size[i]);
    for (int i = 0, n[2] = {0}; i < m->normalise; i++)
        for (int k = 0; k < 2; k++)
            n[k] += snprintf(numbers[k] + n[k], sizeof numbers[k] - (size_t)n[k], "%.9g ",
                             (double)(k ? m->deviation : m->mean)[i]);
    char *names = join_names(m);
    bool good = names && notes_add(t, "tool.kind", "%s", m->kind) && notes_add(t, "tool.shape", "%s", shape) &&
                notes_add(t, "tool.classes", "%s", names) && notes_add(t, "tool.mean", "%s", numbers[0]) &&
                notes_add(t, "tool.deviation", "%s", numbers[1]) && notes_add(t, "tool.source", "%s", m->source) &&
                notes_add(t, "tool.folder", "%s", m->folder) && notes_add(t, "tool.label", "%s", m->label);
    free(names);
    return good;
}

static int read_floats(const char *text, float *out)
{
    int count = 0;
    for (char *end; text && count < CAIRN_MAX_CHANNELS; text = end) {
        float x = strtof(text, &end);
        if (end == text)
            break;
        out[count++] = x;
    }
    return count;
}

static bool read_shape(const char *text, cairn_shape *s)
{
    *s = (cairn_shape){0};
    for (char *end; text && s->rank < CAIRN_MAX_RANK; text = end) {
        long long n = strtoll(text, &end, 10);
        if (end == text)
            break;
        if (n < 1 || n > 1 << 24)
            return false;
        s->size[s->rank++] = n;
    }
    return s->rank == 1 || s->rank == 3;
}

static bool read_names(const char *text, model_spec *m)
{
    m->classes = 0;
    for (const char *p = text; p && *p; p++)
        m->classes += *p == '\n';
    if (!(m->class_names = calloc((size_t)m->classes + 1, sizeof *m->class_names)))
        return false;
    for (int64_t i = 0; i < m->classes; i++) {
        size_t n = strcspn(text, "\n");
        if (!(m->class_names[i] = strndup(text, n)))
            return false;
        text += n + 1;
    }
    return m->classes >= 2;
}

static void copy_text(char *to, size_t room, const char *from) { snprintf(to, room, "%s", from ? from : ""); }

bool spec_read(model_spec *m, const cairn_archive *a)
{
    *m = (model_spec){0};
    copy_text(m->kind, sizeof m->kind, cairn_archive_metadata(a, "tool.kind"));
    copy_text(m->source, sizeof m->source, cairn_archive_metadata(a, "tool.source"));
    copy_text(m->folder, sizeof m->folder, cairn_archive_metadata(a, "tool.folder"));
    copy_text(m->label, sizeof m->label, cairn_archive_metadata(a, "tool.label"));
    m->normalise = read_floats(cairn_archive_metadata(a, "tool.mean"), m->mean);
    bool good = read_floats(cairn_archive_metadata(a, "tool.deviation"), m->deviation) == m->normalise;
    return *m->kind && read_shape(cairn_archive_metadata(a, "tool.shape"), &m->shape) && good &&
           read_names(cairn_archive_metadata(a, "tool.classes"), m);
}

cairn_module *model_load(const char *path, model_spec *m)
{
    char inside[PATH_BYTES];
    struct stat s;
    *m = (model_spec){0};
    if (stat(path, &s) == 0 && S_ISDIR(s.st_mode)) {
        snprintf(inside, sizeof inside, "%s/model.safetensors", path);
        path = inside;
    }
    cairn_archive *a = cairn_open_safetensors(path);
    if (!a)
        return NULL;
    bool known = spec_read(m, a);
    cairn_archive_close(a);
    if (!known)
        fprintf(stderr, "cairn: %s: is not a model of `cairn train` (it lacks its description)\n", path);
    cairn_module *net = known ? model_build(m) : NULL;
    if (net && !cairn_load(net, path))
        return net;
    cairn_module_free(net);
    spec_free(m);
    return NULL;
}
