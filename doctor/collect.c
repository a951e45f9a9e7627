/* Collecting: all parts in the order in which they need each other. */
#include "doctor/collect.h"

#include "base/error.h"

#include <string.h>
#include <sys/stat.h>

static const char *without_slash(arena *memory, const char *root)
{
    size_t length = strlen(root);
    while (length && root[length - 1] == '/')
        length--;
    return arena_copy(memory, root, length);
}

static bool is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static void collect_all(collector *c)
{
    collect_system(c);
    collect_gpus(c);
    collect_driver(c);
    collect_packages(c);
    collect_toolkits(c);
    collect_pythons(c);
    collect_libraries(c);
    if (c->live && !c->no_probe)
        collect_probe(c);
}

cairn_facts *cairn_doctor_collect(const cairn_collect_options *options)
{
    cairn_collect_options none = {0};
    options = options ? options : &none;
    if (options->root && !is_folder(options->root)) {
        error_set(CAIRN_E_IO, "collect: %s is no folder", options->root);
        return NULL;
    }
    cairn_facts *facts = cairn_facts_new();
    if (!facts)
        return NULL;
    collector c = {.facts = facts,
                   .memory = facts->memory,
                   .only_python = options->python,
                   .probe_timeout_ms = options->probe_timeout_ms > 0 ? options->probe_timeout_ms : 10000,
                   .no_probe = options->no_probe};
    c.root = options->root ? without_slash(facts->memory, options->root) : "";
    c.live = !*c.root;
    collect_all(&c);
    ldcache_close(&c.cache);
    if (arena_failed(facts->memory)) {
        cairn_facts_free(facts);
        return NULL;
    }
    return facts;
}
