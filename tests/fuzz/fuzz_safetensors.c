/* safetensors files; all tensors are read. */
#include "framework/io/archive.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_mark m = cairn_scope_push();
    file_bytes f = {.data = data, .size = (int64_t)size};
    cairn_archive *a = safetensors_parse("fuzz", &f);
    for (int64_t i = 0; i < cairn_archive_count(a); i++)
        cairn_data(cairn_archive_tensor(a, cairn_archive_name(a, i)));
    cairn_archive_close(a);
    cairn_scope_pop(m, NULL);
    cairn_error_clear();
    return 0;
}
