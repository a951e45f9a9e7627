/* Collecting facts: each part looks at one thing, on this machine or under another root. */
#ifndef DOCTOR_COLLECT_H
#define DOCTOR_COLLECT_H
#include "doctor/arena.h"
#include "doctor/elf.h"
#include "doctor/file.h"
#include "doctor/ldcache.h"

enum { PATH_ROOM = 4096, SMALL_FILE = 64 << 10, LARGE_FILE = 64 << 20 };

typedef struct collector {
    cairn_facts *facts;
    arena *memory;
    const char *root; /* "" for this machine, else without a slash at its end */
    bool live;        /* this machine: its environment and its libraries count */
    const char *only_python;
    int probe_timeout_ms;
    bool no_probe;
    ldcache cache; /* of the loader; empty when there is none */
    /* Python environments that were seen, so that none is listed twice. */
    cairn_texts prefixes;
    int places; /* folders that were searched for environments */
} collector;

/* ---- Files under the root: symbolic links are followed as if the root were "/" ------------------- */

/* The path without links, inside the root ("/usr/lib/x.so.1.2"); false when it does not exist, or goes
 * round in circles. */
bool root_resolve(const collector *c, const char *path, char out[PATH_ROOM]);
bool root_exists(const collector *c, const char *path);
bool root_is_folder(const collector *c, const char *path);
int root_open(const collector *c, const char *path); /* as file_open */
bool root_read(const collector *c, const char *path, size_t limit, file_text *out);
/* The first line of a small file, trimmed; NULL when it cannot be read. */
const char *root_line(const collector *c, const char *path);
/* The last part of what a link points to ("nvidia"); NULL when it is no link. */
const char *root_link_name(const collector *c, const char *path);
/* Names in a folder, sorted, at most `most`; an empty list when it cannot be read. */
cairn_texts root_list(const collector *c, const char *path, int most);
const char *path_join(const collector *c, const char *a, const char *b);
const char *base_name(const char *path);
const char *environment(const collector *c, const char *name); /* NULL under another root */

/* ---- The parts ----------------------------------------------------------------------------------*/
void collect_system(collector *c);
void collect_gpus(collector *c);
void collect_driver(collector *c);  /* module, libraries of the driver */
void collect_packages(collector *c);
void collect_toolkits(collector *c);
void collect_pythons(collector *c);
void collect_libraries(collector *c);
void collect_probe(collector *c);   /* asks libcuda and NVML */

/* "550.144.03" of "libcuda.so.550.144.03"; NULL when the file name has none. */
const char *version_of_library(const collector *c, const char *path);
/* The packages in the text of /var/lib/dpkg/status, and in any piece of an rpm database that a NUL ends. */
void packages_of_dpkg(collector *c, const char *status);
void packages_of_rpm(collector *c, const char *bytes, size_t count);
/* Folders that the loader looks in after its cache. */
extern const char *const library_folders[];
/* The folders of LD_LIBRARY_PATH. */
cairn_texts library_path(const collector *c);

#endif
