/* Descriptors of attention and its gradient. */
#include "tests/fuzz/descriptor.h"
#include <cairn/dnn.h>

typedef struct call {
    cairn_attention d;
    int64_t bytes;
} call;

static cairn_status forward(const void *c, void **p)
{
    const call *q = c;
    return cairn_attention_forward(&q->d, p[0], p[1], p[2], p[3], p[4], p[5], q->bytes);
}

static cairn_status gradient(const void *c, void **p)
{
    const call *q = c;
    return cairn_attention_gradient(&q->d, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], q->bytes);
}

/* Heads behind one another, or side by side in a row, or anything. */
static void lay(cairn_attention_rows *r, int64_t heads, int64_t positions, int64_t width)
{
    if (flag() || heads > 8 || positions > 64 || width > 64 || heads < 0 || positions < 0 || width < 0)
        return;
    const int64_t row = flag() ? heads * width : width + 1, head = row == width + 1 ? row * positions : width;
    *r = (cairn_attention_rows){number(heads * width * positions * 2, heads * width * positions * 2), number(head, head), number(row, row)};
}

static cairn_attention decode(void)
{
    static const cairn_dtype types[] = {CAIRN_F32, CAIRN_F64, CAIRN_F16, CAIRN_BF16};
    const int type = choice(4);
    cairn_attention d = {.type = type >= 0 && type < 4 ? types[type] : (cairn_dtype)type, .batch = number(0, 2), .heads = number(1, 4), .queries = number(0, 20),
                         .keys = number(0, 20), .width = number(1, 20), .scale = flag() ? 0 : real(), .causal = flag(), .align_end = flag()};
    if (flag())
        d.kv_heads = number(0, 2), d.value_width = number(0, 20), d.window = number(0, 6);
    if (flag())
        return d;
    const int64_t kv = d.kv_heads ? d.kv_heads : d.heads, wide = d.value_width ? d.value_width : d.width;
    lay(&d.q, d.heads, d.queries, d.width), lay(&d.k, kv, d.keys, d.width), lay(&d.v, kv, d.keys, wide), lay(&d.o, d.heads, d.queries, wide);
    if (flag())
        lay(&d.dq, d.heads, d.queries, d.width), lay(&d.dk, kv, d.keys, d.width), lay(&d.dv, kv, d.keys, wide), lay(&d.d_o, d.heads, d.queries, wide);
    return d;
}

static bool is_zero(const cairn_attention_rows *r) { return !r->batch && !r->head && !r->row; }

/* Bytes that rows reach; -1 when they are too many, or lie before the pointer. */
static int64_t span(const cairn_attention *d, const cairn_attention_rows *r, const cairn_attention_rows *otherwise, int64_t heads, int64_t positions, int64_t width)
{
    const int64_t size[] = {d->batch, heads, positions, width};
    if (product_of(MOST_ARRAY, 4, size) < 0)
        return -1;
    r = is_zero(r) ? otherwise : r;
    const uint64_t head = (uint64_t)positions * (uint64_t)width;
    const cairn_attention_rows dense = {(int64_t)((uint64_t)heads * head), (int64_t)head, width};
    r = is_zero(r) ? &dense : r;
    int64_t before, bytes = span_of(cairn_dtype_bytes(d->type), 4, size, (int64_t[]){r->batch, r->head, r->row, 1}, &before);
    return before ? -1 : bytes;
}

static bool add_lengths(const int64_t **lengths, int64_t batch, int64_t most)
{
    if (!rarely() || batch > 8 || batch < 0)
        return true;
    int64_t *to = take(IN, 8 * batch);
    bool valid = true;
    for (int64_t i = 0; i < batch; i++) {
        to[i] = number(0, most < 0 ? 0 : most);
        valid = valid && to[i] >= 0 && to[i] <= most;
    }
    *lengths = to;
    return valid;
}

static bool add_mask(cairn_attention *d)
{
    const int type = choice(5);
    static const cairn_dtype types[] = {CAIRN_BOOL, CAIRN_F32, CAIRN_F64, CAIRN_F16, CAIRN_BF16};
    d->mask_type = type >= 0 && type < 5 ? types[type] : (cairn_dtype)type;
    d->mask_column = number(0, 1);
    d->mask_row = flag() ? d->keys : number(0, 0);
    d->mask_head = number(0, 0), d->mask_batch = number(0, 1);
    int64_t before, bytes = span_of(cairn_dtype_bytes(d->mask_type), 4, (int64_t[]){d->batch, d->heads, d->queries, d->keys},
                                    (int64_t[]){d->mask_batch, d->mask_head, d->mask_row, d->mask_column}, &before);
    if (bytes < 0 || before || !cairn_dtype_bytes(d->mask_type))
        return false;
    d->mask = take(IN, bytes);
    roughen((void *)d->mask, bytes);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin_input(data, size);
    call c = {.d = decode()};
    cairn_attention *d = &c.d;
    void *none[10] = {0};
    const int64_t kv = d->kv_heads ? d->kv_heads : d->heads, wide = d->value_width ? d->value_width : d->width;
    const int64_t q = span(d, &d->q, &d->q, d->heads, d->queries, d->width), k = span(d, &d->k, &d->k, kv, d->keys, d->width);
    const int64_t v = span(d, &d->v, &d->v, kv, d->keys, wide), o = span(d, &d->o, &d->o, d->heads, d->queries, wide);
    const int64_t dq = span(d, &d->dq, &d->q, d->heads, d->queries, d->width), dk = span(d, &d->dk, &d->k, kv, d->keys, d->width);
    const int64_t dv = span(d, &d->dv, &d->v, kv, d->keys, wide), d_o = span(d, &d->d_o, &d->o, d->heads, d->queries, wide);
    const int64_t sums = PRODUCT(MOST_ARRAY, 8, d->batch, d->heads, d->queries);
    bool fits = q >= 0 && k >= 0 && v >= 0 && o >= 0 && dq >= 0 && dk >= 0 && dv >= 0 && d_o >= 0 && sums >= 0 && cairn_dtype_bytes(d->type) &&
                PRODUCT(MOST_WORK, d->batch, d->heads, d->queries, d->keys, d->width) >= 0 && PRODUCT(MOST_WORK, d->queries, d->keys, wide) >= 0 && d->batch < 64 && d->heads < 64 && d->queries < 512 && d->keys < 512;
    fits = add_lengths(&d->query_lengths, d->batch, d->queries) && add_lengths(&d->key_lengths, d->batch, d->keys) && fits;
    if (rarely() && fits)
        fits = add_mask(d);
    remember();
    query("attention workspace", cairn_attention_workspace_bytes(d, (cairn_attention_pass)choice(2)));
    const int64_t needed[] = {query("attention workspace", cairn_attention_workspace_bytes(d, CAIRN_ATTENTION_FORWARD)),
                              query("attention workspace", cairn_attention_workspace_bytes(d, CAIRN_ATTENTION_GRADIENT))};
    demand((needed[0] < 0) == (needed[1] < 0), "one pass is refused alone: %s", last_message);
    if (needed[0] < 0 || (d->batch && d->queries))
        refused("attention", forward(&c, none)), refused("attention gradient", gradient(&c, none));
    if (needed[0] >= 0 && fits && needed[0] <= MOST_WORKSPACE && needed[1] <= MOST_WORKSPACE) {
        void *p[] = {take(IN, q), take(IN, k), take(IN, v), take(OUT, o), flag() ? take(OUT, sums) : NULL, take(WORKSPACE, needed[0])};
        roughen(p[0], q);
        remember();
        const bool queries = d->batch && d->queries;
        c.bytes = needed[0];
        call_all_ways("attention", forward, &c, 6, p, 3 << 3, NULL, false);
        const bool good = forward(&c, p) == CAIRN_OK;
        cairn_error_clear();
        remember();
        if (queries && good) {
            c.bytes = too_few(1);
            refused("attention", forward(&c, p));
            c.bytes = too_few(needed[0]);
            judge("attention with less workspace", forward(&c, p));
        }
        void *g[] = {p[0], p[1], p[2], p[3], take(IN, sums), take(IN, d_o), take(OUT, dq), take(OUT, dk), take(OUT, dv), take(WORKSPACE, needed[1])};
        c.bytes = needed[1];
        call_all_ways("attention gradient", gradient, &c, 10, g, 7 << 6, NULL, false);
        if (queries && d->keys) {
            c.bytes = too_few(1);
            refused("attention gradient", gradient(&c, g));
            c.bytes = too_few(needed[1]);
            judge("attention gradient with less workspace", gradient(&c, g));
        }
    }
    release();
    return 0;
}
