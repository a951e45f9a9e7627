/* Where a value stands in a JSON text, so that a wrong one can be named with its line. */
#ifndef DOCTOR_JSON_LINE_H
#define DOCTOR_JSON_LINE_H
#include <stddef.h>

enum { JSON_PATH_DEPTH = 8 };

typedef struct json_path {
    int depth;
    struct {
        const char *key; /* NULL: an index */
        int index;
    } steps[JSON_PATH_DEPTH];
} json_path;

void json_path_push_key(json_path *path, const char *key);
void json_path_push_index(json_path *path, int index);
void json_path_pop(json_path *path);
void json_path_print(const json_path *path, char *out, size_t bytes); /* "gpus[0].pci" */

/* The line (from 1) on which the value at `path` begins. The text must be valid JSON. */
int json_line_of(const char *text, size_t bytes, const json_path *path);

#endif
