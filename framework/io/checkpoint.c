/* Weights of modules and whole trainings as safetensors files. */
#include "framework/io/archive.h"
#include "base/error.h"
#include "base/random.h"
#include <inttypes.h>
#include <string.h>

/* ---- Lists of named tensors */

typedef struct named_list {
    int64_t count;
    cairn_named *item;                 /* names owned */
} named_list;

static void list_free(named_list *l)
{
    for (int64_t i = 0; i < l->count; i++)
        mem_free((char *)l->item[i].name);
    mem_free(l->item);
    *l = (named_list){0};
}

/* Adds the tensors of `from`, PREFIX before their names. */
static cairn_status add_list(named_list *l, const char *prefix, cairn_tensor_list from)
{
    if (from.count < 0)
        return cairn_error();
    cairn_named *bigger = mem_resize(l->item, (size_t)(l->count + from.count + 1) * sizeof *bigger);
    if (!bigger)
        return CAIRN_E_MEMORY;
    l->item = bigger;
    for (int i = 0; i < from.count; i++) {
        size_t bytes = strlen(prefix) + strlen(from.names[i]) + 1;
        char *name = mem_new(bytes);
        if (!name)
            return CAIRN_E_MEMORY;
        snprintf(name, bytes, "%s%s", prefix, from.names[i]);
        l->item[l->count++] = (cairn_named){name, from.tensors[i]};
    }
    return CAIRN_OK;
}

/* The tensors of a file whose names begin with PREFIX, without it. */
typedef struct part {
    cairn_tensor **tensors;
    const char **names;                /* within the archive's */
    int count;
} part;

static void part_free(part *p)
{
    mem_free(p->tensors);
    mem_free(p->names);
}

static cairn_status read_part(cairn_archive *a, const char *prefix, part *p)
{
    int64_t count = cairn_archive_count(a);
    size_t skip = strlen(prefix);
    *p = (part){mem_array((size_t)count + 1, sizeof *p->tensors), mem_array((size_t)count + 1, sizeof *p->names), 0};
    if (!p->tensors || !p->names)
        return CAIRN_E_MEMORY;
    for (int64_t i = 0; i < count; i++) {
        const char *name = cairn_archive_name(a, i);
        if (strncmp(name, prefix, skip))
            continue;
        p->names[p->count] = name + skip;
        if (!(p->tensors[p->count++] = cairn_archive_tensor(a, name)))
            return cairn_error();
    }
    return CAIRN_OK;
}

static cairn_tensor_list list_of(const part *p) { return (cairn_tensor_list){p->count, p->tensors, p->names}; }

/* ---- What a module and a file do not have in common */

static int find(cairn_tensor_list list, const char *name)
{
    for (int i = 0; i < list.count; i++)
        if (!strcmp(list.names[i], name))
            return i;
    return -1;
}

/* The names of `a` that `b` lacks: the first, and how many. */
static int lacking(cairn_tensor_list a, cairn_tensor_list b, const char **first)
{
    int count = 0;
    for (int i = 0; i < a.count; i++)
        if (find(b, a.names[i]) < 0 && !count++)
            *first = a.names[i];
    return count;
}

static cairn_status compare(const char *op, const char *file, cairn_tensor_list own, cairn_tensor_list theirs)
{
    const char *missing = "", *extra = "";
    int missing_count = lacking(own, theirs, &missing), extra_count = lacking(theirs, own, &extra);
    char more[2][40] = {"", ""};
    for (int i = 0; i < 2; i++)
        if ((i ? extra_count : missing_count) > 1)
            snprintf(more[i], sizeof more[i], " and %d more", (i ? extra_count : missing_count) - 1);
    if (missing_count && extra_count)
        return error_set(CAIRN_E_ARGUMENT,
                         "%s: %s: lacks '%s'%s, and has '%s'%s that the module has not: is it of another model?",
                         op, file, missing, more[0], extra, more[1]);
    if (missing_count)
        return error_set(CAIRN_E_ARGUMENT, "%s: %s: lacks '%s'%s", op, file, missing, more[0]);
    if (extra_count)
        return error_set(CAIRN_E_ARGUMENT, "%s: %s: has '%s'%s that the module has not", op, file, extra, more[1]);
    for (int i = 0; i < own.count; i++) {
        cairn_shape a = cairn_shape_of(own.tensors[i]),
                    b = cairn_shape_of(theirs.tensors[find(theirs, own.names[i])]);
        if (!shape_equal(&a, &b))
            return error_set(CAIRN_E_SHAPE, "%s: %s: '%s' is %s, the module's is %s", op, file, own.names[i],
                             SHAPE(&b), SHAPE(&a));
    }
    return CAIRN_OK;
}

/* ---- Modules */

cairn_status cairn_save_with(cairn_module *m, const char *file, int64_t metadata_count,
                             const cairn_metadata *metadata)
{
    named_list l = {0};
    cairn_status status = add_list(&l, "", cairn_state_dict(m));
    if (!status)
        status = cairn_save_safetensors(file, l.count, l.item, metadata_count, metadata);
    list_free(&l);
    return status;
}

cairn_status cairn_save(cairn_module *m, const char *file)
{
    return cairn_save_with(m, file, 1, &(cairn_metadata){"format", "pt"});
}

/* Gives the module the file's tensors that begin with PREFIX. */
static cairn_status load_module(const char *op, cairn_module *m, cairn_archive *a, const char *prefix)
{
    part p;
    cairn_status status = read_part(a, prefix, &p);
    cairn_tensor_list own = status ? (cairn_tensor_list){.count = -1} : cairn_state_dict(m);
    if (!status && own.count < 0)
        status = cairn_error();
    if (!status)
        status = compare(op, a->path, own, list_of(&p));
    if (!status)
        status = cairn_load_state_dict(m, list_of(&p), true);
    part_free(&p);
    return status;
}

cairn_status cairn_load(cairn_module *m, const char *file)
{
    if (!m)
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "load: the module is NULL");
    cairn_archive *a = cairn_open_safetensors(file);
    if (!a)
        return cairn_error();
    cairn_mark mark = cairn_scope_push();
    cairn_status status = load_module("load", m, a, "");
    cairn_scope_pop(mark, NULL);
    cairn_archive_close(a);
    return status;
}

/* ---- Trainings */

static const char version[] = "1";
enum { OWN_METADATA = 4, TEXT_BYTES = 160 };

static void position_text(const cairn_loader *l, char text[TEXT_BYTES])
{
    cairn_position p = cairn_loader_position(l);
    snprintf(text, TEXT_BYTES, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRIu64 " %d %d", p.epoch,
             p.batch, p.count, p.batch_size, p.seed, p.shuffle, p.drop_last);
}

static cairn_status add_parts(named_list *l, const cairn_training *t)
{
    cairn_status status = t->module ? add_list(l, "model.", cairn_state_dict(t->module)) : CAIRN_OK;
    if (!status && t->optimizer)
        status = add_list(l, "optimizer.", cairn_optimizer_state(t->optimizer));
    if (!status && t->scheduler)
        status = add_list(l, "scheduler.", cairn_scheduler_state(t->scheduler));
    return status;
}

static cairn_status save(const cairn_training *t, const char *file, const named_list *l, cairn_metadata *metadata)
{
    char counts[TEXT_BYTES], numbers[TEXT_BYTES], position[TEXT_BYTES] = "";
    random_state r = random_get();
    snprintf(counts, sizeof counts, "%" PRId64 " %" PRId64, t->epoch, t->step);
    snprintf(numbers, sizeof numbers, "%" PRIu64 " %" PRIu64, r.seed, r.stream);
    if (t->loader)
        position_text(t->loader, position);
    metadata[0] = (cairn_metadata){"cairn.checkpoint", version};
    metadata[1] = (cairn_metadata){"cairn.counts", counts};
    metadata[2] = (cairn_metadata){"cairn.random", numbers};
    metadata[3] = (cairn_metadata){"cairn.loader", position};
    for (int64_t i = 0; i < t->metadata_count; i++) {
        if (!strncmp(t->metadata[i].key, "cairn.", 6))
            return error_set(CAIRN_E_ARGUMENT, "save_checkpoint: %s: the key '%s' is taken", file,
                             t->metadata[i].key);
        metadata[OWN_METADATA + i] = t->metadata[i];
    }
    return cairn_save_safetensors(file, l->count, l->item, OWN_METADATA + t->metadata_count, metadata);
}

cairn_status cairn_save_checkpoint(const cairn_training *t, const char *file)
{
    if (!t || !file || t->metadata_count < 0 || (t->metadata_count && !t->metadata))
        return error_set(CAIRN_E_ARGUMENT, "save_checkpoint: a NULL or negative argument");
    named_list l = {0};
    cairn_metadata *metadata = mem_array((size_t)(OWN_METADATA + t->metadata_count), sizeof *metadata);
    cairn_status status = metadata ? add_parts(&l, t) : CAIRN_E_MEMORY;
    if (!status)
        status = save(t, file, &l, metadata);
    list_free(&l);
    mem_free(metadata);
    return status;
}

static cairn_status damaged(const cairn_archive *a, const char *key)
{
    return error_set(CAIRN_E_FORMAT, "load_checkpoint: %s: '%s' is missing or damaged", a->path, key);
}

static cairn_status load_position(const cairn_archive *a, cairn_loader *l)
{
    cairn_position p;
    int shuffle, drop_last;
    const char *text = cairn_archive_metadata(a, "cairn.loader");
    if (!text || sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNu64 " %d %d", &p.epoch,
                        &p.batch, &p.count, &p.batch_size, &p.seed, &shuffle, &drop_last) != 7)
        return damaged(a, "cairn.loader");
    p.shuffle = shuffle;
    p.drop_last = drop_last;
    return cairn_loader_seek(l, p);
}

static cairn_status load_optimizer(cairn_archive *a, cairn_optimizer *o)
{
    part p;
    cairn_status status = read_part(a, "optimizer.", &p);
    if (!status)
        status = cairn_optimizer_load(o, list_of(&p));
    part_free(&p);
    return status;
}

static cairn_status load_scheduler(cairn_archive *a, cairn_scheduler *s)
{
    part p;
    cairn_status status = read_part(a, "scheduler.", &p);
    if (!status)
        status = cairn_scheduler_load(s, list_of(&p));
    part_free(&p);
    return status;
}

/* The learning rates are the optimizer's: it comes after the scheduler. */
static cairn_status load_parts(cairn_archive *a, cairn_training *t)
{
    const char *known = cairn_archive_metadata(a, "cairn.checkpoint"),
               *counts = cairn_archive_metadata(a, "cairn.counts"),
               *numbers = cairn_archive_metadata(a, "cairn.random");
    random_state r;
    if (!known || strcmp(known, version))
        return error_set(CAIRN_E_FORMAT, "load_checkpoint: %s: is not a checkpoint of this version", a->path);
    if (!counts || sscanf(counts, "%" SCNd64 " %" SCNd64, &t->epoch, &t->step) != 2)
        return damaged(a, "cairn.counts");
    if (!numbers || sscanf(numbers, "%" SCNu64 " %" SCNu64, &r.seed, &r.stream) != 2)
        return damaged(a, "cairn.random");
    cairn_status status = t->module ? load_module("load_checkpoint", t->module, a, "model.") : CAIRN_OK;
    if (!status && t->scheduler)
        status = load_scheduler(a, t->scheduler);
    if (!status && t->optimizer)
        status = load_optimizer(a, t->optimizer);
    if (!status && t->loader)
        status = load_position(a, t->loader);
    if (!status)
        random_set(r);
    return status;
}

cairn_status cairn_load_checkpoint(cairn_training *t, const char *file)
{
    if (!t || !file)
        return error_set(CAIRN_E_ARGUMENT, "load_checkpoint: an argument is NULL");
    cairn_archive *a = cairn_open_safetensors(file);
    if (!a)
        return cairn_error();
    cairn_mark mark = cairn_scope_push();
    cairn_status status = load_parts(a, t);
    cairn_scope_pop(mark, NULL);
    cairn_archive_close(a);
    return status;
}
