/* NumPy's .npy: a magic string, a header that is a Python dictionary, the elements.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 *
 * bf16, which NumPy does not know, is written as two-byte records ("<V2"), as the package ml_dtypes does. */
#include "framework/io/formats.h"
#include "base/error.h"
#include <cairn/ops.h>
#include <ctype.h>
#include <string.h>

static const uint8_t magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

static const struct { char kind; char bytes; cairn_dtype type; } npy_types[] = {
    {'b', 1, CAIRN_BOOL}, {'u', 1, CAIRN_U8},  {'i', 1, CAIRN_I8},   {'i', 2, CAIRN_I16}, {'i', 4, CAIRN_I32},
    {'i', 8, CAIRN_I64},  {'f', 2, CAIRN_F16}, {'V', 2, CAIRN_BF16}, {'f', 4, CAIRN_F32}, {'f', 8, CAIRN_F64},
};
enum { NPY_TYPES = sizeof npy_types / sizeof *npy_types };

/* ---- The header: a reader of the little Python that it needs */

typedef struct npy_text {
    const char *at, *end;
} npy_text;

typedef struct npy_info {
    cairn_dtype type;
    bool big_endian, fortran;
    cairn_shape shape;
    int seen;                  /* the keys met, as bits */
    const char *problem;       /* what a person wants to know when reading fails; or NULL */
} npy_info;

static bool accept(npy_text *t, char c)
{
    while (t->at < t->end && isspace((unsigned char)*t->at))
        t->at++;
    if (t->at == t->end || *t->at != c)
        return false;
    t->at++;
    return true;
}

/* 'text' or "text", at most room - 1 characters. */
static bool read_string(npy_text *t, char *out, size_t room)
{
    char quote = accept(t, '\'') ? '\'' : accept(t, '"') ? '"' : 0;
    size_t n = 0;
    while (quote && t->at < t->end && *t->at != quote && n + 1 < room)
        out[n++] = *t->at++;
    out[n] = 0;
    return quote && t->at < t->end && *t->at++ == quote;
}

static bool read_word(npy_text *t, const char *word)
{
    size_t n = strlen(word);
    accept(t, '\0');                               /* skips the space before it */
    if ((size_t)(t->end - t->at) < n || memcmp(t->at, word, n))
        return false;
    t->at += n;
    return true;
}

static bool read_shape(npy_text *t, cairn_shape *s)
{
    if (!accept(t, '('))
        return false;
    for (s->rank = 0; !accept(t, ')'); s->rank++) {
        if (s->rank == CAIRN_MAX_RANK || t->at == t->end || !isdigit((unsigned char)*t->at))
            return false;
        int64_t n = 0;
        for (; t->at < t->end && isdigit((unsigned char)*t->at); t->at++)
            if (n > INT64_MAX / 16 || (n = n * 10 + (*t->at - '0')) < 0)
                return false;
        accept(t, 'L');                            /* as Python 2 wrote long integers */
        s->size[s->rank] = n;
        if (!accept(t, ',')) {
            s->rank++;
            return accept(t, ')');
        }
    }
    return true;
}

static bool read_type(npy_text *t, npy_info *info)
{
    char text[16];
    if (!read_string(t, text, sizeof text)) {
        info->problem = "has records of several fields, which are not supported";
        return false;
    }
    const char *p = text + (strchr("<>|=", text[0]) != NULL && text[0]);
    info->big_endian = text[0] == '>';
    for (int i = 0; i < NPY_TYPES; i++)
        if (p[0] == npy_types[i].kind && p[1] == '0' + npy_types[i].bytes && !p[2]) {
            info->type = npy_types[i].type;
            return true;
        }
    info->problem = "has elements of a type that Cairn lacks (it has bool, u8, i8-i64, f16-f64)";
    return false;
}

static bool read_entry(npy_text *t, npy_info *info)
{
    char key[24];
    if (!read_string(t, key, sizeof key) || !accept(t, ':'))
        return false;
    if (!strcmp(key, "descr"))
        return info->seen |= 1, read_type(t, info);
    if (!strcmp(key, "fortran_order")) {
        info->seen |= 2;
        info->fortran = read_word(t, "True");
        return info->fortran || read_word(t, "False");
    }
    if (!strcmp(key, "shape"))
        return info->seen |= 4, read_shape(t, &info->shape);
    return false;
}

static bool read_dictionary(npy_text *t, npy_info *info)
{
    if (!accept(t, '{'))
        return false;
    while (!accept(t, '}')) {
        if (!read_entry(t, info))
            return false;
        if (!accept(t, ','))
            return accept(t, '}') && info->seen == 7;
    }
    return info->seen == 7;
}

/* Fills `info` and gives where the elements begin, or -1 with the error set. */
static int64_t read_header(const char *op, const uint8_t *data, int64_t size, const char *name, npy_info *info)
{
    *info = (npy_info){0};
    if (size < 10 || memcmp(data, magic, sizeof magic))
        return error_set(CAIRN_E_FORMAT, "%s: %s: is not an .npy file", op, name), -1;
    int length_bytes = data[6] == 1 ? 2 : 4;
    if (data[6] < 1 || data[6] > 3)
        return error_set(CAIRN_E_UNSUPPORTED, "%s: %s: version %d of .npy is not known", op, name, data[6]), -1;
    int64_t text = 8 + length_bytes, length = size < text ? 0 : (int64_t)read_le(data + 8, length_bytes);
    if (size < text || size - text < length)
        return error_set(CAIRN_E_FORMAT, "%s: %s: is cut short in its header", op, name), -1;
    npy_text t = {(const char *)data + text, (const char *)data + text + length};
    if (!read_dictionary(&t, info)) {
        error_set(info->problem ? CAIRN_E_UNSUPPORTED : CAIRN_E_FORMAT, "%s: %s: %s", op, name,
                  info->problem ? info->problem : "the header is not valid");
        return -1;
    }
    return text + length;
}

/* ---- The elements */

static cairn_tensor *elements(const uint8_t *data, const npy_info *info, const cairn_shape *shape)
{
    int64_t bytes = shape_numel(shape) * cairn_dtype_bytes(info->type);
    buffer *b = buffer_new(bytes);
    if (!b)
        return NULL;
    if (info->big_endian)
        copy_swapped(b->data, data, shape_numel(shape), cairn_dtype_bytes(info->type));
    else
        memcpy(b->data, data, (size_t)bytes);
    if (info->type == CAIRN_BOOL)
        for (int64_t i = 0; i < bytes; i++)
            ((uint8_t *)b->data)[i] = ((uint8_t *)b->data)[i] != 0;
    return tensor_of_buffer(shape, info->type, b);
}

/* Fortran order is row-major order of the reversed shape: read so, and turned round as a view. */
static cairn_tensor *fortran_elements(const uint8_t *data, const npy_info *info)
{
    cairn_shape reversed = {.rank = info->shape.rank};
    cairn_axes order = {.count = info->shape.rank};
    for (int i = 0; i < reversed.rank; i++) {
        order.axis[i] = reversed.rank - 1 - i;
        reversed.size[i] = info->shape.size[order.axis[i]];
    }
    cairn_mark m = cairn_scope_push();
    return cairn_scope_pop(m, cairn_permute(elements(data, info, &reversed), order));
}

cairn_tensor *npy_parse(const char *op, const uint8_t *data, int64_t size, const char *name)
{
    npy_info info;
    int64_t start = read_header(op, data, size, name, &info);
    if (start < 0 || !shape_check(op, &info.shape, info.type))
        return NULL;
    int64_t bytes = shape_numel(&info.shape) * cairn_dtype_bytes(info.type);
    if (size - start < bytes) {
        error_set(CAIRN_E_FORMAT, "%s: %s: is cut short: %s of %s needs %lld bytes, it has %lld", op, name,
                  SHAPE(&info.shape), cairn_dtype_name(info.type), (long long)bytes, (long long)(size - start));
        return NULL;
    }
    bool turn = info.fortran && info.shape.rank > 1;
    return turn ? fortran_elements(data + start, &info) : elements(data + start, &info, &info.shape);
}

cairn_tensor *cairn_load_npy(const char *file)
{
    file_bytes f;
    if (file_load("load_npy", file, &f))
        return NULL;
    cairn_tensor *x = npy_parse("load_npy", f.data, f.size, file);
    file_close(&f);
    return x;
}

/* ---- Writing */

static int shape_python(const cairn_shape *s, char *out, size_t room)
{
    int n = snprintf(out, room, "(");
    for (int i = 0; i < s->rank; i++)
        n += snprintf(out + n, room - (size_t)n, "%lld%s", (long long)s->size[i],
                      i + 1 < s->rank ? ", "
                      : s->rank == 1  ? ","
                                      : "");
    return n + snprintf(out + n, room - (size_t)n, ")");
}

int npy_header(cairn_tensor *x, uint8_t header[NPY_HEADER_MOST])
{
    char shape[256], text[NPY_HEADER_MOST];
    cairn_shape s = cairn_shape_of(x);
    int i = 0;
    while (npy_types[i].type != cairn_dtype_of(x))
        i++;
    shape_python(&s, shape, sizeof shape);
    int n = snprintf(text, sizeof text, "{'descr': '%c%c%d', 'fortran_order': False, 'shape': %s, }",
                     npy_types[i].bytes == 1 ? '|' : '<', npy_types[i].kind, npy_types[i].bytes, shape);
    int total = (10 + n + 1 + 63) / 64 * 64;
    memcpy(header, magic, sizeof magic);
    header[6] = 1;
    header[7] = 0;
    write_le(header + 8, 2, (uint64_t)(total - 10));
    memset(header + 10, ' ', (size_t)(total - 10));
    memcpy(header + 10, text, (size_t)n);
    header[total - 1] = '\n';
    return total;
}

cairn_status cairn_save_npy(const char *file, cairn_tensor *x)
{
    const void *data = cairn_data(x);
    if (!data)
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "save_npy: the tensor is NULL");
    uint8_t header[NPY_HEADER_MOST];
    file_writer w;
    if (writer_open(&w, "save_npy", file))
        return w.status;
    writer_put(&w, header, npy_header(x, header));
    writer_put(&w, data, cairn_numel(x) * cairn_dtype_bytes(cairn_dtype_of(x)));
    return writer_commit(&w);
}
