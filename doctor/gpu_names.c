/* GPUs as people name them: "RTX 4090", "a100", "GTX 1080Ti". */
#include "doctor/gpu_names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_NAME = 160 };

/* How strictly a name is compared. */
typedef enum strictness {
    WHOLE_NAME, /* the product's name without its vendor words */
    WORDS,   /* words of the name, in order and whole: "V100" is in "Tesla V100-SXM2-16GB", not in "GV100" */
    LETTERS, /* also between letters and digits: "1080Ti" */
    STRICTNESS_COUNT
} strictness;

static bool splits(char before, char c, strictness how)
{
    return how == LETTERS && before != ' ' &&
           (isdigit((unsigned char)before) != 0) != (isdigit((unsigned char)c) != 0);
}

/* Lower case words with one space around each: " rtx 4090 ". */
static void normalize(const char *name, strictness how, char out[LONGEST_NAME])
{
    size_t n = 0;
    out[n++] = ' ';
    for (; *name && n < LONGEST_NAME - 3; name++) {
        char c = isalnum((unsigned char)*name) ? (char)tolower((unsigned char)*name) : ' ';
        if (c == ' ' && out[n - 1] == ' ')
            continue;
        if (c != ' ' && splits(out[n - 1], c, how))
            out[n++] = ' ';
        out[n++] = c;
    }
    if (out[n - 1] != ' ')
        out[n++] = ' ';
    out[n] = '\0';
}

static void drop_vendor(char *words)
{
    static const char *const vendor[] = {" nvidia ", " geforce "};
    for (size_t i = 0; i < sizeof vendor / sizeof *vendor; i++)
        while (!strncmp(words, vendor[i], strlen(vendor[i])))
            memmove(words, words + strlen(vendor[i]) - 1, strlen(words + strlen(vendor[i]) - 1) + 1);
}

static bool fits(const char *product, const char *wanted, strictness how)
{
    char words[LONGEST_NAME];
    normalize(product, how, words);
    drop_vendor(words);
    return how == WHOLE_NAME ? !strcmp(words, wanted) : strstr(words, wanted) != NULL;
}

/* A branch that is not known differs from nothing. */
static bool same_kind(const gpu_row *a, const gpu_row *b)
{
    return text_is(a->compute_capability, b->compute_capability) &&
           (absent(a->last_driver_branch) || absent(b->last_driver_branch) ||
            text_is(a->last_driver_branch, b->last_driver_branch));
}

static const char *describe(arena *memory, const gpu_row *row)
{
    const char *id =
        absent(row->pci_device_id) ? "" : arena_format(memory, "10de:%s, ", row->pci_device_id + 2);
    const char *last = row->last_driver_branch;
    if (absent(last) || text_is(last, "current"))
        return arena_format(memory, "%s (%s%s)", row->product, id, row->compute_capability);
    return arena_format(memory, "%s (%s%s, last driver R%d)", row->product, id, row->compute_capability,
                        version_part(last, 0));
}

/* All products that fit at one strictness; the first that has a branch stands for them. */
static gpu_match find_at(const cairn_doctor_data *data, arena *memory, const char *name, strictness how,
                         gpu_info *out, cairn_texts *candidates)
{
    char wanted[LONGEST_NAME];
    normalize(name, how, wanted);
    drop_vendor(wanted);
    const gpu_row *first = NULL, *best = NULL;
    bool differs = false;
    cairn_texts all = {0};
    for (int i = 0; wanted[1] && i < data->gpus.count; i++) {
        const gpu_row *row = &data->gpus.items[i];
        if (!cc_parse(row->compute_capability) || !fits(row->product, wanted, how))
            continue;
        differs |= first && !same_kind(first, row);
        first = first ? first : row;
        best = !best || (absent(best->last_driver_branch) && known(row->last_driver_branch)) ? row : best;
        texts_add(memory, &all, describe(memory, row));
    }
    if (!first)
        return GPU_UNKNOWN;
    if (differs) {
        *candidates = all;
        return GPU_AMBIGUOUS;
    }
    identify_row(data, memory, best, out);
    return GPU_FOUND;
}

static gpu_match find_id(const cairn_doctor_data *data, arena *memory, const char *id, gpu_info *out)
{
    char pci[32];
    snprintf(pci, sizeof pci, "10de:%.8s", id);
    for (char *p = pci; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    identify_gpu(data, memory, &(cairn_gpu){.pci = arena_text(memory, pci)}, out);
    return out->guessed ? GPU_UNKNOWN : GPU_FOUND;
}

/* "8.9", "sm_89", "compute_89" -> 89. */
static int capability(const char *name)
{
    arch a;
    if (!arch_parse(name, &a) || strchr(name, '+'))
        return 0;
    return a.cc;
}

gpu_match gpu_find(const cairn_doctor_data *data, arena *memory, const char *name, gpu_info *out,
                   cairn_texts *candidates)
{
    if (!strncasecmp(name, "10de:", 5))
        return find_id(data, memory, name + 5, out);
    if (!strncasecmp(name, "0x", 2))
        return find_id(data, memory, name + 2, out);
    if (capability(name)) {
        identify_cc(data, memory, cc_text(memory, capability(name)), out);
        return GPU_FOUND;
    }
    for (strictness how = WHOLE_NAME; how < STRICTNESS_COUNT; how++) {
        gpu_match m = find_at(data, memory, name, how, out, candidates);
        if (m != GPU_UNKNOWN)
            return m;
    }
    return GPU_UNKNOWN;
}
