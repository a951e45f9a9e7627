/* Parsers of file formats on memory: what the readers of files and the fuzzers share. `name` stands for the file in
 * messages. All give NULL (or a status) with the error set. */
#ifndef FRAMEWORK_IO_FORMATS_H
#define FRAMEWORK_IO_FORMATS_H
#include <cairn/io.h>
#include "framework/graph/graph.h"
#include "framework/io/file.h"

/* A dense tensor of the current scope on `b`, whose reference it takes. */
cairn_tensor *tensor_of_buffer(const cairn_shape *shape, cairn_dtype type, buffer *b);

cairn_tensor *idx_parse(const file_bytes *f, const char *name);

/* `op` is load_npy or open_npz. */
cairn_tensor *npy_parse(const char *op, const uint8_t *data, int64_t size, const char *name);
/* The header of an .npy file for x, padded so that the elements begin at a multiple of 64 bytes; the number of bytes. */
enum { NPY_HEADER_MOST = 512 };
int npy_header(cairn_tensor *x, uint8_t header[NPY_HEADER_MOST]);

/* An image of 8 bits a channel, rows from the top, channels interleaved: what the decoders give. */
typedef struct image {
    int64_t height, width;
    int channels;               /* 1 or 3 */
    uint8_t *pixels;            /* mem_free */
} image;
enum { IMAGE_MOST_PIXELS = 1 << 28 };
/* PNG or JPEG, told apart by their first bytes; channels 0 (as the file has), 1 or 3. */
cairn_status image_parse(const uint8_t *data, int64_t size, const char *name, int channels, image *out);
cairn_status image_load(const char *op, const char *file, int channels, image *out);
/* Bilinear, with a filter as wide as the step when it shrinks. to: channels x height x width, one plane a channel. */
cairn_status image_resize_planes(const image *from, int64_t height, int64_t width, uint8_t *to);

#endif
