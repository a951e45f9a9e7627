/* Finding a value's line. The parser has accepted the text already, so this only skips. */
#include "doctor/json_line.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void json_path_push_key(json_path *path, const char *key)
{
    if (path->depth < JSON_PATH_DEPTH)
        path->steps[path->depth].key = key;
    path->depth++;
}

void json_path_push_index(json_path *path, int index)
{
    if (path->depth < JSON_PATH_DEPTH) {
        path->steps[path->depth].key = NULL;
        path->steps[path->depth].index = index;
    }
    path->depth++;
}

void json_path_pop(json_path *path)
{
    path->depth--;
}

void json_path_print(const json_path *path, char *out, size_t bytes)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < path->depth && i < JSON_PATH_DEPTH && used < bytes; i++) {
        const char *key = path->steps[i].key;
        int n = key ? snprintf(out + used, bytes - used, "%s%s", i ? "." : "", key)
                    : snprintf(out + used, bytes - used, "[%d]", path->steps[i].index);
        used += n > 0 ? (size_t)n : 0;
    }
}

typedef struct scanner {
    const char *at, *end;
} scanner;

static char peek(scanner *s)
{
    while (s->at < s->end && strchr(" \t\r\n,:", *s->at))
        s->at++;
    return s->at < s->end ? *s->at : '\0';
}

static void skip_text(scanner *s)
{
    for (s->at++; s->at < s->end && *s->at != '"'; s->at++)
        s->at += *s->at == '\\';
    s->at++;
}

static void skip_value(scanner *s)
{
    int depth = 0;
    do {
        char c = peek(s);
        if (!c)
            return;
        if (c == '"') {
            skip_text(s);
            continue;
        }
        depth += (c == '{' || c == '[') - (c == '}' || c == ']');
        s->at++;
        if (c != '{' && c != '[' && c != '}' && c != ']')
            while (s->at < s->end && !strchr(",]} \t\r\n", *s->at))
                s->at++;
    } while (depth > 0 && s->at < s->end);
}

/* Moves to the value of a key, or stays at the object's start when the key is spelled with escapes. */
static bool enter_key(scanner *s, const char *key)
{
    scanner at = *s;
    size_t length = strlen(key);
    for (at.at++; peek(&at) == '"';) {
        const char *name = at.at + 1;
        skip_text(&at);
        bool found = (size_t)(at.end - name) > length && !memcmp(name, key, length) && name[length] == '"';
        peek(&at);
        if (found) {
            *s = at;
            return true;
        }
        skip_value(&at);
    }
    return false;
}

static bool enter_index(scanner *s, int index)
{
    s->at++;
    for (int i = 0; i < index; i++)
        skip_value(s);
    return peek(s) != '\0';
}

int json_line_of(const char *text, size_t bytes, const json_path *path)
{
    scanner s = {text, text + bytes};
    peek(&s);
    for (int i = 0; i < path->depth && i < JSON_PATH_DEPTH; i++) {
        const char *key = path->steps[i].key;
        if (s.at >= s.end || !(key ? enter_key(&s, key) : enter_index(&s, path->steps[i].index)))
            break;
    }
    int line = 1;
    for (const char *p = text; p < s.at && p < s.end; p++)
        line += *p == '\n';
    return line;
}
