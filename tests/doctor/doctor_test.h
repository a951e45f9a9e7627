/* What the doctor's tests share: files and trees, facts, verdicts. */
#ifndef DOCTOR_TEST_H
#define DOCTOR_TEST_H
#include "doctor/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static inline char *read_whole(const char *path, size_t *bytes)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    char *text = NULL;
    size_t count = 0, room = 0;
    do {
        room = room ? room * 2 : 4096;
        text = realloc(text, room + 1);
        count += fread(text + count, 1, room - count, f);
    } while (count == room);
    fclose(f);
    text[count] = '\0';
    *bytes = count;
    return text;
}

/* A folder for one test, made anew. */
static inline const char *fresh_folder(const char *name)
{
    static char path[512];
    char command[1200];
    snprintf(path, sizeof path, "%s/doctor-tests/%s", CAIRN_BUILD_DIR, name);
    snprintf(command, sizeof command, "rm -rf '%s' && mkdir -p '%s'", path, path);
    assert_int_equal(system(command), 0);
    return path;
}

/* Writes root/path, with its folders. */
static inline void put_bytes(const char *root, const char *path, const void *bytes, size_t count)
{
    char full[2048];
    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        mkdir(full, 0755);
        *p = '/';
    }
    FILE *f = fopen(full, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, count, f), count);
    fclose(f);
}

static inline void put_file(const char *root, const char *path, const char *text)
{
    put_bytes(root, path, text, strlen(text));
}

static inline void put_link(const char *root, const char *path, const char *target)
{
    char full[2048];
    snprintf(full, sizeof full, "%s%s", root, path);
    put_file(root, path, "");
    unlink(full);
    assert_int_equal(symlink(target, full), 0);
}

static inline void put_folder(const char *root, const char *path)
{
    char inside[512], full[2048];
    snprintf(inside, sizeof inside, "%s/keep", path);
    put_file(root, inside, "");
    snprintf(full, sizeof full, "%s%s", root, inside);
    unlink(full);
}

static inline const cairn_finding *finding_of(const cairn_verdict *v, const char *code)
{
    for (int i = 0; i < v->findings.count; i++)
        if (!strcmp(v->findings.items[i].code, code))
            return &v->findings.items[i];
    return NULL;
}

static inline bool any_has(const cairn_texts *list, const char *part)
{
    for (int i = 0; i < list->count; i++)
        if (strstr(list->items[i], part))
            return true;
    return false;
}

/* Facts from a JSON text written with ' for ". */
static inline cairn_facts *facts_of(const char *text)
{
    char *json = strdup(text);
    for (char *p = json; *p; p++)
        if (*p == '\'')
            *p = '"';
    cairn_facts *facts = cairn_facts_read(json, strlen(json), "test");
    free(json);
    if (!facts)
        fail_msg("%s", cairn_error_message());
    return facts;
}

#endif
