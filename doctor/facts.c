/* Facts: making, reading and writing the document that lies between collecting and judging. */
#include "doctor/arena.h"
#include "doctor/json_line.h"
#include "doctor/schema.h"

#include "base/error.h"
#include "base/memory.h"

#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

cairn_facts *cairn_facts_new(void)
{
    arena *a = arena_new();
    cairn_facts *facts = a ? arena_take(a, sizeof *facts) : NULL;
    if (!facts || arena_failed(a)) {
        arena_free(a);
        return NULL;
    }
    facts->memory = a;
    return facts;
}

void cairn_facts_free(cairn_facts *facts)
{
    if (facts)
        arena_free(facts->memory);
}

const char *cairn_facts_text(cairn_facts *facts, const char *text)
{
    const char *copy = arena_text(facts->memory, text);
    return arena_failed(facts->memory) ? NULL : copy;
}

/* ---- Reading ------------------------------------------------------------------------------------*/

typedef struct reader {
    arena *memory;
    cairn_facts *facts;
    const char *text, *name;
    size_t bytes;
    json_path path;
} reader;

static bool refuse(reader *r, const char *expected)
{
    char path[256];
    int line = json_line_of(r->text, r->bytes, &r->path);
    json_path_print(&r->path, path, sizeof path);
    error_set(CAIRN_E_FORMAT, "%s:%d: %s: expected %s", r->name, line, path, expected);
    return false;
}

/* jansson allows a NUL inside a text, which no fact can hold. */
static bool plain_text(const json_t *value)
{
    return json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value);
}

static bool read_object(reader *r, const schema *s, json_t *value, void *out);

static bool read_text(reader *r, json_t *value, const char **out)
{
    if (!json_is_null(value) && !plain_text(value))
        return refuse(r, "a text or null");
    *out = json_is_null(value) ? "" : arena_text(r->memory, json_string_value(value));
    return true;
}

static bool read_answer(reader *r, json_t *value, cairn_answer *out)
{
    if (json_is_null(value))
        return true;
    if (!json_is_boolean(value))
        return refuse(r, "true or false");
    *out = json_is_true(value) ? CAIRN_YES : CAIRN_NO;
    return true;
}

static bool read_number(reader *r, json_t *value, cairn_number *out)
{
    if (json_is_null(value)) {
        *out = (cairn_number){CAIRN_NO, 0};
        return true;
    }
    double n = json_number_value(value);
    if (!json_is_number(value) || n != trunc(n) || fabs(n) > INT_MAX)
        return refuse(r, "a whole number");
    *out = (cairn_number){CAIRN_YES, (int)n};
    return true;
}

static bool read_texts(reader *r, json_t *value, cairn_texts *out)
{
    out->known = CAIRN_NO;
    if (json_is_null(value))
        return true;
    if (!json_is_array(value))
        return refuse(r, "a list of texts");
    size_t i;
    json_t *item;
    json_array_foreach(value, i, item) {
        json_path_push_index(&r->path, (int)i);
        if (!plain_text(item))
            return refuse(r, "a text");
        texts_add(r->memory, out, arena_text(r->memory, json_string_value(item)));
        json_path_pop(&r->path);
    }
    return true;
}

static bool read_pairs(reader *r, json_t *value, cairn_pairs *out)
{
    out->known = CAIRN_NO;
    if (json_is_null(value))
        return true;
    if (!json_is_object(value))
        return refuse(r, "an object of texts");
    const char *key;
    json_t *item;
    json_object_foreach(value, key, item) {
        json_path_push_key(&r->path, key);
        if (!json_is_null(item) && !plain_text(item))
            return refuse(r, "a text or null");
        pairs_add(r->memory, out, arena_text(r->memory, key), arena_text(r->memory, json_string_value(item)));
        json_path_pop(&r->path);
    }
    return true;
}

typedef CAIRN_LIST(void) any_list;

static bool read_objects(reader *r, const schema *of, json_t *value, any_list *out)
{
    out->known = CAIRN_NO;
    if (json_is_null(value))
        return true;
    if (!json_is_array(value))
        return refuse(r, "a list of objects");
    size_t i;
    json_t *item;
    json_array_foreach(value, i, item) {
        json_path_push_index(&r->path, (int)i);
        if (!json_is_object(item))
            return refuse(r, "an object");
        if (!read_object(r, of, item, list_grow(r->memory, out, of->bytes)))
            return false;
        json_path_pop(&r->path);
    }
    return true;
}

static bool read_nodes(reader *r, const schema *of, json_t *value, any_list *out)
{
    out->known = CAIRN_NO;
    if (json_is_null(value))
        return true;
    if (!json_is_object(value))
        return refuse(r, "an object of objects");
    const char *key;
    json_t *item;
    json_object_foreach(value, key, item) {
        json_path_push_key(&r->path, key);
        if (!json_is_object(item))
            return refuse(r, "an object");
        void *node = list_grow(r->memory, out, of->bytes);
        if (!read_object(r, of, item, node))
            return false;
        *(const char **)node = arena_text(r->memory, key);
        json_path_pop(&r->path);
    }
    return true;
}

static bool read_nullable(reader *r, const schema *of, json_t *value, void *out)
{
    cairn_answer *present = out;
    if (!json_is_null(value) && !json_is_object(value))
        return refuse(r, "an object or null");
    *present = json_is_null(value) ? CAIRN_NO : CAIRN_YES;
    return json_is_null(value) || read_object(r, of, value, out);
}

static bool read_field(reader *r, const field *f, json_t *value, char *out)
{
    void *to = out + f->offset;
    switch (f->kind) {
    case FIELD_TEXT: return read_text(r, value, to);
    case FIELD_ANSWER: return read_answer(r, value, to);
    case FIELD_NUMBER: return read_number(r, value, to);
    case FIELD_TEXTS: return read_texts(r, value, to);
    case FIELD_PAIRS: return read_pairs(r, value, to);
    case FIELD_OBJECT: return read_nullable(r, f->of, value, to);
    case FIELD_OBJECTS: return read_objects(r, f->of, value, to);
    case FIELD_NODES: return read_nodes(r, f->of, value, to);
    }
    return false;
}

static const field *find_field(const schema *s, const char *key)
{
    for (int i = 0; i < s->count; i++)
        if (!strcmp(s->fields[i].key, key))
            return &s->fields[i];
    return NULL;
}

static void note_unknown(reader *r)
{
    enum { MOST_NOTES = 32 };
    char path[256];
    if (r->facts->notes.count >= MOST_NOTES)
        return;
    json_path_print(&r->path, path, sizeof path);
    texts_add(r->memory, &r->facts->notes,
              arena_format(r->memory, "%s: unknown key %s is ignored", r->name, path));
}

static bool read_object(reader *r, const schema *s, json_t *value, void *out)
{
    const char *key;
    json_t *item;
    json_object_foreach(value, key, item) {
        json_path_push_key(&r->path, key);
        const field *f = find_field(s, key);
        if (!f)
            note_unknown(r);
        else if (!read_field(r, f, item, out))
            return false;
        json_path_pop(&r->path);
    }
    return true;
}

/* A scenario file holds the document under "facts". */
static json_t *document(reader *r, json_t *root)
{
    json_t *inner = json_object_get(root, "facts");
    if (!json_is_object(inner))
        return root;
    json_path_push_key(&r->path, "facts");
    return inner;
}

static json_t *parse(const char *text, size_t bytes, const char *name)
{
    json_error_t error;
    json_t *root = json_loadb(text, bytes, 0, &error);
    if (!root) {
        error_set(CAIRN_E_FORMAT, "%s:%d: %s", name, error.line > 0 ? error.line : 1, error.text);
        return NULL;
    }
    if (!json_is_object(root)) {
        error_set(CAIRN_E_FORMAT, "%s:1: expected an object of facts", name);
        json_decref(root);
        return NULL;
    }
    return root;
}

cairn_facts *cairn_facts_read(const char *text, size_t bytes, const char *name)
{
    json_t *root = parse(text, bytes, name);
    cairn_facts *facts = root ? cairn_facts_new() : NULL;
    if (facts) {
        reader r = {.memory = facts->memory, .facts = facts, .text = text, .bytes = bytes, .name = name};
        if (!read_object(&r, &facts_schema, document(&r, root), facts) || arena_failed(facts->memory)) {
            cairn_facts_free(facts);
            facts = NULL;
        }
    }
    json_decref(root);
    return facts;
}

/* ---- Writing: what is not known is left out -------------------------------------------------------*/

static json_t *write_object(const schema *s, const void *from);

static json_t *write_text(const char *text)
{
    return !*text ? json_null() : json_string(text);
}

static json_t *write_texts(const cairn_texts *list)
{
    json_t *out = json_array();
    for (int i = 0; i < list->count; i++)
        json_array_append_new(out, json_string(list->items[i]));
    return out;
}

static json_t *write_pairs(const cairn_pairs *list)
{
    json_t *out = json_object();
    for (int i = 0; i < list->count; i++) {
        const char *value = list->items[i].value;
        json_object_set_new(out, list->items[i].key, value ? json_string(value) : json_null());
    }
    return out;
}

static json_t *write_objects(const schema *of, const any_list *list)
{
    json_t *out = json_array();
    for (int i = 0; i < list->count; i++)
        json_array_append_new(out, write_object(of, (const char *)list->items + (size_t)i * of->bytes));
    return out;
}

static json_t *write_nodes(const schema *of, const any_list *list)
{
    json_t *out = json_object();
    for (int i = 0; i < list->count; i++) {
        const char *node = (const char *)list->items + (size_t)i * of->bytes;
        json_object_set_new(out, *(const char *const *)node, write_object(of, node));
    }
    return out;
}

/* NULL when the field is not known. */
static json_t *write_field(const field *f, const char *from)
{
    const void *at = from + f->offset;
    const char *text = *(const char *const *)(f->kind == FIELD_TEXT ? at : &(const char *){NULL});
    if (f->kind == FIELD_TEXT)
        return text ? write_text(text) : NULL;
    if (*(const cairn_answer *)at == CAIRN_UNKNOWN)
        return NULL;
    bool yes = *(const cairn_answer *)at == CAIRN_YES;
    switch (f->kind) {
    case FIELD_ANSWER: return json_boolean(yes);
    case FIELD_NUMBER: return yes ? json_integer(((const cairn_number *)at)->value) : json_null();
    case FIELD_TEXTS: return write_texts(at);
    case FIELD_PAIRS: return write_pairs(at);
    case FIELD_OBJECT: return yes ? write_object(f->of, at) : json_null();
    case FIELD_OBJECTS: return write_objects(f->of, at);
    case FIELD_NODES: return write_nodes(f->of, at);
    default: return NULL;
    }
}

static json_t *write_object(const schema *s, const void *from)
{
    json_t *out = json_object();
    for (int i = 0; i < s->count; i++) {
        json_t *value = write_field(&s->fields[i], from);
        if (value)
            json_object_set_new(out, s->fields[i].key, value);
    }
    return out;
}

char *cairn_facts_write(const cairn_facts *facts)
{
    json_t *document = write_object(&facts_schema, facts);
    char *text = document ? json_dumps(document, JSON_INDENT(2)) : NULL;
    json_decref(document);
    if (!text)
        error_set(CAIRN_E_MEMORY, "facts: out of memory, or a text that is not UTF-8");
    return text;
}
