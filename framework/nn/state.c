/* Lists of tensors under PyTorch's names, and loading. */
#include "framework/nn/module.h"
#include <stdio.h>
#include <string.h>

/* ---- Lists */

void list_clear(list_store *s)
{
    for (int i = 0; i < s->count; i++) {
        mem_free(s->names[i]);
        if (s->keeps)
            cairn_drop(s->tensors[i]);
    }
    mem_free(s->names);
    mem_free(s->tensors);
    *s = (list_store){0};
}

static bool room_for_one(list_store *s)
{
    if (s->count < s->capacity)
        return true;
    int capacity = s->capacity ? 2 * s->capacity : 16;
    void *tensors = mem_resize(s->tensors, (size_t)capacity * sizeof *s->tensors);
    if (tensors)
        s->tensors = tensors;
    void *names = tensors ? mem_resize(s->names, (size_t)capacity * sizeof *s->names) : NULL;
    if (!names)
        return false;
    s->names = names;
    s->capacity = capacity;
    return true;
}

bool list_append(list_store *s, cairn_tensor *x, char *name)
{
    if (!name || !room_for_one(s)) {
        mem_free(name);
        return false;
    }
    s->tensors[s->count] = x;
    s->names[s->count++] = name;
    return true;
}

static cairn_tensor_list list_read(const list_store *s)
{
    return (cairn_tensor_list){s->count, s->tensors, (const char *const *)s->names};
}

cairn_tensor_list list_kept(list_store *s, bool whole)
{
    if (!whole) {
        list_clear(s);
        return (cairn_tensor_list){.count = -1};
    }
    for (int i = 0; i < s->count; i++)
        cairn_keep(s->tensors[i]);
    s->keeps = true;
    return list_read(s);
}

cairn_tensor *list_find(cairn_tensor_list list, const char *name, int place)
{
    if (place < list.count && !strcmp(list.names[place], name))
        return list.tensors[place];
    for (int i = 0; i < list.count; i++)
        if (!strcmp(list.names[i], name))
            return list.tensors[i];
    return NULL;
}

cairn_status list_matches(const char *op, cairn_tensor_list own, cairn_tensor_list from, bool strict)
{
    if (own.count < 0 || from.count < 0 || (from.count && !(from.names && from.tensors)))
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "%s: a list without names", op);
    for (int i = 0; i < own.count && strict; i++)
        if (!list_find(from, own.names[i], i))
            return error_set(CAIRN_E_ARGUMENT, "%s: %s is missing", op, own.names[i]);
    for (int i = 0; i < from.count && strict; i++)
        if (!list_find(own, from.names[i], i))
            return error_set(CAIRN_E_ARGUMENT, "%s: there is no place for %s", op, from.names[i]);
    for (int i = 0; i < own.count; i++) {
        cairn_tensor *other = list_find(from, own.names[i], i);
        cairn_shape a = cairn_shape_of(own.tensors[i]), b = cairn_shape_of(other);
        if (other && !shape_equal(&a, &b))
            return error_set(CAIRN_E_SHAPE, "%s: %s is %s here, %s there", op, own.names[i], SHAPE(&a), SHAPE(&b));
    }
    return CAIRN_OK;
}

/* ---- A module's tensors */

static char *joined(const char *prefix, const char *name)
{
    size_t length = strlen(prefix) + strlen(name) + 2;
    char *text = mem_new(length);
    if (text)
        snprintf(text, length, "%s%s%s", prefix, *prefix ? "." : "", name);
    return text;
}

static bool collect(const cairn_module *m, const char *prefix, list_store *s, unsigned kinds);

static bool collect_child(const entry *e, const char *prefix, list_store *s, unsigned kinds)
{
    char *path = joined(prefix, e->name);
    bool whole = path && collect(e->child, path, s, kinds);
    mem_free(path);
    return whole;
}

/* A module's own tensors of one kind, then those of the next, then its children: PyTorch's order. */
static bool collect(const cairn_module *m, const char *prefix, list_store *s, unsigned kinds)
{
    if (m->failed) {
        error_set(CAIRN_E_STATE, "%s was not built whole", m->kind);
        return false;
    }
    bool whole = true;
    for (entry_kind kind = ENTRY_PARAMETER; kind <= ENTRY_CHILD; kind++)
        for (int i = 0; i < m->count && whole; i++) {
            const entry *e = &m->entries[i];
            if (e->kind != kind)
                continue;
            if (kind == ENTRY_CHILD)
                whole = collect_child(e, prefix, s, kinds);
            else if (kinds >> kind & 1)
                whole = list_append(s, e->tensor, joined(prefix, e->name));
        }
    return whole;
}

static cairn_tensor_list list_entries(cairn_module *m, list_store *s, unsigned kinds)
{
    list_clear(s);
    if (collect(m, "", s, kinds))
        return list_read(s);
    list_clear(s);
    return (cairn_tensor_list){.count = -1};
}

static cairn_tensor_list no_module(const char *op)
{
    if (!cairn_error())
        error_set(CAIRN_E_ARGUMENT, "%s: the module is NULL", op);
    return (cairn_tensor_list){.count = -1};
}

cairn_tensor_list cairn_parameters(cairn_module *m)
{
    return m ? list_entries(m, &m->parameters, 1u << ENTRY_PARAMETER) : no_module("parameters");
}

cairn_tensor_list cairn_state_dict(cairn_module *m)
{
    return m ? list_entries(m, &m->everything, 1u << ENTRY_PARAMETER | 1u << ENTRY_BUFFER) : no_module("state_dict");
}

/* ---- Assigning and loading */

cairn_tensor *in_order_of(cairn_tensor *x, cairn_tensor *y)
{
    value *a = handle_value(x), *b = handle_value(y);
    bool differs = a && b && a->flags & V_CHANNELS_LAST && !(b->flags & V_CHANNELS_LAST);
    return differs ? cairn_add(y, cairn_zeros_like(x)) : y;
}

cairn_status tensor_assign(cairn_tensor *x, cairn_tensor *from)
{
    cairn_mark mark = cairn_scope_push();
    cairn_no_grad_begin();
    cairn_tensor *y = in_order_of(x, cairn_to(from, cairn_dtype_of(x)));
    bool done = cairn_copy_(x, y) && cairn_eval(x) == CAIRN_OK;
    cairn_no_grad_end();
    cairn_scope_pop(mark, NULL);
    return done ? CAIRN_OK : cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "assign: the tensor is NULL");
}

cairn_status tensor_convert(cairn_tensor *x, cairn_dtype type)
{
    bool trained = cairn_requires_grad(x);
    if (cairn_dtype_of(x) == type)
        return CAIRN_OK;
    cairn_mark mark = cairn_scope_push();
    cairn_no_grad_begin();
    cairn_clear_grad(x);
    bool done = handle_assign(x, value_ref(handle_value(cairn_to(x, type)))) && cairn_eval(x) == CAIRN_OK;
    done = done && (!trained || cairn_requires_grad_(x, true));
    cairn_no_grad_end();
    cairn_scope_pop(mark, NULL);
    return done ? CAIRN_OK : cairn_error();
}

cairn_status cairn_load_state_dict(cairn_module *m, cairn_tensor_list from, bool strict)
{
    cairn_tensor_list own = cairn_state_dict(m);
    cairn_status s = list_matches("load_state_dict", own, from, strict);
    for (int i = 0; i < own.count && !s; i++) {
        cairn_tensor *other = list_find(from, own.names[i], i);
        if (other)
            s = tensor_assign(own.tensors[i], other);
    }
    return s;
}
