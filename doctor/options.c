/* What the two sub-commands share: options, files, language. */
#include "doctor/command.h"

#include "base/error.h"
#include "doctor/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST_FACTS = 64 << 20 };

static const option *find(const option *options, const char *argument, const char **inside)
{
    for (; options->name; options++) {
        size_t length = strlen(options->name);
        if (strncmp(options->name, argument, length))
            continue;
        *inside = argument[length] == '=' ? argument + length + 1 : NULL;
        if (!argument[length] || *inside)
            return options;
    }
    return NULL;
}

static bool take_value(const option *o, const char *value)
{
    if (!o->list) {
        *o->value = value;
        return true;
    }
    if (*o->list_count == o->list_room) {
        fprintf(stderr, "cairn: %s: more than %d\n", o->name, o->list_room);
        return false;
    }
    o->list[(*o->list_count)++] = value;
    return true;
}

bool options_read(const option *options, int argc, char **argv, const char **rest)
{
    for (int i = 1; i < argc; i++) {
        const char *value;
        const option *o = find(options, argv[i], &value);
        if (!o && rest && !*rest && argv[i][0] != '-') {
            *rest = argv[i];
            continue;
        }
        if (!o) {
            fprintf(stderr, "cairn: %s: '%s' is not known; see --help\n", argv[0], argv[i]);
            return false;
        }
        if (o->flag)
            *o->flag = true;
        if (!o->value && !o->list)
            continue;
        if (!value && i + 1 < argc && !(o->optional && argv[i + 1][0] == '-' && argv[i + 1][1]))
            value = argv[++i];
        if (!value && !o->optional) {
            fprintf(stderr, "cairn: %s needs a value\n", o->name);
            return false;
        }
        if (value && !take_value(o, value))
            return false;
    }
    return true;
}

cairn_language language_of(const char *value)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; !value && i < sizeof names / sizeof *names; i++) {
        value = getenv(names[i]);
        if (value && !*value)
            value = NULL;
    }
    return text_starts(value, "zh") ? CAIRN_CHINESE : CAIRN_ENGLISH;
}

/* --data, or the folder that is installed beside this program, or the built-in copy. */
cairn_doctor_data *load_data(const char *directory)
{
    char path[4096];
    if (directory)
        return cairn_doctor_data_load(directory);
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 40);
    char *slash = n > 0 ? (path[n] = '\0', strrchr(path, '/')) : NULL;
    if (slash) {
        strcpy(slash, "/../share/cairn/torch.csv");
        if (!access(path, R_OK)) {
            *strrchr(path, '/') = '\0';
            return cairn_doctor_data_load(path);
        }
    }
    return cairn_doctor_data_load(NULL);
}

cairn_facts *load_facts(const char *path)
{
    file_text text;
    bool standard_input = !strcmp(path, "-");
    if (standard_input ? !file_read_from(STDIN_FILENO, LARGEST_FACTS, &text)
                       : !file_read(path, LARGEST_FACTS, &text)) {
        error_set(CAIRN_E_IO, "%s: cannot be read", path);
        return NULL;
    }
    cairn_facts *facts = NULL;
    if (text.cut)
        error_set(CAIRN_E_FORMAT, "%s:1: larger than %d bytes", path, LARGEST_FACTS);
    else
        facts = cairn_facts_read(text.bytes, text.count, path);
    file_text_free(&text);
    return facts;
}

void print_json(char *json)
{
    puts(json ? json : "null");
    free(json);
}
