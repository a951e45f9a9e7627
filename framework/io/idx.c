/* IDX, the format of MNIST: two zero bytes, a type, the rank, the sizes (32 bits, big endian), the elements (big
 * endian). http://yann.lecun.com/exdb/mnist describes it. */
#include "framework/io/formats.h"
#include "base/error.h"
#include <string.h>

static const struct { uint8_t code; cairn_dtype type; } idx_types[] = {
    {0x08, CAIRN_U8}, {0x09, CAIRN_I8}, {0x0b, CAIRN_I16}, {0x0c, CAIRN_I32}, {0x0d, CAIRN_F32}, {0x0e, CAIRN_F64},
};

static bool idx_type(uint8_t code, cairn_dtype *type)
{
    for (size_t i = 0; i < sizeof idx_types / sizeof *idx_types; i++)
        if (idx_types[i].code == code) {
            *type = idx_types[i].type;
            return true;
        }
    return false;
}

/* The header; `start` is where the elements begin. */
static cairn_status idx_header(const file_bytes *f, const char *name, cairn_shape *shape, cairn_dtype *type,
                               int64_t *start)
{
    const uint8_t *p = f->data;
    if (f->size < 4 || p[0] || p[1] || !idx_type(p[2], type))
        return error_set(CAIRN_E_FORMAT, "load_idx: %s: is not an IDX file", name);
    if (p[3] > CAIRN_MAX_RANK)
        return error_set(CAIRN_E_UNSUPPORTED, "load_idx: %s: rank %d, at most %d is supported", name, p[3],
                         CAIRN_MAX_RANK);
    *shape = (cairn_shape){.rank = p[3]};
    *start = 4 + 4 * (int64_t)p[3];
    if (f->size < *start)
        return error_set(CAIRN_E_FORMAT, "load_idx: %s: is cut short in its header", name);
    for (int i = 0; i < shape->rank; i++)
        shape->size[i] = (int64_t)p[4 + 4 * i] << 24 | p[5 + 4 * i] << 16 | p[6 + 4 * i] << 8 | p[7 + 4 * i];
    return CAIRN_OK;
}

cairn_tensor *idx_parse(const file_bytes *f, const char *name)
{
    cairn_shape shape = {0};
    cairn_dtype type = CAIRN_U8;
    int64_t start = 0;
    if (idx_header(f, name, &shape, &type, &start) || !shape_check("load_idx", &shape, type))
        return NULL;
    int64_t bytes = shape_numel(&shape) * cairn_dtype_bytes(type);
    if (f->size - start != bytes) {
        error_set(CAIRN_E_FORMAT, "load_idx: %s: %s of %s needs %lld bytes after the header, the file has %lld",
                  name, SHAPE(&shape), cairn_dtype_name(type), (long long)bytes, (long long)(f->size - start));
        return NULL;
    }
    buffer *b = buffer_new(bytes);
    if (!b)
        return NULL;
    if (cairn_dtype_bytes(type) == 1)
        memcpy(b->data, f->data + start, (size_t)bytes);
    else
        copy_swapped(b->data, f->data + start, shape_numel(&shape), cairn_dtype_bytes(type));
    return tensor_of_buffer(&shape, type, b);
}

cairn_tensor *cairn_load_idx(const char *file)
{
    file_bytes f;
    if (file_load("load_idx", file, &f))
        return NULL;
    cairn_tensor *x = idx_parse(&f, file);
    file_close(&f);
    return x;
}
