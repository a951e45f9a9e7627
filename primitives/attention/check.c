/* cairn_attention: descriptors, and what both passes ask of them. */
#include "primitives/attention/attention.h"

#include "base/error.h"
#include "primitives/kernels.h"
#include "primitives/slots.h"

#include <math.h>
#include <string.h>

static const int64_t FAR = (int64_t)1 << 60;

/* ---- Checks -------------------------------------------------------------------------------------*/

static bool within(int64_t x, int64_t low) { return x >= low && x <= (int64_t)1 << 40; }

static cairn_status check_sizes(const cairn_attention *d)
{
    if (!within(d->batch, 0) || !within(d->heads, 1) || !within(d->kv_heads, 0) || !within(d->queries, 0) || !within(d->keys, 0) ||
        !within(d->width, 1) || !within(d->value_width, 0) || !within(d->window, 0))
        return error_set(CAIRN_E_SHAPE, "attention: a size is out of range: batch %lld, heads %lld of %lld, %lld queries, %lld keys, "
                         "width %lld and %lld, window %lld", (long long)d->batch, (long long)d->heads, (long long)d->kv_heads,
                         (long long)d->queries, (long long)d->keys, (long long)d->width, (long long)d->value_width, (long long)d->window);
    if (d->kv_heads && d->heads % d->kv_heads)
        return error_set(CAIRN_E_SHAPE, "attention: %lld heads do not divide among %lld of keys and values", (long long)d->heads,
                         (long long)d->kv_heads);
    const double rows = (double)larger(d->batch, 1) * (double)d->heads, wide = (double)larger(d->width, d->value_width);
    if (rows * (double)larger(larger(d->queries, d->keys), 1) * wide > 0x1p50 || wide > 0x1p20)
        return error_set(CAIRN_E_SHAPE, "attention: sizes overflow: batch %lld, %lld heads, %lld queries, %lld keys, width %lld",
                         (long long)d->batch, (long long)d->heads, (long long)d->queries, (long long)d->keys, (long long)wide);
    if (isnan(d->scale))
        return error_set(CAIRN_E_ARGUMENT, "attention: the scale is not a number");
    return CAIRN_OK;
}

static cairn_status check_lengths(const int64_t *lengths, int64_t batch, int64_t most, const char *what)
{
    for (int64_t b = 0; lengths && b < batch; b++)
        if (lengths[b] < 0 || lengths[b] > most)
            return error_set(CAIRN_E_RANGE, "attention: sequence %lld has %lld of %lld %s", (long long)b, (long long)lengths[b],
                             (long long)most, what);
    return CAIRN_OK;
}

static bool is_type(cairn_dtype t) { return t == CAIRN_F32 || t == CAIRN_F64 || t == CAIRN_F16 || t == CAIRN_BF16; }

static void fill_rows(cairn_attention_rows *r, const cairn_attention_rows *otherwise, int64_t heads, int64_t positions, int64_t width)
{
    static const cairn_attention_rows none;
    if (memcmp(r, &none, sizeof none))
        return;
    *r = otherwise ? *otherwise : (cairn_attention_rows){heads * positions * width, positions * width, width};
}

static void fill(cairn_attention *d)
{
    d->kv_heads = d->kv_heads ? d->kv_heads : d->heads;
    d->value_width = d->value_width ? d->value_width : d->width;
    d->scale = d->scale != 0 ? d->scale : 1 / sqrt((double)d->width);
    fill_rows(&d->q, NULL, d->heads, d->queries, d->width);
    fill_rows(&d->k, NULL, d->kv_heads, d->keys, d->width);
    fill_rows(&d->v, NULL, d->kv_heads, d->keys, d->value_width);
    fill_rows(&d->o, NULL, d->heads, d->queries, d->value_width);
    fill_rows(&d->dq, &d->q, 0, 0, 0);
    fill_rows(&d->dk, &d->k, 0, 0, 0);
    fill_rows(&d->dv, &d->v, 0, 0, 0);
    fill_rows(&d->d_o, &d->o, 0, 0, 0);
}

/* No offset of a row leaves the address space. */
static bool reachable(const cairn_attention_rows *r, int64_t batch, int64_t heads, int64_t positions)
{
    return fabs((double)r->batch) * (double)batch + fabs((double)r->head) * (double)heads + fabs((double)r->row) * (double)positions < 0x1p56;
}

static cairn_status check_strides(const cairn_attention *d)
{
    const struct { const char *name; const cairn_attention_rows *r; int64_t heads, positions; } all[] = {
        {"q", &d->q, d->heads, d->queries}, {"k", &d->k, d->kv_heads, d->keys}, {"v", &d->v, d->kv_heads, d->keys},
        {"o", &d->o, d->heads, d->queries}, {"dq", &d->dq, d->heads, d->queries}, {"dk", &d->dk, d->kv_heads, d->keys},
        {"dv", &d->dv, d->kv_heads, d->keys}, {"d_o", &d->d_o, d->heads, d->queries}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!reachable(all[i].r, d->batch, all[i].heads, all[i].positions))
            return error_set(CAIRN_E_SHAPE, "attention: the strides of %s overflow: batch %lld, head %lld, row %lld", all[i].name,
                             (long long)all[i].r->batch, (long long)all[i].r->head, (long long)all[i].r->row);
    const cairn_attention_rows mask = {d->mask_batch, d->mask_head, d->mask_row};
    if (d->mask && (!reachable(&mask, d->batch, d->heads, d->queries) || fabs((double)d->mask_column) * (double)d->keys > 0x1p56))
        return error_set(CAIRN_E_SHAPE, "attention: the strides of the mask overflow");
    return CAIRN_OK;
}

cairn_status attention_check(const cairn_attention *d, attention *a)
{
    if (!d)
        return error_set(CAIRN_E_ARGUMENT, "attention: the descriptor is NULL");
    if (!is_type(d->type))
        return error_set(CAIRN_E_TYPE, "attention: type %s is not supported", cairn_dtype_name(d->type));
    if (d->mask && d->mask_type != CAIRN_BOOL && !is_type(d->mask_type))
        return error_set(CAIRN_E_TYPE, "attention: a mask of type %s is not supported", cairn_dtype_name(d->mask_type));
    cairn_status status = check_sizes(d);
    status = status ? status : check_lengths(d->query_lengths, d->batch, d->queries, "queries");
    status = status ? status : check_lengths(d->key_lengths, d->batch, d->keys, "keys");
    if (status)
        return status;
    *a = (attention){.d = *d, .bytes = cairn_dtype_bytes(d->type), .half = d->type == CAIRN_F16 || d->type == CAIRN_BF16};
    a->kernel = d->type == CAIRN_F64 ? kernels()->attention_f64 : kernels()->attention_f32;
    fill(&a->d);
    return check_strides(&a->d);
}

/* From the smallest stride to the largest, each steps over all that lies below it. */
cairn_status attention_distinct(const attention *a, const char *name, const cairn_attention_rows *r, int64_t heads, int64_t positions,
                                int64_t width)
{
    int64_t stride[3] = {r->batch, r->head, r->row}, size[3] = {a->d.batch, heads, positions}, reach = width;
    for (int done = 0; done < 3 && size[0] && size[1] && size[2]; done++) {
        int next = done;
        for (int i = done; i < 3; i++)
            if (size[next] <= 1 || (size[i] > 1 && stride[i] < stride[next]))
                next = i;
        if (size[next] > 1 && stride[next] < reach)
            return error_set(CAIRN_E_ARGUMENT, "attention: rows of %s overlap: strides batch %lld, head %lld, row %lld", name,
                             (long long)r->batch, (long long)r->head, (long long)r->row);
        reach += size[next] > 1 ? stride[next] * (size[next] - 1) : 0;
        const int64_t other_stride = stride[done], other_size = size[done];
        stride[done] = stride[next], size[done] = size[next];
        stride[next] = other_stride, size[next] = other_size;
    }
    return CAIRN_OK;
}

int64_t cairn_attention_workspace_bytes(const cairn_attention *d, cairn_attention_pass pass)
{
    attention a;
    if (attention_check(d, &a))
        return 0;
    if ((unsigned)pass > CAIRN_ATTENTION_GRADIENT)
        return error_set(CAIRN_E_ARGUMENT, "attention: there is no pass %d", (int)pass), 0;
    if (!d->batch)
        return 0;
    return pass == CAIRN_ATTENTION_FORWARD ? attention_forward_workspace(&a) : attention_gradient_workspace(&a);
}

cairn_status attention_too_small(int64_t given, int64_t needed)
{
    return error_set(CAIRN_E_ARGUMENT, "attention: the workspace is too small: %lld bytes of %lld", (long long)given, (long long)needed);
}

/* ---- Panels -------------------------------------------------------------------------------------*/

int64_t attention_keys(const attention *a, int64_t batch) { return a->d.key_lengths ? a->d.key_lengths[batch] : a->d.keys; }

/* Position i sees keys i - before ... i + after. */
static int64_t before(const cairn_attention *d) { return d->window ? d->window - 1 : FAR; }
static int64_t after(const cairn_attention *d) { return d->causal ? 0 : before(d); }

attention_panel attention_panel_at(const attention *a, int64_t batch, int64_t head, int64_t first, int64_t most)
{
    const cairn_attention *d = &a->d;
    const int64_t keys = attention_keys(a, batch), queries = d->query_lengths ? d->query_lengths[batch] : d->queries;
    attention_panel p = {.batch = batch, .head = head, .kv_head = head / (d->heads / d->kv_heads), .first = first};
    p.count = smaller(most, queries - first);
    p.position = first + (d->align_end ? keys - queries : 0);
    p.begin = smaller(larger(p.position - before(d), 0), keys);
    p.end = larger(smaller(p.position + p.count + after(d), keys), p.begin);
    return p;
}

bool attention_edges(const attention *a, const attention_panel *p, int64_t key0, int64_t keys, int64_t *low, int64_t *high)
{
    const int64_t place = key0 - p->position;
    *low = place - after(&a->d);
    *high = place + before(&a->d);
    return *low + keys - 1 > 0 || *high < p->count - 1;
}

const void *attention_rows(const attention *a, const void *base, const cairn_attention_rows *r, int64_t batch, int64_t head,
                           int64_t position, int64_t count, int64_t width, void *room, int64_t *step)
{
    const char *from = attention_row(a, base, r, batch, head, position);
    *step = r->row;
    if (!a->half)
        return from;
    for (int64_t i = 0; i < count; i++)
        a->kernel->widen(a->d.type, width, from + i * r->row * a->bytes, 1, (char *)room + i * width * a->kernel->element_bytes);
    *step = width;
    return room;
}

static double mask_at(const cairn_attention *d, int64_t at)
{
    double x;
    const void *mask = (const char *)d->mask + at * cairn_dtype_bytes(d->mask_type);
    switch (d->mask_type) {
    case CAIRN_BOOL: return *(const uint8_t *)mask ? 0 : -INFINITY;
    case CAIRN_F64: kernels()->attention_f64->widen(CAIRN_F64, 1, mask, 1, &x); return x;
    case CAIRN_F32: return *(const float *)mask;
    default: kernels()->attention_f64->widen(d->mask_type, 1, mask, 1, &x); return x;
    }
}

void attention_bias(const attention *a, const attention_panel *p, int64_t key0, int64_t keys, void *bias)
{
    const cairn_attention *d = &a->d;
    const int panel = a->kernel->panel;
    const int64_t base = p->batch * d->mask_batch + p->head * d->mask_head + p->first * d->mask_row + key0 * d->mask_column;
    memset(bias, 0, (size_t)(keys * panel * a->kernel->element_bytes));
    for (int64_t i = 0; i < smaller(p->count, panel); i++)
        for (int64_t j = 0; j < keys; j++) {
            const double x = mask_at(d, base + i * d->mask_row + j * d->mask_column) * LOG2_E;
            if (a->kernel->element_bytes == 8)
                ((double *)bias)[j * panel + i] = x;
            else
                ((float *)bias)[j * panel + i] = (float)x;
        }
}
