/* Finding PTX in what programs pass as an image: PTX text, or a fat binary around it. */
#ifndef RUNTIME_API_FATBIN_H
#define RUNTIME_API_FATBIN_H
#include <cuda/cuda.h>
#include <stdbool.h>

typedef struct image_text {
    const char *text;
    size_t bytes;
} image_text;

/* INVALID_IMAGE when the image is neither; NO_BINARY_FOR_GPU, with a line on stderr, when it holds
 * machine code for a GPU (CUBIN) only. */
CUresult image_find_ptx(const void *image, image_text *out);

#endif
