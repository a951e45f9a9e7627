/* CSV (RFC 4180) as a data set: one column is y, the others are x. */
#define _GNU_SOURCE                /* strtod_l */
#include "framework/data/dataset.h"
#include "framework/io/formats.h"
#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OP "csv"
enum { MOST_COLUMNS = 1 << 20, MOST_CLASSES = 1000, NUMBER_MOST = 64 };

typedef union csv_label {
    double number;                    /* regression */
    int64_t code;                     /* else: an index into `labels` */
} csv_label;

typedef struct csv {
    const char *name;                 /* of the file, for messages */
    const char *at, *end;
    char separator;
    int64_t line, next_line;          /* of the record that was read last; of what comes next */

    char *text;                       /* the record's fields, each ended by a NUL */
    int64_t text_count, text_capacity;
    int64_t *field, fields, field_capacity;      /* where each field begins in text */

    char **column;                    /* their names */
    int64_t columns, label;           /* label's index */

    float *x;                         /* rows x (columns - 1) */
    csv_label *y;
    int64_t rows, row_capacity;
    char *labels[MOST_CLASSES];       /* in the order in which they were met */
    int64_t label_count;
    locale_t plain;                   /* numbers are written with a point, whatever the user's locale */
} csv;

/* The text of a label and its number, for sorting. */
typedef struct class_label {
    char *text;
    double number;
    int64_t code;
} class_label;

/* ---- Records */

static bool grow(void **list, int64_t wanted, int64_t *capacity, size_t bytes)
{
    if (wanted <= *capacity)
        return true;
    int64_t more = wanted * 2 + 64;
    void *bigger = mem_resize(*list, (size_t)more * bytes);
    if (!bigger)
        return false;
    *list = bigger;
    *capacity = more;
    return true;
}

static bool add_char(csv *c, char x)
{
    if (!grow((void **)&c->text, c->text_count + 1, &c->text_capacity, 1))
        return false;
    c->text[c->text_count++] = x;
    return true;
}

static cairn_status bad(const csv *c, const char *what)
{
    return error_set(CAIRN_E_FORMAT, OP ": %s:%lld: %s", c->name, (long long)c->line, what);
}

/* After the opening quote, to beyond the closing one. */
static cairn_status read_quoted(csv *c)
{
    while (c->at < c->end) {
        char x = *c->at++;
        if (x == '"' && (c->at == c->end || *c->at != '"'))
            return CAIRN_OK;
        if (x == '"')
            c->at++;
        c->next_line += x == '\n';
        if (!add_char(c, x))
            return CAIRN_E_MEMORY;
    }
    return bad(c, "a quoted field does not end");
}

static bool at_line_end(const csv *c) { return c->at == c->end || *c->at == '\n' || *c->at == '\r'; }

static cairn_status read_plain(csv *c)
{
    while (!at_line_end(c) && *c->at != c->separator)
        if (!add_char(c, *c->at++))
            return CAIRN_E_MEMORY;
    return CAIRN_OK;
}

static cairn_status read_field(csv *c)
{
    if (c->fields >= MOST_COLUMNS)
        return bad(c, "has more than a million fields");
    if (!grow((void **)&c->field, c->fields + 1, &c->field_capacity, sizeof *c->field))
        return CAIRN_E_MEMORY;
    c->field[c->fields++] = c->text_count;
    bool quoted = c->at < c->end && *c->at == '"';
    c->at += quoted;
    cairn_status status = quoted ? read_quoted(c) : read_plain(c);
    if (!status && quoted && !at_line_end(c) && *c->at != c->separator)
        return bad(c, "there is text after a quoted field");
    return status ? status : add_char(c, 0) ? CAIRN_OK : CAIRN_E_MEMORY;
}

/* The next line that is not empty; at the end, no fields. */
static cairn_status read_record(csv *c)
{
    c->fields = c->text_count = 0;
    while (c->at < c->end && (*c->at == '\n' || *c->at == '\r'))
        c->next_line += *c->at++ == '\n';
    c->line = c->next_line;
    if (c->at == c->end)
        return CAIRN_OK;
    for (;;) {
        cairn_status status = read_field(c);
        if (status || at_line_end(c))
            return status;
        c->at++;                      /* the separator */
    }
}

static const char *field(const csv *c, int64_t i) { return c->text + c->field[i]; }

/* ---- Columns */

static cairn_status name_columns(csv *c, bool header)
{
    c->columns = c->fields;
    if (c->columns < 2)
        return bad(c, "needs at least two columns: a number and a label (is the separator right?)");
    if (!(c->column = mem_array((size_t)c->columns, sizeof *c->column)))
        return CAIRN_E_MEMORY;
    for (int64_t i = 0; i < c->columns; i++) {
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)i + 1);
        if (!(c->column[i] = mem_copy_string(header ? field(c, i) : number)))
            return CAIRN_E_MEMORY;
    }
    return CAIRN_OK;
}

/* A column by its name, else by its number from 1; the last for NULL. */
static cairn_status find_label(csv *c, const char *label)
{
    c->label = c->columns - 1;
    for (int64_t i = 0; label && i < c->columns; i++)
        if (!strcmp(c->column[i], label)) {
            c->label = i;
            return CAIRN_OK;
        }
    if (!label)
        return CAIRN_OK;
    char *end;
    long long number = strtoll(label, &end, 10);
    if (*label && !*end && number >= 1 && number <= c->columns) {
        c->label = number - 1;
        return CAIRN_OK;
    }
    return error_set(CAIRN_E_ARGUMENT, OP ": %s: there is no column '%s'; the last is '%s'", c->name, label,
                     c->column[c->columns - 1]);
}

/* ---- Values */

static bool number_of(const csv *c, const char *text, double *out)
{
    char *end;
    *out = strtod_l(text, &end, c->plain);
    while (isspace((unsigned char)*end))
        end++;
    return end != text && !*end && isfinite(*out);
}

static cairn_status read_number(const csv *c, int64_t column, double *out)
{
    if (number_of(c, field(c, column), out))
        return CAIRN_OK;
    return error_set(CAIRN_E_FORMAT, OP ": %s:%lld: column '%.40s': '%.40s' is not a number", c->name,
                     (long long)c->line, c->column[column], field(c, column));
}

/* The index of a label, which is new perhaps. */
static cairn_status intern(csv *c, const char *text, int64_t *code)
{
    for (*code = 0; *code < c->label_count; ++*code)
        if (!strcmp(c->labels[*code], text))
            return CAIRN_OK;
    if (c->label_count == MOST_CLASSES)
        return bad(c, "there are more than 1000 different labels; are they numbers to be predicted (regression)?");
    if (!(c->labels[c->label_count] = mem_copy_string(text)))
        return CAIRN_E_MEMORY;
    c->label_count++;
    return CAIRN_OK;
}

static bool more_rows(csv *c)
{
    if (c->rows < c->row_capacity)
        return true;
    int64_t more = c->row_capacity * 2 + 64;
    float *x = mem_resize(c->x, (size_t)(more * (c->columns - 1)) * sizeof *x);
    c->x = x ? x : c->x;
    csv_label *y = mem_resize(c->y, (size_t)more * sizeof *y);
    c->y = y ? y : c->y;
    if (!x || !y)
        return false;
    c->row_capacity = more;
    return true;
}

static cairn_status read_row(csv *c, bool regression)
{
    if (c->fields != c->columns)
        return error_set(CAIRN_E_FORMAT, OP ": %s:%lld: %lld fields where %lld are expected", c->name,
                         (long long)c->line, (long long)c->fields, (long long)c->columns);
    if (!more_rows(c))
        return CAIRN_E_MEMORY;
    float *x = c->x + c->rows * (c->columns - 1);
    cairn_status status = CAIRN_OK;
    for (int64_t i = 0; i < c->columns && !status; i++) {
        double number = 0;
        if (i == c->label)
            status =
                regression ? read_number(c, i, &c->y[c->rows].number) : intern(c, field(c, i), &c->y[c->rows].code);
        else if (!(status = read_number(c, i, &number)))
            *x++ = (float)number;
    }
    c->rows += !status;
    return status;
}

static cairn_status read_rows(csv *c, const cairn_csv_options *o)
{
    cairn_status status = read_record(c);
    if (!status && !c->fields)
        return error_set(CAIRN_E_FORMAT, OP ": %s: is empty", c->name);
    if (!status)
        status = name_columns(c, !o->no_header);
    if (!status)
        status = find_label(c, o->label);
    if (!status && o->no_header)
        status = read_row(c, o->regression);
    while (!status && !(status = read_record(c)) && c->fields)
        status = read_row(c, o->regression);
    if (!status && !c->rows)
        return error_set(CAIRN_E_FORMAT, OP ": %s: has a header but no samples", c->name);
    return status;
}

/* ---- Classes in the order of their numbers, or of their texts when one is not a number */

static int by_text(const void *a, const void *b)
{
    return strcmp(((const class_label *)a)->text, ((const class_label *)b)->text);
}

static int by_number(const void *a, const void *b)
{
    double x = ((const class_label *)a)->number, y = ((const class_label *)b)->number;
    return x != y ? (x > y) - (x < y) : by_text(a, b);
}

/* Sorts the labels; rank[code] is the class of the label with that code. */
static cairn_status sort_labels(csv *c, int64_t *rank)
{
    class_label sorted[MOST_CLASSES];
    bool numbers = true, whole = true;
    for (int64_t i = 0; i < c->label_count; i++) {
        sorted[i] = (class_label){.text = c->labels[i], .code = i};
        numbers = numbers && number_of(c, c->labels[i], &sorted[i].number);
        whole = whole && numbers && sorted[i].number == floor(sorted[i].number);
    }
    if (numbers && !whole)
        return error_set(CAIRN_E_FORMAT,
                         OP ": %s: column '%s' has numbers that are not whole: not classes (regression?)", c->name,
                         c->column[c->label]);
    qsort(sorted, (size_t)c->label_count, sizeof *sorted, numbers ? by_number : by_text);
    for (int64_t i = 0; i < c->label_count; i++) {
        rank[sorted[i].code] = i;
        c->labels[i] = sorted[i].text;
    }
    return CAIRN_OK;
}

/* ---- The data set */

static cairn_tensor *targets(const csv *c, const int64_t *rank, bool regression)
{
    cairn_shape shape = {1, {c->rows}};
    buffer *b = buffer_new(c->rows * (int64_t)(regression ? sizeof(float) : sizeof(int64_t)));
    for (int64_t i = 0; b && i < c->rows; i++)
        if (regression)
            ((float *)b->data)[i] = (float)c->y[i].number;
        else
            ((int64_t *)b->data)[i] = rank[c->y[i].code];
    return tensor_of_buffer(&shape, regression ? CAIRN_F32 : CAIRN_I64, b);
}

static cairn_dataset *as_dataset(csv *c, bool regression)
{
    int64_t rank[MOST_CLASSES];
    if (!regression && sort_labels(c, rank))
        return NULL;
    cairn_mark m = cairn_scope_push();
    cairn_tensor *x = cairn_from(c->x, CAIRN_SHAPE(c->rows, c->columns - 1), CAIRN_F32),
                 *y = targets(c, rank, regression);
    cairn_dataset *d = NULL;
    if (x && y)
        d = dataset_of_tensors(OP, x, y, regression ? 0 : c->label_count,
                               regression ? NULL : (const char *const *)c->labels);
    cairn_scope_pop(m, NULL);
    return d;
}

static void free_csv(csv *c)
{
    for (int64_t i = 0; c->column && i < c->columns; i++)
        mem_free(c->column[i]);
    for (int64_t i = 0; i < c->label_count; i++)
        mem_free(c->labels[i]);
    mem_free(c->column);
    mem_free(c->text);
    mem_free(c->field);
    mem_free(c->x);
    mem_free(c->y);
    freelocale(c->plain);
    mem_free(c);
}

cairn_dataset *csv_parse(const char *text, int64_t size, const char *name, const cairn_csv_options *options)
{
    cairn_csv_options o = options ? *options : (cairn_csv_options){0};
    csv *c = mem_new(sizeof *c);
    if (!c)
        return NULL;
    *c = (csv){.name = name, .at = text, .end = text + size, .separator = o.separator ? o.separator : ',', .next_line = 1};
    c->plain = newlocale(LC_ALL_MASK, "C", NULL);
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
        c->at += 3;                   /* the byte order mark of spreadsheets */
    cairn_status status = c->plain ? read_rows(c, &o) : error_set(CAIRN_E_MEMORY, OP ": no locale");
    cairn_dataset *d = status ? NULL : as_dataset(c, o.regression);
    if (c->plain)
        free_csv(c);
    else
        mem_free(c);
    return d;
}

cairn_dataset *cairn_csv(const char *file, const cairn_csv_options *options)
{
    file_bytes f;
    if (file_load(OP, file, &f))
        return NULL;
    cairn_dataset *d = csv_parse((const char *)f.data, f.size, file, options);
    file_close(&f);
    return d;
}
