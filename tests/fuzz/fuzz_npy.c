/* .npy files. */
#include "framework/io/formats.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_mark m = cairn_scope_push();
    cairn_data(npy_parse("load_npy", data, (int64_t)size, "fuzz"));
    cairn_scope_pop(m, NULL);
    cairn_error_clear();
    return 0;
}
