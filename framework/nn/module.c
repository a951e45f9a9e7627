/* Modules: life, parts, calls, modes. */
#include "framework/nn/module.h"
#include <string.h>

cairn_module *cairn_module_new(const char *kind, cairn_forward forward, size_t state_bytes)
{
    cairn_module *m = mem_new(sizeof *m);
    if (!m)
        return NULL;
    m->forward = forward;
    m->kind = mem_copy_string(kind ? kind : "Module");
    m->state = state_bytes ? mem_new(state_bytes) : NULL;
    if (m->kind && (m->state || !state_bytes))
        return m;
    cairn_module_free(m);
    return NULL;
}

void *cairn_state(cairn_module *m) { return m ? m->state : NULL; }
const char *cairn_module_kind(const cairn_module *m) { return m ? m->kind : ""; }

void cairn_module_on_release(cairn_module *m, void (*release)(cairn_module *self))
{
    if (m)
        m->release = release;
}

void cairn_module_free(cairn_module *m)
{
    if (!m)
        return;
    if (m->release)
        m->release(m);
    for (int i = 0; i < m->count; i++) {
        cairn_drop(m->entries[i].tensor);
        cairn_module_free(m->entries[i].child);
        mem_free(m->entries[i].name);
    }
    list_clear(&m->parameters);
    list_clear(&m->everything);
    mem_free(m->entries);
    mem_free(m->state);
    mem_free(m->kind);
    mem_free(m);
}

cairn_module *module_whole(cairn_module *m)
{
    if (!m || !m->failed)
        return m;
    cairn_module_free(m);
    return NULL;
}

/* ---- Parts */

entry *module_entry(const cairn_module *m, const char *name)
{
    for (int i = 0; i < m->count; i++)
        if (!strcmp(m->entries[i].name, name))
            return &m->entries[i];
    return NULL;
}

static bool room_for_one(cairn_module *m)
{
    if (m->count < m->capacity)
        return true;
    int capacity = m->capacity ? 2 * m->capacity : 4;
    entry *grown = mem_resize(m->entries, (size_t)capacity * sizeof *grown);
    if (!grown)
        return false;
    m->entries = grown;
    m->capacity = capacity;
    return true;
}

static bool name_ok(const cairn_module *m, const char *name)
{
    if (!name || !*name || strchr(name, '.')) {
        error_set(CAIRN_E_ARGUMENT, "%s: a part's name is not empty and has no dots: \"%s\"", m->kind, name ? name : "");
        return false;
    }
    if (module_entry(m, name)) {
        error_set(CAIRN_E_ARGUMENT, "%s: has a part of the name \"%s\" already", m->kind, name);
        return false;
    }
    return true;
}

/* A new entry without content; NULL with the error set. */
static entry *new_entry(cairn_module *m, const char *name, entry_kind kind)
{
    if (!name_ok(m, name) || !room_for_one(m))
        return NULL;
    char *copy = mem_copy_string(name);
    if (!copy)
        return NULL;
    entry *e = &m->entries[m->count++];
    *e = (entry){.name = copy, .kind = kind};
    return e;
}

cairn_module *cairn_module_add(cairn_module *m, const char *name, cairn_module *child)
{
    entry *e = m && child && !child->failed ? new_entry(m, name, ENTRY_CHILD) : NULL;
    if (e)
        return e->child = child;
    cairn_module_free(child);
    if (m)
        m->failed = true;
    if (!cairn_error())
        error_set(CAIRN_E_ARGUMENT, "module_add: NULL as the %s", m ? "child" : "parent");
    return NULL;
}

static cairn_tensor *add_tensor(cairn_module *m, const char *name, cairn_tensor *x, entry_kind kind)
{
    entry *e = m && x ? new_entry(m, name, kind) : NULL;
    if (e)
        return e->tensor = cairn_keep(x);
    if (m)
        m->failed = true;
    if (!cairn_error())
        error_set(CAIRN_E_ARGUMENT, "%s: the tensor \"%s\" is NULL", m ? m->kind : "NULL module", name ? name : "");
    return NULL;
}

cairn_tensor *cairn_module_add_parameter(cairn_module *m, const char *name, cairn_tensor *x)
{
    return add_tensor(m, name, cairn_requires_grad_(x, true), ENTRY_PARAMETER);
}

cairn_tensor *cairn_module_add_buffer(cairn_module *m, const char *name, cairn_tensor *x)
{
    return add_tensor(m, name, x, ENTRY_BUFFER);
}

cairn_module *cairn_module_replace(cairn_module *m, const char *name, cairn_module *child)
{
    entry *e = m && name && child && !child->failed ? module_entry(m, name) : NULL;
    if (!e || e->kind != ENTRY_CHILD) {
        cairn_module_free(child);
        if (!cairn_error())
            error_set(CAIRN_E_ARGUMENT, "module_replace: no child \"%s\" in %s", name ? name : "", m ? m->kind : "NULL");
        return NULL;
    }
    cairn_module_free(e->child);
    return e->child = child;
}

/* The entry at the dotted path, or NULL without an error. Its names are at most as long as the path's rest. */
static entry *find_path(cairn_module *m, const char *path)
{
    for (;;) {
        size_t length = strcspn(path, ".");
        entry *found = NULL;
        for (int i = 0; i < m->count && !found; i++)
            if (!strncmp(m->entries[i].name, path, length) && !m->entries[i].name[length])
                found = &m->entries[i];
        if (!found || !path[length])
            return found;
        if (found->kind != ENTRY_CHILD)
            return NULL;
        m = found->child;
        path += length + 1;
    }
}

cairn_module *cairn_child(cairn_module *m, const char *name)
{
    if (!m || !name)
        return NULL;
    entry *e = find_path(m, name);
    if (e && e->kind == ENTRY_CHILD)
        return e->child;
    error_set(CAIRN_E_ARGUMENT, "child: no \"%s\" in %s", name, m->kind);
    return NULL;
}

cairn_tensor *cairn_parameter(cairn_module *m, const char *name)
{
    if (!m || !name)
        return NULL;
    entry *e = find_path(m, name);
    if (e && e->kind != ENTRY_CHILD)
        return e->tensor;
    error_set(CAIRN_E_ARGUMENT, "parameter: no \"%s\" in %s", name, m->kind);
    return NULL;
}

cairn_module *cairn_child_at(cairn_module *m, int index)
{
    for (int i = 0; m && i < m->count; i++)
        if (m->entries[i].kind == ENTRY_CHILD && index-- == 0)
            return m->entries[i].child;
    return NULL;
}

int cairn_child_count(const cairn_module *m)
{
    int count = 0;
    for (int i = 0; m && i < m->count; i++)
        count += m->entries[i].kind == ENTRY_CHILD;
    return count;
}

/* ---- Calls and modes */

cairn_tensor *cairn_call(cairn_module *m, cairn_tensor *x)
{
    if (!m || !x)
        return NULL;
    if (m->failed || !m->forward) {
        error_set(CAIRN_E_STATE, "call: %s %s", m->kind, m->failed ? "was not built whole" : "has no forward function");
        return NULL;
    }
    cairn_mark mark = cairn_scope_push();
    return cairn_scope_pop(mark, m->forward(m, x));
}

bool cairn_is_training(const cairn_module *m) { return m && !m->evaluating; }

void cairn_set_training(cairn_module *m, bool training)
{
    if (!m)
        return;
    m->evaluating = !training;
    for (int i = 0; i < m->count; i++)
        cairn_set_training(m->entries[i].child, training);
}

cairn_status cairn_optimize_for_inference(cairn_module *m)
{
    cairn_tensor_list p = cairn_parameters(m);
    if (p.count < 0 || (p.count && cairn_eval_list(p.count, p.tensors)))
        return cairn_error();
    for (int i = 0; i < p.count; i++) {
        const value *v = handle_value(p.tensors[i]);
        if (v && v->data && v->shape.rank > 1)
            v->data->wants_packed = true;
    }
    cairn_set_training(m, false);
    return CAIRN_OK;
}

cairn_status cairn_set_trainable(cairn_module *m, bool trainable)
{
    cairn_tensor_list p = cairn_parameters(m);
    for (int i = 0; i < p.count; i++) {
        if (!cairn_requires_grad_(p.tensors[i], trainable))
            return cairn_error();
        if (!trainable)
            cairn_clear_grad(p.tensors[i]);
    }
    return p.count < 0 ? cairn_error() : CAIRN_OK;
}

cairn_status cairn_module_to(cairn_module *m, cairn_dtype type)
{
    if (!type_is_float(type))
        return error_set(CAIRN_E_TYPE, "module_to: needs a floating type, got %s", cairn_dtype_name(type));
    cairn_tensor_list all = cairn_state_dict(m);
    cairn_status s = all.count < 0 ? cairn_error() : CAIRN_OK;
    for (int i = 0; i < all.count && !s; i++)
        if (type_is_float(cairn_dtype_of(all.tensors[i])))
            s = tensor_convert(all.tensors[i], type);
    return s;
}

int64_t cairn_parameter_count(cairn_module *m)
{
    cairn_tensor_list p = cairn_parameters(m);
    int64_t n = p.count < 0 ? -1 : 0;
    for (int i = 0; i < p.count; i++)
        n += cairn_numel(p.tensors[i]);
    return n;
}

/* ---- Printing */

static void print_part(FILE *file, const cairn_module *m, const char *name, int depth)
{
    fprintf(file, "%*s", 2 * depth, "");
    if (name)
        fprintf(file, "(%s): ", name);
    fprintf(file, "%s(", m->kind);
    if (m->describe)
        m->describe(m, file);
    bool parts = cairn_child_count(m) > 0;
    for (int i = 0; i < m->count; i++)
        if (m->entries[i].child) {
            fputs("\n", file);
            print_part(file, m->entries[i].child, m->entries[i].name, depth + 1);
        }
    if (parts)
        fprintf(file, "\n%*s", 2 * depth, "");
    fputs(")", file);
}

void cairn_module_print(FILE *file, cairn_module *m)
{
    if (m)
        print_part(file, m, NULL, 0);
    else
        fputs("NULL", file);
    fputs("\n", file);
}
