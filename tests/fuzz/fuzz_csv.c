/* CSV files; the first byte chooses the options. */
#include "framework/data/dataset.h"
#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_mark m = cairn_scope_push();
    if (size) {
        cairn_csv_options o = {.no_header = data[0] & 1, .regression = data[0] & 2, .separator = data[0] & 4 ? ';' : 0,
                               .label = data[0] & 8 ? "1" : NULL};
        cairn_dataset_free(csv_parse((const char *)data + 1, (int64_t)size - 1, "fuzz", &o));
    }
    cairn_scope_pop(m, NULL);
    cairn_error_clear();
    return 0;
}
