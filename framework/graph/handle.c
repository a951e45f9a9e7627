/* Handles and scopes: who owns a tensor, and how a view stays a view.
 *
 * A scope is a range of the thread's list of handles. Each entry of the list counts as one reference, and
 * cairn_keep adds more. */
#include "framework/graph/graph.h"
#include "framework/graph/pools.h"
#include "framework/graph/views.h"
#include <string.h>

/* Only this thread writes its count; others read it. */
static void count_alive(int change)
{
    thread_state *t = thread();
    atomic_store_explicit(&t->alive, atomic_load_explicit(&t->alive, memory_order_relaxed) + change, memory_order_relaxed);
}

static bool scope_add(cairn_tensor *t)
{
    thread_state *s = thread();
    if (s->scope_count == s->scope_capacity) {
        int64_t capacity = s->scope_capacity ? 2 * s->scope_capacity : 256;
        void *grown = mem_resize(s->scope, (size_t)capacity * sizeof *s->scope);
        if (!grown)
            return false;
        s->scope = grown;
        s->scope_capacity = capacity;
    }
    s->scope[s->scope_count++] = t;
    return true;
}

static void point_to(cairn_tensor *t, value *v)
{
    if (v)
        count_up(&v->handles, !value_is_evaluated(v));
    if (t->v) {
        if (count_down(&t->v->handles, !value_is_evaluated(t->v)))
            atomic_store_explicit(&t->v->handles, 0, memory_order_relaxed);
        if (t->v->leaf == t)
            t->v->leaf = NULL;
        value_unref(t->v);
    }
    value_unref(t->host);
    t->host = NULL;
    t->v = v;
}

cairn_tensor *handle_new(value *v)
{
    if (!v)
        return NULL;
    cairn_tensor *t = pool_handle_take();
    if (!t) {
        value_unref(v);
        return NULL;
    }
    memset(t, 0, sizeof *t);
    atomic_init(&t->refs, 1);
    count_alive(1);
    point_to(t, v);
    if (!scope_add(t)) {
        cairn_drop(t);
        return NULL;
    }
    return t;
}

cairn_tensor *cairn_keep(cairn_tensor *x)
{
    if (x)
        count_up(&x->refs, false);
    return x;
}

void cairn_drop(cairn_tensor *x)
{
    while (x && count_down(&x->refs, false)) {
        cairn_tensor *base = x->base;
        point_to(x, NULL);
        value_unref(x->recipe);
        cairn_drop(x->grad);
        pool_handle_give(x);
        count_alive(-1);
        x = base;
    }
}

/* ---- Scopes */

cairn_mark cairn_scope_push(void)
{
    return (cairn_mark){thread()->scope_count};
}

void cairn_scope_pop_list(cairn_mark mark, int count, cairn_tensor *const *results)
{
    thread_state *s = thread();
    for (int i = 0; i < count; i++)
        cairn_keep(results[i]);
    int64_t from = mark.position < 0 ? 0 : mark.position;
    while (s->scope_count > from)
        cairn_drop(s->scope[--s->scope_count]);
    for (int i = 0; i < count; i++)     /* there is room: each result gave up its place, or was held elsewhere */
        if (results[i] && !scope_add(results[i]))
            cairn_drop(results[i]);
}

cairn_tensor *cairn_scope_pop(cairn_mark mark, cairn_tensor *result)
{
    cairn_scope_pop_list(mark, result ? 1 : 0, &result);
    return result;
}

/* ---- Views and writes */

/* The value of the VIEW operation `recipe` with another input. */
static value *view_again(const value *recipe, value *base)
{
    value *v = value_build(recipe->op, 1, &base, recipe->attr, recipe->attr_bytes);
    return v;
}

value *handle_value(cairn_tensor *x)
{
    if (!x)
        return NULL;
    if (x->base) {
        value *base = handle_value(x->base);
        if (x->base_version != x->base->version) {
            value *v = base ? view_again(x->recipe, base) : NULL;
            if (!v)
                return NULL;
            point_to(x, v);
            x->base_version = x->base->version;
            x->version++;
        }
    }
    return x->v;
}

bool handle_assign(cairn_tensor *x, value *v)
{
    if (!x || !v) {
        value_unref(v);
        return false;
    }
    if (x->base) {
        value *base = handle_value(x->base);
        value *written = base ? view_write(x->recipe, base, v) : NULL;
        if (!written || !handle_assign(x->base, written)) {
            value_unref(v);
            return false;
        }
        x->base_version = x->base->version;
    }
    point_to(x, v);
    x->version++;
    return true;
}
