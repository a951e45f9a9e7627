/* ELF sections, read piece by piece: libraries of CUDA are larger than a gigabyte. */
#include "doctor/elf.h"

#include <elf.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct section {
    uint64_t offset, size;
} section;

static bool read_at(int fd, uint64_t offset, void *out, size_t bytes)
{
    return offset <= INT64_MAX && pread(fd, out, bytes, (off_t)offset) == (ssize_t)bytes;
}

static bool read_header(int fd, Elf64_Ehdr *h)
{
    return read_at(fd, 0, h, sizeof *h) && !memcmp(h->e_ident, ELFMAG, SELFMAG) &&
           h->e_ident[EI_CLASS] == ELFCLASS64 && h->e_ident[EI_DATA] == ELFDATA2LSB;
}

const char *elf_machine(int fd)
{
    Elf64_Ehdr h;
    if (!read_header(fd, &h))
        return NULL;
    return h.e_machine == EM_X86_64 ? "x86_64" : h.e_machine == EM_AARCH64 ? "aarch64" : NULL;
}

static bool find_section(int fd, const char *name, section *out)
{
    enum { MOST_SECTIONS = 4096, LONGEST_NAME = 64 };
    Elf64_Ehdr h;
    Elf64_Shdr names, s;
    char text[LONGEST_NAME];
    size_t bytes = strlen(name) + 1;
    if (!read_header(fd, &h) || h.e_shentsize != sizeof s || h.e_shnum > MOST_SECTIONS ||
        bytes > sizeof text ||
        !read_at(fd, h.e_shoff + (uint64_t)h.e_shstrndx * sizeof s, &names, sizeof names))
        return false;
    for (int i = 0; i < h.e_shnum; i++) {
        if (!read_at(fd, h.e_shoff + (uint64_t)i * sizeof s, &s, sizeof s))
            return false;
        if (s.sh_name < names.sh_size && read_at(fd, names.sh_offset + s.sh_name, text, bytes) &&
            !memcmp(text, name, bytes)) {
            *out = (section){s.sh_offset, s.sh_size};
            return s.sh_size <= INT64_MAX && s.sh_offset <= INT64_MAX - (int64_t)s.sh_size;
        }
    }
    return false;
}

/* ---- Fat binaries -------------------------------------------------------------------------------
 * .nv_fatbin is a row of containers, each with a header and a row of entries; an entry is a cubin or a
 * PTX text for one architecture. Headers are never compressed. The layout was read off real files. */
typedef struct fatbin_header {
    uint32_t magic;
    uint16_t version, header_bytes;
    uint64_t bytes;
} fatbin_header;

typedef struct fatbin_entry {
    uint16_t kind, version;
    uint32_t header_bytes;
    uint64_t bytes;
    uint32_t unknown[3];
    uint32_t arch;
    uint64_t unknown2;
    uint64_t flags;
} fatbin_entry;

enum { FATBIN_MAGIC = (int)0xBA55ED50, KIND_PTX = 1, KIND_CUBIN = 2 };
enum { FLAG_THIS_ARCH = 1 << 20, FLAG_FAMILY = 1 << 21 };
enum { FIRST_ALL = 32, SAMPLE = 8 };
enum { MOST_FATBINS = 1 << 15, MOST_ENTRIES = 1 << 17, MOST_SEEN = 128, LONGEST_GAP = 1 << 16 };

typedef struct seen {
    uint16_t kind;
    uint32_t arch;
    char suffix;
    int containers; /* that have it */
    int last;       /* the container that was counted last */
} seen;

typedef struct fatbins {
    int fd;
    uint64_t at, end;
    seen seen[MOST_SEEN];
    int seen_count, containers, entries;
    int looked_into; /* containers whose entries were read */
} fatbins;

static void see(fatbins *f, const fatbin_entry *e)
{
    char suffix = e->flags & FLAG_FAMILY ? 'f' : e->flags & FLAG_THIS_ARCH ? 'a' : '\0';
    seen *s = f->seen;
    while (s < f->seen + f->seen_count && (s->kind != e->kind || s->arch != e->arch || s->suffix != suffix))
        s++;
    if (s == f->seen + MOST_SEEN)
        return;
    if (s == f->seen + f->seen_count)
        f->seen[f->seen_count++] = (seen){.kind = e->kind, .arch = e->arch, .suffix = suffix, .last = -1};
    s->containers += s->last != f->containers; /* once for each container */
    s->last = f->containers;
}

static void read_entries(fatbins *f, uint64_t at, uint64_t end)
{
    fatbin_entry e;
    while (at + sizeof e <= end && f->entries++ < MOST_ENTRIES && read_at(f->fd, at, &e, sizeof e)) {
        uint64_t bytes = e.header_bytes + e.bytes;
        if (e.header_bytes < sizeof e || bytes < e.bytes || bytes > end - at)
            return;
        if ((e.kind == KIND_PTX || e.kind == KIND_CUBIN) && e.arch >= 10 && e.arch < 1000)
            see(f, &e);
        at += bytes;
    }
}

/* Between containers there is padding of zeros. */
static bool next_container(fatbins *f, fatbin_header *h)
{
    for (uint64_t gap = 0; gap < LONGEST_GAP && f->at + sizeof *h <= f->end; gap += 8, f->at += 8) {
        if (!read_at(f->fd, f->at, h, sizeof *h))
            return false;
        if (h->magic == (uint32_t)FATBIN_MAGIC)
            return h->header_bytes >= sizeof *h && h->bytes <= f->end - f->at - sizeof *h;
        if (h->magic)
            return false;
    }
    return false;
}

static int compare_seen(const void *a, const void *b)
{
    const seen *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind == KIND_CUBIN ? -1 : 1;
    if (x->arch != y->arch)
        return x->arch < y->arch ? -1 : 1;
    return x->suffix - y->suffix;
}

void elf_gpu_archs(int fd, arena *memory, cairn_texts *archs)
{
    section s;
    if (!find_section(fd, ".nv_fatbin", &s))
        return;
    fatbins *f = arena_take(memory, sizeof *f);
    if (!f || arena_failed(memory))
        return;
    posix_fadvise(fd, (off_t)s.offset, (off_t)s.size, POSIX_FADV_RANDOM); /* headers only, far apart */
    *f = (fatbins){.fd = fd, .at = s.offset, .end = s.offset + s.size};
    fatbin_header h;
    while (f->containers < MOST_FATBINS && f->entries < MOST_ENTRIES && next_container(f, &h)) {
        uint64_t start = f->at + h.header_bytes;
        f->at = start + h.bytes > f->end ? f->end : start + h.bytes;
        /* Headers lie far apart, and a cold disk takes its time: the first ones and a sample will do. */
        if (f->containers < FIRST_ALL || f->containers % SAMPLE == 0) {
            read_entries(f, start, f->at);
            f->looked_into++;
        }
        f->containers++;
    }
    qsort(f->seen, (size_t)f->seen_count, sizeof *f->seen, compare_seen);
    for (int i = 0; i < f->seen_count; i++)
        if (f->seen[i].containers * 2 >= f->looked_into)
            texts_add(memory, archs,
                      arena_format(memory, "%s_%u%.1s", f->seen[i].kind == KIND_PTX ? "compute" : "sm",
                                   f->seen[i].arch, &f->seen[i].suffix));
}

/* ---- cuda-compat --------------------------------------------------------------------------------*/

static void add_drivers(json_t *root, arena *memory, cairn_texts *drivers)
{
    json_t *list = json_object_get(root, "Driver"), *item;
    size_t i;
    if (!list)
        list = json_object_get(json_object_get(root, "Compatible"), "Driver");
    json_array_foreach(list, i, item) {
        if (json_is_integer(item))
            texts_add(memory, drivers, arena_format(memory, "%lld", (long long)json_integer_value(item)));
        else if (json_is_string(item))
            texts_add(memory, drivers, arena_text(memory, json_string_value(item)));
    }
}

bool elf_forward_compat(int fd, arena *memory, cairn_texts *drivers)
{
    enum { LARGEST_NOTE = 64 << 10 };
    section s;
    Elf64_Nhdr n;
    if (!find_section(fd, ".note.cuda.fwd_compatibility", &s) || s.size < sizeof n || s.size > LARGEST_NOTE ||
        !read_at(fd, s.offset, &n, sizeof n))
        return false;
    drivers->known = CAIRN_NO;
    uint64_t name = ((uint64_t)n.n_namesz + 3) & ~(uint64_t)3;
    if (name > s.size - sizeof n || n.n_descsz > s.size - sizeof n - name)
        return true;
    char *body = arena_take(memory, (size_t)n.n_descsz + 1);
    if (!body || arena_failed(memory) || !read_at(fd, s.offset + sizeof n + name, body, n.n_descsz))
        return true;
    json_t *root = json_loadb(body, strnlen(body, n.n_descsz), JSON_DISABLE_EOF_CHECK, NULL);
    add_drivers(root, memory, drivers);
    json_decref(root);
    return true;
}
