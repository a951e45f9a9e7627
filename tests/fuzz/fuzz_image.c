/* PNG and JPEG images: decoded and resized. */
#include "framework/io/formats.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_mark m = cairn_scope_push();
    image decoded;
    if (!image_parse(data, (int64_t)size, "fuzz", size % 3 == 1 ? 1 : size % 3 == 2 ? 3 : 0, &decoded)) {
        uint8_t small[3 * 5 * 7];
        image_resize_planes(&decoded, 5, 7, small);
        mem_free(decoded.pixels);
    }
    cairn_scope_pop(m, NULL);
    cairn_error_clear();
    return 0;
}
