#define _GNU_SOURCE
#include "tools/cc.h"
#include "tools/cc_clang.h"
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the build left headers and library; without a runtime there is nothing to compile for. */
#ifndef CAIRN_CUDA_HEADERS
#define CAIRN_CUDA_HEADERS ""
#define CAIRN_CUDA_LIBRARY ""
#define CAIRN_LIBDIR "lib"
#endif

void *need(void *memory)
{
    if (memory)
        return memory;
    fprintf(stderr, "cairn cc: out of memory\n");
    exit(1);
}

void add(words *w, const char *word)
{
    w->item = need(realloc(w->item, sizeof *w->item * (size_t)(w->count + 2)));
    w->item[w->count++] = need(strdup(word));
    w->item[w->count] = NULL;
}

void add_all(words *w, const words *more)
{
    for (int i = 0; i < more->count; i++)
        add(w, more->item[i]);
}

void add_split(words *w, const char *list)
{
    char *copy = need(strdup(list)), *rest = copy;
    for (char *word; (word = strsep(&rest, ", "));)
        if (*word)
            add(w, word);
    free(copy);
}

bool has_word(const words *w, const char *word)
{
    for (int i = 0; i < w->count; i++)
        if (strcmp(w->item[i], word) == 0)
            return true;
    return false;
}

void words_free(words *w)
{
    for (int i = 0; i < w->count; i++)
        free(w->item[i]);
    free(w->item);
    *w = (words){0};
}

char *text_print(const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    return need(text);
}

bool starts_with(const char *text, const char *start) { return strncmp(text, start, strlen(start)) == 0; }

bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* ---- Places: beside this program when it is installed, else where it was built -------------------- */
static char *program_folder(void)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n < 0)
        return need(strdup("."));
    path[n] = '\0';
    *strrchr(path, '/') = '\0';
    return need(strdup(path));
}

static char *installed_or(const char *installed, const char *built, const char *file)
{
    char *folder = program_folder(), *place = text_print("%s/../%s", folder, installed);
    char *probe = text_print("%s/%s", place, file);
    bool found = access(probe, R_OK) == 0;
    free(probe);
    free(folder);
    if (found)
        return place;
    free(place);
    return need(strdup(built));
}

char *header_folder(void) { return installed_or("include/cairn-cuda/cuda", CAIRN_CUDA_HEADERS, "cuda_runtime.h"); }
char *library_folder(void) { return installed_or(CAIRN_LIBDIR, CAIRN_CUDA_LIBRARY, "libcairn-cuda.so"); }

const char *clang(void)
{
    const char *named = getenv("CAIRN_CLANG");
    return named ? named : CC_CLANG;
}
