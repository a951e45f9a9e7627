/* CSV texts. */
#include "doctor/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    typedef struct row {
        const char *a, *b;
    } row;
    static const csv_column columns[] = {{"a", offsetof(row, a)}, {"b", offsetof(row, b)}};
    CAIRN_LIST(row) rows = {CAIRN_UNKNOWN, 0, NULL};
    arena *memory = arena_new();
    if (memory)
        csv_read(memory, (const char *)bytes, size, "fuzz", columns, 2, &rows, sizeof(row));
    arena_free(memory);
    cairn_error_clear();
    return 0;
}
