/* CSV as of RFC 4180: fields in quotes may hold commas, doubled quotes and line ends. */
#include "doctor/data.h"

#include "base/error.h"

#include <string.h>

enum { MOST_COLUMNS = 64 };

typedef struct csv {
    arena *memory;
    const char *at, *end, *name;
    int line;
    int count;
    const char *fields[MOST_COLUMNS];
} csv;

static cairn_status csv_fail(const csv *c, const char *what)
{
    return error_set(CAIRN_E_FORMAT, "%s:%d: %s", c->name, c->line, what);
}

/* A quoted field: copies it without its quotes. */
static const char *take_quoted(csv *c)
{
    const char *start = ++c->at;
    while (c->at < c->end && (*c->at != '"' || (c->at + 1 < c->end && c->at[1] == '"'))) {
        c->line += *c->at == '\n';
        c->at += *c->at == '"' ? 2 : 1;
    }
    if (c->at >= c->end)
        return NULL;
    size_t length = (size_t)(c->at - start), kept = 0;
    char *text = arena_take(c->memory, length + 1);
    if (!text || arena_failed(c->memory))
        return NULL;
    for (size_t i = 0; i < length; i++, kept++) {
        text[kept] = start[i];
        i += start[i] == '"';
    }
    text[kept] = '\0';
    c->at++;
    return text;
}

static const char *take_plain(csv *c)
{
    const char *start = c->at;
    while (c->at < c->end && *c->at != ',' && *c->at != '\n' && *c->at != '\r')
        c->at++;
    return arena_copy(c->memory, start, (size_t)(c->at - start));
}

static cairn_status take_row(csv *c)
{
    c->count = 0;
    for (;;) {
        if (c->count == MOST_COLUMNS)
            return csv_fail(c, "too many columns");
        const char *field = c->at < c->end && *c->at == '"' ? take_quoted(c) : take_plain(c);
        if (!field)
            return csv_fail(c, "a quote is never closed");
        c->fields[c->count++] = field;
        if (c->at >= c->end || *c->at != ',')
            break;
        c->at++;
    }
    if (c->at < c->end && *c->at == '\r')
        c->at++;
    if (c->at < c->end && *c->at++ != '\n')
        return csv_fail(c, "text after a closing quote");
    return CAIRN_OK;
}

/* Where each wanted column stands in this file. */
static cairn_status match_columns(csv *c, const csv_column *columns, int count, int *places)
{
    for (int i = 0; i < count; i++) {
        places[i] = -1;
        for (int j = 0; j < c->count; j++)
            if (text_is(c->fields[j], columns[i].name))
                places[i] = j;
        if (places[i] < 0)
            return error_set(CAIRN_E_FORMAT, "%s:1: the column %s is missing", c->name, columns[i].name);
    }
    return CAIRN_OK;
}

cairn_status csv_read(arena *memory, const char *text, size_t bytes, const char *name,
                      const csv_column *columns, int column_count, void *list, size_t row_bytes)
{
    csv c = {.memory = memory, .at = text, .end = text + bytes, .name = name, .line = 1};
    int places[MOST_COLUMNS];
    cairn_status status = take_row(&c);
    if (status == CAIRN_OK)
        status = match_columns(&c, columns, column_count, places);
    int header = c.count;
    for (c.line++; status == CAIRN_OK && c.at < c.end; c.line++) {
        status = take_row(&c);
        if (status == CAIRN_OK && c.count != header)
            status = error_set(CAIRN_E_FORMAT, "%s:%d: %d fields where the header has %d", name, c.line,
                               c.count, header);
        if (status != CAIRN_OK)
            break;
        char *row = list_grow(memory, list, row_bytes);
        for (int i = 0; i < column_count; i++)
            *(const char **)(row + columns[i].offset) = c.fields[places[i]];
    }
    return status == CAIRN_OK && arena_failed(memory) ? CAIRN_E_MEMORY : status;
}
