/* IDX files. */
#include "framework/io/formats.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_mark m = cairn_scope_push();
    file_bytes f = {.data = data, .size = (int64_t)size};
    idx_parse(&f, "fuzz");
    cairn_scope_pop(m, NULL);
    cairn_error_clear();
    return 0;
}
