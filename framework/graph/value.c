/* Values and buffers: birth, references, death.
 *
 * Values come from a list of free ones that each thread keeps, because a training step builds and drops
 * thousands. A value dies without recursion, so a chain of a million additions does not exhaust the stack. */
#include "framework/graph/graph.h"
#include "framework/graph/pools.h"
#include "framework/ops/packed.h"
#include <stdlib.h>
#include <string.h>

/* ---- Buffers */

/* What buffers hold, by the operation that made their contents. */
static struct account {
    _Atomic int64_t bytes, peak, buffers;
} accounts[OP_COUNT];

static void account_add(op_id op, int64_t bytes, int buffers)
{
    struct account *a = &accounts[op];
    atomic_fetch_add_explicit(&a->buffers, buffers, memory_order_relaxed);
    int64_t now = atomic_fetch_add_explicit(&a->bytes, bytes, memory_order_relaxed) + bytes;
    int64_t peak = atomic_load_explicit(&a->peak, memory_order_relaxed);
    while (now > peak && !atomic_compare_exchange_weak_explicit(&a->peak, &peak, now, memory_order_relaxed, memory_order_relaxed))
        ;
}

void buffer_account(buffer *b, op_id op)
{
    if (b->release || b->owner == op)
        return;
    account_add((op_id)b->owner, -b->bytes, -1);
    account_add(op, b->bytes, 1);
    b->owner = (uint8_t)op;
}

static int larger_first(const void *a, const void *b)
{
    const cairn_memory_of *x = a, *y = b;
    if (x->current_bytes != y->current_bytes)
        return x->current_bytes < y->current_bytes ? 1 : -1;
    return x->peak_bytes != y->peak_bytes ? (x->peak_bytes < y->peak_bytes ? 1 : -1) : strcmp(x->operation, y->operation);
}

int cairn_memory_by_operation(cairn_memory_of *rows, int most)
{
    cairn_memory_of all[OP_COUNT];
    int count = 0;
    for (int op = 0; op < OP_COUNT; op++) {
        struct account *a = &accounts[op];
        cairn_memory_of row = {ops[op].name, atomic_load(&a->bytes), atomic_load(&a->peak), atomic_load(&a->buffers)};
        if (row.peak_bytes)
            all[count++] = row;
    }
    qsort(all, (size_t)count, sizeof *all, larger_first);
    for (int i = 0; i < count && i < most && rows; i++)
        rows[i] = all[i];
    return count;
}

buffer *buffer_new(int64_t bytes)
{
    buffer *b = mem_new(sizeof *b);
    if (!b)
        return NULL;
    b->data = buffer_alloc(bytes);
    if (!b->data) {
        mem_free(b);
        return NULL;
    }
    b->bytes = bytes;
    b->owner = OP_leaf;
    b->wants_packed = false;
    atomic_init(&b->packed, NULL);
    account_add(OP_leaf, bytes, 1);
    atomic_init(&b->refs, 1);
    return b;
}

buffer *buffer_wrap(void *data, int64_t bytes, void (*release)(void *), void *context)
{
    buffer *b = mem_new(sizeof *b);
    if (!b)
        return NULL;
    *b = (buffer){.data = data, .bytes = bytes, .release = release, .context = context};
    atomic_init(&b->refs, 1);
    return b;
}

void buffer_forget_packed(buffer *b)
{
    packed_weight *p = atomic_load_explicit(&b->packed, memory_order_acquire);
    if (p)
        buffer_free(p, p->bytes);
    atomic_store_explicit(&b->packed, NULL, memory_order_release);
    b->wants_packed = false;
}

void buffer_ref(buffer *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
}

void buffer_unref(buffer *b)
{
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    buffer_forget_packed(b);
    if (b->release)
        b->release(b->context);
    else {
        account_add((op_id)b->owner, -b->bytes, -1);
        buffer_free(b->data, b->bytes);
    }
    mem_free(b);
}

/* ---- Values */

value *value_new(op_id op, int count, size_t attr_bytes)
{
    value *v = pool_value_take();
    if (!v)
        return NULL;
    memset(v, 0, offsetof(value, stride));
    memset(&v->leaf, 0, offsetof(value, inline_in) - offsetof(value, leaf));
    atomic_init(&v->refs, 1);
    v->op = (uint8_t)op;
    v->n_in = (uint16_t)count;
    v->attr_bytes = (uint16_t)attr_bytes;
    v->in = v->inline_in;
    v->attr = v->inline_attr;
    if (count > VALUE_INLINE_INPUTS && !(v->in = mem_array((size_t)count, sizeof *v->in)))
        goto fail;
    if (attr_bytes > VALUE_INLINE_ATTR && !(v->attr = mem_new(attr_bytes)))
        goto fail;
    memset(v->in, 0, (size_t)count * sizeof *v->in);
    return v;

fail:
    if (v->in != v->inline_in)
        mem_free(v->in);
    pool_value_give(v);
    return NULL;
}

value *value_ref(value *v)
{
    if (v)
        count_up(&v->refs, !value_is_evaluated(v));
    return v;
}

/* What a value holds besides its inputs. */
static void release_contents(value *v)
{
    if (ops[v->op].release)
        ops[v->op].release(v);
    buffer_unref(v->data);
    if (v->in != v->inline_in)
        mem_free(v->in);
    if (v->attr != v->inline_attr)
        mem_free(v->attr);
    pool_value_give(v);
}

/* Values to be released wait in a list linked through `attr`'s place: the `leaf` field, which a dying value
 * no longer needs. */
void value_unref(value *v)
{
    value *waiting = NULL;
    for (;;) {
        if (v && count_down(&v->refs, !value_is_evaluated(v))) {
            v->leaf = (cairn_tensor *)waiting;
            waiting = v;
        }
        if (!waiting)
            return;
        v = NULL;
        if (waiting->n_in) {
            v = waiting->in[--waiting->n_in];
        } else {
            value *dead = waiting;
            waiting = (value *)dead->leaf;
            release_contents(dead);
        }
    }
}

void value_cut(value *v)
{
    bool history = v->flags & V_REQUIRES_GRAD && !v->leaf;
    if (history && !(v->flags & V_BACKWARD_DONE))
        return;
    if (history && v->n_in)
        v->flags |= V_HISTORY_CUT;
    while (v->n_in)
        value_unref(v->in[--v->n_in]);
}

void value_set_data(value *v, buffer *b, int64_t offset, const int64_t *stride)
{
    buffer_ref(b);
    v->data = b;
    v->offset = offset;
    memcpy(v->stride, stride, sizeof v->stride[0] * (size_t)v->shape.rank);
}

int64_t value_bytes(const value *v)
{
    return shape_numel(&v->shape) * cairn_dtype_bytes(v->type);
}

void dense_strides(const shape *s, bool channels_last, int64_t *stride)
{
    static const int8_t nhwc[4] = {1, 3, 2, 0};     /* fastest first */
    int64_t step = 1;
    for (int i = 0; i < s->rank; i++) {
        int axis = channels_last && s->rank == 4 ? nhwc[i] : s->rank - 1 - i;
        stride[axis] = step;
        step *= s->size[axis] > 0 ? s->size[axis] : 1;
    }
}

bool value_is_dense(const value *v, bool channels_last)
{
    int64_t want[CAIRN_MAX_RANK];
    dense_strides(&v->shape, channels_last, want);
    for (int i = 0; i < v->shape.rank; i++)
        if (v->shape.size[i] > 1 && v->stride[i] != want[i])
            return false;
    return true;
}
