#include "runtime/api/fatbin.h"
#include <stdio.h>
#include <string.h>

/* A wrapper points to a fat binary: a header and regions of PTX or machine code, each with its own
 * header. As clang and nvcc write them; regions may be compressed by nvcc, which is refused. */
enum { WRAPPER_MAGIC = 0x466243b1, ELF_MAGIC = 0x464c457f };
static const uint32_t fatbin_magic = 0xba55ed50;

typedef struct wrapper { uint32_t magic, version; const void *data; void *unused; } wrapper;
typedef struct fatbin_header { uint32_t magic; uint16_t version, header_bytes; uint64_t bytes; } fatbin_header;
typedef struct region_header {
    uint16_t kind, version;
    uint32_t header_bytes;
    uint64_t bytes;
    uint32_t compressed_bytes, unknown;
    uint16_t minor, major;
    uint32_t architecture, name_offset, name_bytes;
    uint64_t flags, unused, plain_bytes;
} region_header;
enum { REGION_PTX = 1, REGION_CUBIN = 2, FLAG_COMPRESSED = 0x2000 };

static CUresult refuse(const char *what)
{
    fprintf(stderr, "cairn: the image holds %s; PTX text is needed (build for compute_80 with PTX kept)\n", what);
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
}

static CUresult search_regions(const uint8_t *at, uint64_t left, image_text *out)
{
    const char *other = "no code";
    while (left >= sizeof(region_header)) {
        const region_header *r = (const region_header *)at;
        if (r->header_bytes < 16 || r->header_bytes > left || r->bytes > left - r->header_bytes)
            return CUDA_ERROR_INVALID_IMAGE;
        if (r->kind == REGION_PTX && !(r->flags & FLAG_COMPRESSED)) {
            out->text = (const char *)at + r->header_bytes;
            out->bytes = strnlen(out->text, r->bytes);
            return CUDA_SUCCESS;
        }
        other = r->kind == REGION_PTX ? "compressed PTX" : "machine code for GPUs only";
        at += r->header_bytes + r->bytes;
        left -= r->header_bytes + r->bytes;
    }
    return refuse(other);
}

static bool looks_like_text(const char *text)
{
    size_t n = strnlen(text, 16);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 9)
            return false;
    return n > 0;
}

CUresult image_find_ptx(const void *image, image_text *out)
{
    uint32_t magic;
    memcpy(&magic, image, sizeof magic);
    if (magic == WRAPPER_MAGIC) {
        image = ((const wrapper *)image)->data;
        memcpy(&magic, image, sizeof magic);
    }
    if (magic == fatbin_magic) {
        const fatbin_header *h = image;
        return search_regions((const uint8_t *)image + h->header_bytes, h->bytes, out);
    }
    if (magic == ELF_MAGIC)
        return refuse("machine code for a GPU (CUBIN)");
    if (!looks_like_text(image))
        return CUDA_ERROR_INVALID_IMAGE;
    *out = (image_text){image, strlen(image)};
    return CUDA_SUCCESS;
}
