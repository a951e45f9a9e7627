#include "framework/graph/walk.h"

/* Marks are unique in the process, so that a walk never meets another one's. */
static _Atomic uint64_t next_mark = 1;

typedef struct frame {
    value *v;
    int next;
} frame;

/* The stack's memory stays with the thread: a walk comes at every step. */
typedef struct stack {
    thread_state *owner;
    frame *at;
    int64_t count;
} stack;

static bool push(stack *s, value *v)
{
    if (s->count == s->owner->walk_capacity) {
        int64_t capacity = s->count ? 2 * s->count : 256;
        frame *grown = mem_resize(s->at, (size_t)capacity * sizeof *grown);
        if (!grown)
            return false;
        s->owner->walk_stack = s->at = grown;
        s->owner->walk_capacity = capacity;
    }
    s->at[s->count++] = (frame){v, 0};
    return true;
}

static bool append(walk *w, value *v)
{
    if (w->count == w->capacity) {
        int64_t capacity = w->capacity ? 2 * w->capacity : 256;
        value **grown = mem_resize(w->at, (size_t)capacity * sizeof *grown);
        if (!grown)
            return false;
        w->at = grown;
        w->capacity = capacity;
    }
    v->index = (int32_t)w->count;
    w->at[w->count++] = v;
    return true;
}

/* A value is marked when it is first met, and appended when its inputs have been. */
bool walk_values(walk *w, int count, value *const *roots, bool (*enter)(const value *))
{
    stack s = {.owner = thread(), .at = thread()->walk_stack};
    bool whole = true;
    w->mark = atomic_fetch_add(&next_mark, 1);
    for (int i = 0; i < count && whole; i++) {
        if (roots[i]->mark == w->mark || !enter(roots[i]))
            continue;
        roots[i]->mark = w->mark;
        whole = push(&s, roots[i]);
        while (s.count && whole) {
            frame *f = &s.at[s.count - 1];
            if (f->next == f->v->n_in) {
                whole = append(w, f->v);
                s.count--;
                continue;
            }
            value *in = f->v->in[f->next++];
            if (in->mark == w->mark || !enter(in))
                continue;
            in->mark = w->mark;
            whole = push(&s, in);
        }
    }
    return whole;
}

void walk_end(walk *w)
{
    mem_free(w->at);
    *w = (walk){0};
}
