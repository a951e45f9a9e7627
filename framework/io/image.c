/* Images: PNG through libpng's simplified reading, JPEG through libjpeg-turbo, and resizing. */
#include "framework/io/formats.h"
#include "base/error.h"
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_PNG
#include <png.h>
#endif
#ifdef HAVE_JPEG
#include <jpeglib.h>
#endif

#define OP "load_image"

#if defined(HAVE_PNG) || defined(HAVE_JPEG)
/* Pixels for height x width x channels, which are set; false with the error set. */
static bool image_new(image *m, const char *name, int64_t height, int64_t width, int channels)
{
    *m = (image){.height = height, .width = width, .channels = channels};
    if (height < 1 || width < 1 || height > IMAGE_MOST_PIXELS / width)
        return error_set(CAIRN_E_UNSUPPORTED, OP ": %s: %lld x %lld pixels", name, (long long)height,
                         (long long)width),
               false;
    m->pixels = mem_array((size_t)(height * width), (size_t)channels);
    return m->pixels != NULL;
}
#endif

/* ---- PNG */
#ifdef HAVE_PNG
static cairn_status png_parse(const uint8_t *data, int64_t size, const char *name, int channels, image *out)
{
    png_image png = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_memory(&png, data, (size_t)size))
        return error_set(CAIRN_E_FORMAT, OP ": %s: %s", name, png.message);
    if ((int64_t)png.width * png.height / 8 / 1100 >
        size) { /* deflate packs at most 1032 to 1, a pixel is a bit or more */
        png_image_free(&png);
        return error_set(CAIRN_E_FORMAT, OP ": %s: claims %u x %u pixels in %lld bytes", name, png.height,
                         png.width, (long long)size);
    }
    if (!channels)
        channels = png.format & PNG_FORMAT_FLAG_COLOR ? 3 : 1;
    png.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    if (!image_new(out, name, png.height, png.width, channels)) {
        png_image_free(&png);
        return cairn_error();
    }
    static const png_color black;
    if (png_image_finish_read(&png, &black, out->pixels, 0, NULL))
        return CAIRN_OK;
    mem_free(out->pixels);
    out->pixels = NULL;
    return error_set(CAIRN_E_FORMAT, OP ": %s: %s", name, png.message);
}

cairn_status cairn_save_png(const char *file, cairn_tensor *x)
{
    cairn_shape s = cairn_shape_of(x);
    bool planes = s.rank == 3;
    int channels = planes ? (int)s.size[0] : 1;
    int64_t height = planes ? s.size[1] : s.size[0], width = planes ? s.size[2] : s.size[1];
    if (!x || cairn_dtype_of(x) != CAIRN_U8 || (s.rank != 2 && !planes) || (channels != 1 && channels != 3) ||
        height < 1 || width < 1)
        return error_set(CAIRN_E_SHAPE, "save_png: needs u8 (height, width) or (1 or 3, height, width), got %s %s",
                         x ? cairn_dtype_name(cairn_dtype_of(x)) : "NULL", x ? SHAPE(&s) : "");
    const uint8_t *from = cairn_data(x);
    uint8_t *pixels = mem_array((size_t)(height * width), (size_t)channels), *packed = NULL;
    if (!from || !pixels) {
        mem_free(pixels);
        return cairn_error();
    }
    for (int64_t i = 0; i < height * width; i++)
        for (int c = 0; c < channels; c++)
            pixels[i * channels + c] = from[c * height * width + i];
    png_image png = {.version = PNG_IMAGE_VERSION, .width = (png_uint_32)width, .height = (png_uint_32)height,
                     .format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY};
    png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(png);
    cairn_status status = CAIRN_E_MEMORY;
    if ((packed = mem_new(bytes))) {
        file_writer w;
        if (!png_image_write_to_memory(&png, packed, &bytes, 0, pixels, 0, NULL))
            status = error_set(CAIRN_E_FORMAT, "save_png: %s: %s", file ? file : "(null)", png.message);
        else if (!(status = writer_open(&w, "save_png", file))) {
            writer_put(&w, packed, (int64_t)bytes);
            status = writer_commit(&w);
        }
    }
    mem_free(packed);
    mem_free(pixels);
    return status;
}
#else
static cairn_status png_parse(const uint8_t *data, int64_t size, const char *name, int channels, image *out)
{
    (void)data, (void)size, (void)channels, (void)out;
    return error_set(CAIRN_E_MISSING, OP ": %s: Cairn was built without libpng (package libpng-dev)", name);
}

cairn_status cairn_save_png(const char *file, cairn_tensor *x)
{
    (void)x;
    return error_set(CAIRN_E_MISSING, "save_png: %s: Cairn was built without libpng (package libpng-dev)",
                     file ? file : "(null)");
}
#endif

/* ---- JPEG: libjpeg tells of an error by a call that must not return */
#ifdef HAVE_JPEG
typedef struct jpeg_reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;       /* jpeg.err points here */
    jmp_buf failed;
    char message[JMSG_LENGTH_MAX];
} jpeg_reader;

static void jpeg_failed(j_common_ptr jpeg)
{
    jpeg_reader *r = (jpeg_reader *)jpeg;
    jpeg->err->format_message(jpeg, r->message);
    longjmp(r->failed, 1);
}

/* Counts warnings (negative levels) and prints nothing. */
static void jpeg_quiet(j_common_ptr jpeg, int level) { jpeg->err->num_warnings += level < 0; }

/* Everything that may jump: nothing here owns memory but what `out` and the reader show. */
static cairn_status jpeg_decode(jpeg_reader *r, const uint8_t *data, int64_t size, const char *name, int channels,
                                image *out)
{
    jpeg_create_decompress(&r->jpeg);
    jpeg_mem_src(&r->jpeg, (unsigned char *)data, (unsigned long)size);
    jpeg_read_header(&r->jpeg, TRUE);
    if (!channels)
        channels = r->jpeg.jpeg_color_space == JCS_GRAYSCALE ? 1 : 3;
    r->jpeg.out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    r->jpeg.dct_method = JDCT_ISLOW;
    if (!image_new(out, name, r->jpeg.image_height, r->jpeg.image_width, channels))
        return cairn_error();
    jpeg_start_decompress(&r->jpeg);
    while (r->jpeg.output_scanline < r->jpeg.output_height && !r->errors.num_warnings) {
        JSAMPROW row = out->pixels + (int64_t)r->jpeg.output_scanline * out->width * channels;
        jpeg_read_scanlines(&r->jpeg, &row, 1);
    }
    if (!r->errors.num_warnings)
        jpeg_finish_decompress(&r->jpeg);
    if (r->errors.num_warnings)
        return error_set(CAIRN_E_FORMAT, OP ": %s: the JPEG data is damaged or cut short", name);
    return CAIRN_OK;
}

static cairn_status jpeg_parse(const uint8_t *data, int64_t size, const char *name, int channels, image *out)
{
    jpeg_reader *r = mem_new(sizeof *r);
    if (!r)
        return CAIRN_E_MEMORY;
    r->jpeg.err = jpeg_std_error(&r->errors);
    r->errors.error_exit = jpeg_failed;
    r->errors.emit_message = jpeg_quiet;
    *out = (image){0};
    cairn_status status = setjmp(r->failed)
        ? error_set(CAIRN_E_FORMAT, OP ": %s: %s", name, r->message)
        : jpeg_decode(r, data, size, name, channels, out);
    jpeg_destroy_decompress(&r->jpeg);
    mem_free(r);
    if (status) {
        mem_free(out->pixels);
        out->pixels = NULL;
    }
    return status;
}
#else
static cairn_status jpeg_parse(const uint8_t *data, int64_t size, const char *name, int channels, image *out)
{
    (void)data, (void)size, (void)channels, (void)out;
    return error_set(CAIRN_E_MISSING, OP ": %s: Cairn was built without libjpeg (package libjpeg-dev)", name);
}
#endif

cairn_status image_parse(const uint8_t *data, int64_t size, const char *name, int channels, image *out)
{
    *out = (image){0};
    if (channels != 0 && channels != 1 && channels != 3)
        return error_set(CAIRN_E_ARGUMENT, OP ": %s: %d channels; 0, 1 and 3 are supported", name, channels);
    if (size >= 8 && !memcmp(data, "\x89PNG\r\n\x1a\n", 8))
        return png_parse(data, size, name, channels, out);
    if (size >= 3 && !memcmp(data, "\xff\xd8\xff", 3))
        return jpeg_parse(data, size, name, channels, out);
    return error_set(CAIRN_E_FORMAT, OP ": %s: is neither PNG nor JPEG", name);
}

cairn_status image_load(const char *op, const char *file, int channels, image *out)
{
    file_bytes f;
    cairn_status status = file_map(op, file, &f);
    if (status)
        return status;
    status = image_parse(f.data, f.size, file, channels, out);
    file_close(&f);
    return status;
}

/* Interleaved rows to one plane a channel. */
static void to_planes(const image *m, uint8_t *planes)
{
    int64_t pixels = m->height * m->width;
    for (int64_t i = 0; i < pixels; i++)
        for (int c = 0; c < m->channels; c++)
            planes[c * pixels + i] = m->pixels[i * m->channels + c];
}

cairn_tensor *cairn_load_image(const char *file, int channels)
{
    image m;
    if (image_load(OP, file, channels, &m))
        return NULL;
    cairn_shape shape = {3, {m.channels, m.height, m.width}};
    buffer *b = buffer_new(m.channels * m.height * m.width);
    if (b)
        to_planes(&m, b->data);
    mem_free(m.pixels);
    return tensor_of_buffer(&shape, CAIRN_U8, b);
}

/* ---- Resizing */

/* The weights with which a row of `from` pixels gives pixel i of `to`: a triangle around its centre, as wide as one pixel of
 * the wider of the two rows. At most `taps` of them, from `first` on; they sum to 1. */
typedef struct filter {
    int64_t taps, *first;       /* to of them */
    float *weight;              /* to x taps */
} filter;

static bool filter_new(filter *f, int64_t from, int64_t to)
{
    double scale = (double)from / (double)to, reach = scale > 1 ? scale : 1;
    f->taps = (int64_t)ceil(reach) * 2 + 1;
    f->first = mem_array((size_t)to, sizeof *f->first);
    f->weight = mem_array((size_t)to, (size_t)f->taps * sizeof *f->weight);
    if (!f->first || !f->weight)
        return false;
    for (int64_t i = 0; i < to; i++) {
        double centre = ((double)i + 0.5) * scale - 0.5, sum = 0;
        float *w = f->weight + i * f->taps;
        int64_t first = (int64_t)ceil(centre - reach);
        f->first[i] = first < 0 ? 0 : first;
        for (int64_t k = 0; k < f->taps; k++) {
            int64_t at = f->first[i] + k;
            double near = 1 - fabs((double)at - centre) / reach;
            w[k] = at < from && near > 0 ? (float)near : 0;
            sum += (double)w[k];
        }
        for (int64_t k = 0; k < f->taps; k++)
            w[k] = (float)((double)w[k] / sum);
    }
    return true;
}

static void filter_free(filter *f)
{
    mem_free(f->first);
    mem_free(f->weight);
}

/* Rows first, into floats; then columns. */
static void resize(const image *from, const filter *rows, const filter *columns, int64_t height, int64_t width,
                   float *middle, uint8_t *to)
{
    int c_count = from->channels;
    for (int c = 0; c < c_count; c++, to += height * width) {
        for (int64_t y = 0; y < from->height; y++)
            for (int64_t x = 0; x < width; x++) {
                float sum = 0;
                for (int64_t k = 0; k < columns->taps && columns->first[x] + k < from->width; k++)
                    sum += columns->weight[x * columns->taps + k] *
                           from->pixels[(y * from->width + columns->first[x] + k) * c_count + c];
                middle[y * width + x] = sum;
            }
        for (int64_t y = 0; y < height; y++)
            for (int64_t x = 0; x < width; x++) {
                float sum = 0;
                for (int64_t k = 0; k < rows->taps && rows->first[y] + k < from->height; k++)
                    sum += rows->weight[y * rows->taps + k] * middle[(rows->first[y] + k) * width + x];
                to[y * width + x] = (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum + 0.5f);
            }
    }
}

cairn_status image_resize_planes(const image *from, int64_t height, int64_t width, uint8_t *to)
{
    if (from->height == height && from->width == width) {
        to_planes(from, to);
        return CAIRN_OK;
    }
    filter rows = {0}, columns = {0};
    float *middle = mem_array((size_t)(from->height * width), sizeof *middle);
    bool ready = middle && filter_new(&rows, from->height, height) && filter_new(&columns, from->width, width);
    if (ready)
        resize(from, &rows, &columns, height, width, middle, to);
    filter_free(&rows);
    filter_free(&columns);
    mem_free(middle);
    return ready ? CAIRN_OK : CAIRN_E_MEMORY;
}

cairn_tensor *cairn_load_image_sized(const char *file, int channels, int64_t height, int64_t width)
{
    if (height < 1 || width < 1 || height > IMAGE_MOST_PIXELS / width)
        return error_set(CAIRN_E_ARGUMENT, OP ": cannot bring an image to %lld x %lld pixels", (long long)height, (long long)width), NULL;
    image m;
    if (image_load(OP, file, channels, &m))
        return NULL;
    cairn_shape shape = {3, {m.channels, height, width}};
    buffer *b = buffer_new(m.channels * height * width);
    if (b && image_resize_planes(&m, height, width, b->data)) {
        buffer_unref(b);
        b = NULL;
    }
    mem_free(m.pixels);
    return tensor_of_buffer(&shape, CAIRN_U8, b);
}
