/* The pending graph below the targets, in topological order, and its key. */
#include "framework/exec/exec.h"
#include <string.h>

static _Atomic uint64_t next_mark = 1;

typedef struct frame {
    value *v;
    int next;
} frame;

typedef struct walker {
    pending *g;
    thread_state *thread;
    frame *stack;
    int64_t depth;
    uint64_t mark;
} walker;

static bool push(walker *w, value *v)
{
    if (w->depth == w->thread->walk_capacity) {
        int64_t capacity = w->depth ? 2 * w->depth : 256;
        frame *grown = mem_resize(w->stack, (size_t)capacity * sizeof *grown);
        if (!grown)
            return false;
        w->thread->walk_stack = w->stack = grown;
        w->thread->walk_capacity = capacity;
    }
    v->exec_mark = w->mark;
    w->stack[w->depth++] = (frame){v, 0};
    return true;
}

static bool grow(pending *g)
{
    int32_t capacity = g->capacity ? 2 * g->capacity : 256;
    void *at = mem_resize(g->at, (size_t)capacity * sizeof *g->at);
    if (at)
        g->at = at;
    void *wanted = at ? mem_resize(g->wanted, (size_t)capacity) : NULL;
    if (wanted)
        g->wanted = wanted;
    void *edges = wanted ? mem_resize(g->edges, (size_t)capacity * sizeof *g->edges) : NULL;
    if (!edges)
        return false;
    g->edges = edges;
    g->capacity = capacity;
    return true;
}

/* Somebody may look at it later, or a gradient not yet taken will read it: worth keeping if it gets a buffer. */
static bool is_soft(const value *v)
{
    if (atomic_load_explicit(&v->handles, memory_order_relaxed) > 0)
        return true;
    return v->flags & V_REQUIRES_GRAD && !(v->flags & V_BACKWARD_DONE);
}

static bool append(walker *w, value *v)
{
    pending *g = w->g;
    if (g->count == g->capacity && !grow(g))
        return false;
    v->exec_index = g->count;
    g->at[g->count] = v;
    g->edges[g->count] = 0;
    g->wanted[g->count] = !value_is_evaluated(v) && is_soft(v) ? SOFT : 0;
    g->count++;
    if (!value_is_evaluated(v))
        for (int i = 0; i < v->n_in; i++)
            g->edges[v->in[i]->exec_index]++;
    return true;
}

static bool walk(walker *w, value *root)
{
    if (root->exec_mark == w->mark)
        return true;
    if (!push(w, root))
        return false;
    while (w->depth) {
        frame *f = &w->stack[w->depth - 1];
        value *v = f->v;
        if (value_is_evaluated(v) || f->next == v->n_in) {
            w->depth--;
            if (!append(w, v))
                return false;
        } else {
            value *in = v->in[f->next++];
            if (in->exec_mark != w->mark && !push(w, in))
                return false;
        }
    }
    return true;
}

/* ---- The key */

static int64_t words_of(const value *v)
{
    return 1 + v->shape.rank + (value_is_evaluated(v) ? v->shape.rank : v->n_in + (v->attr_bytes + 7) / 8);
}

static int64_t *spell(int64_t *k, const value *v, uint8_t wanted)
{
    bool done = value_is_evaluated(v);
    uint64_t head = v->op | (uint64_t)v->type << 8 | (uint64_t)(v->flags & V_CHANNELS_LAST) << 16 | (uint64_t)wanted << 24 |
                    (uint64_t)v->shape.rank << 32 | (uint64_t)(done ? 1 : 0) << 36 | (uint64_t)(done ? 0 : v->n_in) << 40;
    *k++ = (int64_t)head;
    for (int i = 0; i < v->shape.rank; i++)
        *k++ = v->shape.size[i];
    if (done) {
        for (int i = 0; i < v->shape.rank; i++)
            *k++ = v->stride[i];
        return k;
    }
    for (int i = 0; i < v->n_in; i++)
        *k++ = v->in[i]->exec_index;
    if (v->attr_bytes) {
        k[(v->attr_bytes - 1) / 8] = 0;
        memcpy(k, v->attr, v->attr_bytes);
        k += (v->attr_bytes + 7) / 8;
    }
    return k;
}

/* A sum of hashes of each word and its place: a chain through all of them would be ten times as long as the additions. */
static uint64_t hash_words(const int64_t *k, int64_t n)
{
    uint64_t h = 0;
    for (int64_t i = 0; i < n; i++) {
        uint64_t x = ((uint64_t)k[i] ^ (uint64_t)i * 0x9e3779b97f4a7c15u) * 0xd6e8feb86659fd93u;
        h += x ^ x >> 32;
    }
    return h;
}

static bool make_key(pending *g)
{
    int64_t words = 1;
    for (int32_t i = 0; i < g->count; i++)
        words += words_of(g->at[i]);
    if (words > g->key_capacity) {
        void *grown = mem_resize(g->key, (size_t)words * 2 * sizeof *g->key);
        if (!grown)
            return false;
        g->key = grown;
        g->key_capacity = words * 2;
    }
    int64_t *k = g->key;
    *k++ = cairn_threads();                  /* the scratch memory of programs is a piece a thread */
    for (int32_t i = 0; i < g->count; i++)
        k = spell(k, g->at[i], g->wanted[i]);
    g->key_words = words;
    g->hash = hash_words(g->key, words);
    return true;
}

/* What the last backward left: its loss and the gradients of leaves that somebody still holds. */
static bool walk_with(walker *w)
{
    thread_state *t = w->thread;
    for (int64_t i = 0; i < t->with_count; i++) {
        value *v = t->with[i];
        if (value_is_evaluated(v) || !atomic_load_explicit(&v->handles, memory_order_relaxed))
            continue;
        if (!walk(w, v))
            return false;
        w->g->wanted[v->exec_index] |= TARGET;
    }
    return true;
}

cairn_status collect(pending *g, int count, value *const *targets)
{
    thread_state *t = thread();
    walker w = {.g = g, .thread = t, .stack = t->walk_stack, .mark = atomic_fetch_add_explicit(&next_mark, 1, memory_order_relaxed)};
    g->count = 0;
    bool whole = true;
    for (int i = 0; i < count && whole; i++) {
        if (value_is_evaluated(targets[i]))
            continue;
        whole = walk(&w, targets[i]);
        if (whole)
            g->wanted[targets[i]->exec_index] |= TARGET;
    }
    return whole && walk_with(&w) && make_key(g) ? CAIRN_OK : CAIRN_E_MEMORY;
}

void pending_free(pending *g)
{
    mem_free(g->at);
    mem_free(g->wanted);
    mem_free(g->edges);
    mem_free(g->key);
    *g = (pending){0};
}
