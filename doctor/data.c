/* Loading the data: from a folder, or from the copy that is built in. */
#include "doctor/data.h"

#include "base/error.h"
#include "base/memory.h"
#include "doctor/file.h"

#include <ctype.h>
#include <string.h>

enum { LARGEST_CSV = 16 << 20 };

/* The built-in files, as bytes of this program (data_files.S). */
#define X(member, file, type, columns) extern const char doctor_data_##member[], doctor_data_##member##_end[];
DATA_FILES(X)
#undef X
extern const char doctor_data_date[], doctor_data_date_end[];

#define COLUMN(column) {#column, offsetof(ROW, column)},
#define ROW torch_row
static const csv_column torch_columns[] = {TORCH_COLUMNS(COLUMN)};
#undef ROW
#define ROW gpu_row
static const csv_column gpus_columns[] = {GPU_COLUMNS(COLUMN)};
#undef ROW
#define ROW driver_row
static const csv_column drivers_columns[] = {DRIVER_COLUMNS(COLUMN)};
#undef ROW
#define ROW cuda_driver_row
static const csv_column cuda_drivers_columns[] = {CUDA_DRIVER_COLUMNS(COLUMN)};
#undef ROW
#define ROW cuda_arch_row
static const csv_column cuda_archs_columns[] = {CUDA_ARCH_COLUMNS(COLUMN)};
#undef ROW
#define ROW cudnn_row
static const csv_column cudnn_columns[] = {CUDNN_COLUMNS(COLUMN)};
#undef ROW

typedef struct data_file {
    const char *name, *start, *end;
    const csv_column *columns;
    int column_count;
    size_t offset, row_bytes;
} data_file;

static const data_file files[] = {
#define X(member, file, type, columns)                                                            \
    {file, doctor_data_##member, doctor_data_##member##_end, member##_columns,                    \
     sizeof member##_columns / sizeof *member##_columns, offsetof(struct cairn_doctor_data, member), \
     sizeof(type)},
    DATA_FILES(X)
#undef X
};

static cairn_status load_file(cairn_doctor_data *data, const data_file *f, const char *directory)
{
    void *list = (char *)data + f->offset;
    if (!directory)
        return csv_read(data->memory, f->start, (size_t)(f->end - f->start), f->name, f->columns,
                        f->column_count, list, f->row_bytes);
    const char *path = arena_format(data->memory, "%s/%s", directory, f->name);
    file_text text;
    if (!file_read(path, LARGEST_CSV, &text))
        return error_set(CAIRN_E_IO, "%s: cannot be read", path);
    cairn_status status = text.cut ? error_set(CAIRN_E_FORMAT, "%s: larger than %d bytes", path, LARGEST_CSV)
                                   : csv_read(data->memory, text.bytes, text.count, path, f->columns,
                                              f->column_count, list, f->row_bytes);
    file_text_free(&text);
    return status;
}

/* "2026-11-22" anywhere in a text. */
static const char *find_date(arena *memory, const char *text, size_t count)
{
    static const char shape[] = "dddd-dd-dd";
    for (size_t i = 0; i + 10 <= count; i++) {
        size_t j = 0;
        while (j < 10 && (shape[j] == 'd' ? isdigit((unsigned char)text[i + j]) : text[i + j] == '-'))
            j++;
        if (j == 10)
            return arena_copy(memory, text + i, 10);
    }
    return NULL;
}

static const char *load_date(cairn_doctor_data *data, const char *directory)
{
    if (!directory)
        return find_date(data->memory, doctor_data_date, (size_t)(doctor_data_date_end - doctor_data_date));
    static const char *const names[] = {"date.txt", "README.md"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        file_text text;
        const char *date = NULL;
        if (file_read(arena_format(data->memory, "%s/%s", directory, names[i]), LARGEST_CSV, &text)) {
            date = find_date(data->memory, text.bytes, text.count);
            file_text_free(&text);
        }
        if (date)
            return date;
    }
    return NULL;
}

cairn_doctor_data *cairn_doctor_data_load(const char *directory)
{
    arena *a = arena_new();
    cairn_doctor_data *data = a ? arena_take(a, sizeof *data) : NULL;
    if (!data || arena_failed(a)) {
        arena_free(a);
        return NULL;
    }
    data->memory = a;
    data->origin = directory ? arena_text(a, directory) : "built in";
    cairn_status status = CAIRN_OK;
    for (size_t i = 0; status == CAIRN_OK && i < sizeof files / sizeof *files; i++)
        status = load_file(data, &files[i], directory);
    const char *date = status == CAIRN_OK ? load_date(data, directory) : NULL;
    data->date = date ? date : "unknown";
    if (status == CAIRN_OK)
        data_derive(data);
    if (status != CAIRN_OK || arena_failed(a)) {
        arena_free(a);
        return NULL;
    }
    return data;
}

void cairn_doctor_data_free(cairn_doctor_data *data)
{
    if (data)
        arena_free(data->memory);
}

const char *cairn_doctor_data_date(const cairn_doctor_data *data)
{
    return data->date;
}
