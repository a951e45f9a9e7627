/* cairn_conv's passes: what they need, what they accept, and their way to an algorithm: straight, or around conversions. */
#include "primitives/conv/conv.h"

#include "base/error.h"
#include "base/pool.h"
#include "primitives/conv/integer.h"
#include "primitives/conv/layout.h"
#include "primitives/finish.h"
#include "primitives/slots.h"

#include <string.h>

static const char *const pass_names[] = {"forward", "data gradient", "weight gradient"};
/* Which tensors a pass reads first, second, and writes. */
static const conv_tensor roles[][3] = {{CONV_X, CONV_W, CONV_Y}, {CONV_Y, CONV_W, CONV_X}, {CONV_X, CONV_Y, CONV_W}};

/* ---- A pass as it will run ------------------------------------------------------------------------*/

typedef struct plan {
    conv c;                             /* of packed f32 or f64 */
    cairn_conv_pass pass;
    cairn_conv_algorithm algorithm;
    layout outer[3];                    /* of the first operand, the second, the result */
    cairn_dtype inner[3];
    int64_t copy_bytes[3];              /* 0 where the caller's memory serves */
    int64_t scale_bytes, bias_bytes, residual_bytes;
    bool integer, empty;                /* empty: sums of nothing */
} plan;

static cairn_dtype inner_type(cairn_dtype type)
{
    switch (type) {
    case CAIRN_F16: case CAIRN_BF16: return CAIRN_F32;
    case CAIRN_I8: case CAIRN_U8: return CAIRN_I16;
    default: return type;
    }
}

static bool passes_fused(const plan *p) { return p->pass != CAIRN_CONV_WEIGHT_GRADIENT && !finish_is_nothing(&p->c.d.fused); }

static void choose_copies(plan *p)
{
    for (int i = 0; i < 3; i++) {
        p->outer[i] = layout_of(&p->c, roles[p->pass][i]);
        p->inner[i] = inner_type(p->outer[i].type);
        if (!p->outer[i].packed || p->inner[i] != p->outer[i].type)
            p->copy_bytes[i] = round_up(layout_elements(&p->outer[i]) * cairn_dtype_bytes(p->inner[i]), 64);
    }
    const bool narrow = p->inner[2] != p->outer[2].type;
    const int64_t row_bytes = passes_fused(p) && narrow ? round_up(p->outer[2].size[1] * cairn_dtype_bytes(p->inner[2]), 64) : 0;
    p->scale_bytes = p->c.d.fused.scale ? row_bytes : 0;
    p->bias_bytes = p->c.d.fused.bias ? row_bytes : 0;
    if (passes_fused(p) && p->c.d.fused.residual)
        p->residual_bytes = p->copy_bytes[2];
}

/* What cairn_conv_pack puts before the weights: what they are for. */
typedef struct packed_header {
    gemm_kernel *kernel;
    cairn_conv_algorithm form;
    int64_t k, cg, t, r, s, groups;
} __attribute__((aligned(64))) packed_header;

static packed_header header_of(const plan *p)
{
    const cairn_conv *d = &p->c.d;
    return (packed_header){p->c.kernel, conv_pack_form(p->algorithm), d->k, p->c.cg, d->t, d->r, d->s, d->groups};
}

static cairn_status use_packed(plan *p)
{
    const packed_header *h = p->c.d.packed_w, want = header_of(p);
    if (p->integer)
        return error_set(CAIRN_E_UNSUPPORTED, "conv: integers have no packed weights");
    if (p->pass != CAIRN_CONV_FORWARD)
        return error_set(CAIRN_E_ARGUMENT, "conv %s: packed weights are for the forward pass", pass_names[p->pass]);
    p->copy_bytes[1] = 0;
    if (p->empty)
        return CAIRN_OK;
    if (h->kernel != want.kernel || h->form != want.form || h->k != want.k || h->cg != want.cg || h->t != want.t || h->r != want.r ||
        h->s != want.s || h->groups != want.groups)
        return error_set(CAIRN_E_ARGUMENT, "conv forward: packed_w is not a weight of %lld x %lld x %lld x %lld x %lld packed for %s in this process",
                         (long long)want.k, (long long)want.t, (long long)want.r, (long long)want.s, (long long)want.cg,
                         cairn_conv_algorithm_name(p->algorithm));
    p->c.packed = (const char *)(h + 1);
    return CAIRN_OK;
}

/* Checks the descriptor and chooses. */
static cairn_status prepare(const cairn_conv *d, cairn_conv_pass pass, plan *p)
{
    *p = (plan){.pass = pass};
    const cairn_status status = conv_check(d, &p->c);
    if (status != CAIRN_OK)
        return status;
    if ((int)pass < CAIRN_CONV_FORWARD || pass > CAIRN_CONV_WEIGHT_GRADIENT)
        return error_set(CAIRN_E_ARGUMENT, "conv: no such pass: %d", (int)pass);
    p->integer = conv_is_integer(d);
    if (p->integer && pass != CAIRN_CONV_FORWARD)
        return error_set(CAIRN_E_UNSUPPORTED, "conv %s: type %s has a forward pass only", pass_names[pass], cairn_dtype_name(d->type));
    choose_copies(p);
    p->empty = !d->n || !d->c || !d->k || !layout_elements(&p->outer[0]) || !layout_elements(&p->outer[2]);
    conv *c = &p->c;
    c->d.type = inner_type(c->d.type);
    if (pass == CAIRN_CONV_WEIGHT_GRADIENT)
        c->d.fused = (cairn_fused){0};
    if (p->integer || p->empty)
        return d->packed_w ? use_packed(p) : CAIRN_OK;
    p->algorithm = d->algorithm ? d->algorithm : conv_default(c, pass);
    const char *why = conv_refuses(c, pass, p->algorithm);
    if (why)
        return error_set(CAIRN_E_UNSUPPORTED, "conv %s: the algorithm %s cannot do this: %s", pass_names[pass],
                         cairn_conv_algorithm_name(p->algorithm), why);
    return d->packed_w ? use_packed(p) : CAIRN_OK;
}

static int64_t copies_bytes(const plan *p)
{
    const int64_t bytes = p->copy_bytes[0] + p->copy_bytes[1] + p->copy_bytes[2] + p->scale_bytes + p->bias_bytes +
                          p->residual_bytes;
    return bytes ? bytes + 64 : 0;
}

static int64_t bytes_needed(const plan *p, int threads)
{
    return copies_bytes(p) + (p->integer || p->empty ? 0 : conv_algorithm_workspace(&p->c, p->pass, p->algorithm, threads));
}

cairn_status conv_workspace(const cairn_conv *d, cairn_conv_pass pass, int64_t *bytes)
{
    plan p;
    const cairn_status status = prepare(d, pass, &p);
    if (status == CAIRN_OK)
        *bytes = larger(bytes_needed(&p, cairn_threads()), bytes_needed(&p, 1));
    return status;
}

int64_t cairn_conv_workspace_bytes(const cairn_conv *d, cairn_conv_pass pass)
{
    int64_t bytes;
    return conv_workspace(d, pass, &bytes) == CAIRN_OK ? bytes : 0;
}

static cairn_status check_operands(const plan *p, const void *a, const void *b, const void *result, const void *workspace, int64_t bytes)
{
    const char *name = pass_names[p->pass];
    const bool packed = p->c.d.packed_w;
    const void *operands[] = {a, packed ? p->c.d.packed_w : b, result};
    for (int i = 0; i < 3; i++)
        if (!operands[i] && layout_elements(&p->outer[i]))
            return error_set(CAIRN_E_ARGUMENT, "conv %s: an operand is NULL: %p, %p, result %p", name, a, b, result);
    if (layouts_overlap(&p->outer[2], result, &p->outer[0], a) || (!packed && layouts_overlap(&p->outer[2], result, &p->outer[1], b)))
        return error_set(CAIRN_E_ARGUMENT, "conv %s: the result overlaps an operand: %p, %p, result %p", name, a, b, result);
    if (result && (p->c.d.fused.bias == result || p->c.d.fused.scale == result))
        return error_set(CAIRN_E_ARGUMENT, "conv %s: the %s is the result: %p", name, p->c.d.fused.bias == result ? "bias" : "scale", result);
    if (p->c.d.fused.residual && layouts_overlap(&p->outer[2], result, &p->outer[2], p->c.d.fused.residual))
        return error_set(CAIRN_E_ARGUMENT, "conv %s: the residual overlaps the result: %p, %p", name, p->c.d.fused.residual, result);
    const int64_t needed = bytes_needed(p, 1);
    if (needed && (!workspace || bytes < needed))
        return error_set(CAIRN_E_ARGUMENT, "conv %s: the workspace is too small: %lld bytes of %lld", name,
                         (long long)(workspace ? bytes : 0), (long long)needed);
    return CAIRN_OK;
}

/* ---- Running ------------------------------------------------------------------------------------*/

/* Sums of nothing are zeros, and still get their bias and the rest. */
static void fill_empty(const plan *p, void *result)
{
    const conv *c = &p->c;
    const cairn_conv *d = &c->d;
    const int64_t elements = layout_elements(&p->outer[2]), columns = p->outer[2].size[1];
    if (!elements)
        return;
    memset(result, 0, (size_t)(elements * cairn_dtype_bytes(p->inner[2])));
    if (p->pass != CAIRN_CONV_WEIGHT_GRADIENT && !finish_is_nothing(&d->fused))
        finish_block(&d->fused, d->type, elements / columns, columns, result, columns, 0, d->fused.residual, columns);
    if (p->pass == CAIRN_CONV_FORWARD && d->epilogue)
        d->epilogue(d->epilogue_context, 0, 0, elements / columns, 0, columns);
}

static void compute(const plan *p, const void *a, const void *b, void *result, void *workspace, int64_t bytes)
{
    if (p->empty)
        fill_empty(p, result);
    else if (p->integer)
        integer_run(&p->c, a, b, result);
    else
        conv_algorithm_run(&p->c, p->pass, p->algorithm, a, b, result, cairn_threads(), workspace, bytes);
}

/* An element for each channel of the result, converted to *next, which moves on. */
static const void *converted_row(const plan *p, const void *row, int64_t bytes, char **next)
{
    const layout l = {.type = p->outer[2].type, .size = {1, p->outer[2].size[1], 1, 1, 1}, .stride = {0, 1, 0, 0, 0}};
    char *to = *next;
    if (!bytes)
        return row;
    layout_pack(&l, row, p->inner[2], to);
    *next += bytes;
    return to;
}

static void run_converted(plan *p, const void *a, const void *b, void *result, char *workspace, int64_t bytes)
{
    const char *end = workspace + bytes;
    char *next = (char *)round_up((int64_t)(intptr_t)workspace, 64);
    const void *operands[2] = {a, b};
    cairn_fused *fused = &p->c.d.fused;
    for (int i = 0; i < 2; i++)
        if (p->copy_bytes[i]) {
            layout_pack(&p->outer[i], operands[i], p->inner[i], next);
            operands[i] = next;
            next += p->copy_bytes[i];
        }
    fused->scale = converted_row(p, fused->scale, p->scale_bytes, &next);
    fused->bias = converted_row(p, fused->bias, p->bias_bytes, &next);
    if (p->residual_bytes) {
        layout_pack(&p->outer[2], fused->residual, p->inner[2], next);
        fused->residual = next;
        next += p->residual_bytes;
    }
    char *to = p->copy_bytes[2] ? next : result;
    next += p->copy_bytes[2];
    compute(p, operands[0], operands[1], to, next, end - next);
    if (p->copy_bytes[2])
        layout_unpack(&p->outer[2], p->inner[2], to, result);
}

static cairn_status run_pass(const cairn_conv *d, cairn_conv_pass pass, const void *a, const void *b, void *result, void *workspace,
                             int64_t bytes)
{
    plan p;
    cairn_status status = prepare(d, pass, &p);
    if (status == CAIRN_OK)
        status = check_operands(&p, a, b, result, workspace, bytes);
    if (status != CAIRN_OK)
        return status;
    if (copies_bytes(&p))
        run_converted(&p, a, b, result, workspace, bytes);
    else
        compute(&p, a, b, result, workspace, bytes);
    return CAIRN_OK;
}

cairn_status cairn_conv_forward(const cairn_conv *d, const void *x, const void *w, void *y, void *workspace,
                                int64_t workspace_bytes)
{
    return run_pass(d, CAIRN_CONV_FORWARD, x, w, y, workspace, workspace_bytes);
}

cairn_status cairn_conv_data_gradient(const cairn_conv *d, const void *dy, const void *w, void *dx, void *workspace,
                                      int64_t workspace_bytes)
{
    return run_pass(d, CAIRN_CONV_DATA_GRADIENT, dy, w, dx, workspace, workspace_bytes);
}

cairn_status cairn_conv_weight_gradient(const cairn_conv *d, const void *x, const void *dy, void *dw, void *workspace,
                                        int64_t workspace_bytes)
{
    return run_pass(d, CAIRN_CONV_WEIGHT_GRADIENT, x, dy, dw, workspace, workspace_bytes);
}

/* ---- Weights packed once --------------------------------------------------------------------------*/

static cairn_status prepare_packing(const cairn_conv *d, plan *p)
{
    cairn_conv plain = {0};
    if (d) {
        plain = *d;
        plain.packed_w = NULL;
    }
    const cairn_status status = prepare(d ? &plain : NULL, CAIRN_CONV_FORWARD, p);
    if (status == CAIRN_OK && p->integer)
        return error_set(CAIRN_E_UNSUPPORTED, "conv_pack: weights of type %s are not packed", cairn_dtype_name(d->type));
    return status;
}

int64_t cairn_conv_pack_bytes(const cairn_conv *d)
{
    plan p;
    if (prepare_packing(d, &p) != CAIRN_OK)
        return 0;
    return (int64_t)sizeof(packed_header) + (p.empty ? 0 : conv_algorithm_pack_bytes(&p.c, p.algorithm));
}

cairn_status cairn_conv_pack(const cairn_conv *d, const void *w, void *packed, void *workspace, int64_t workspace_bytes)
{
    plan p;
    const cairn_status status = prepare_packing(d, &p);
    if (status != CAIRN_OK)
        return status;
    if (!packed || (uintptr_t)packed % 64 || (!w && layout_elements(&p.outer[1])))
        return error_set(CAIRN_E_ARGUMENT, "conv_pack: from w %p to %p (not NULL, a multiple of 64)", w, packed);
    const int64_t needed = bytes_needed(&p, 1);
    if (needed && (!workspace || workspace_bytes < needed))
        return error_set(CAIRN_E_ARGUMENT, "conv_pack: the workspace is too small: %lld bytes of %lld", (long long)(workspace ? workspace_bytes : 0),
                         (long long)needed);
    *(packed_header *)packed = header_of(&p);
    if (p.empty)
        return CAIRN_OK;
    char *next = (char *)round_up((int64_t)(intptr_t)workspace, 64);
    if (p.copy_bytes[1]) {
        layout_pack(&p.outer[1], w, p.inner[1], next);
        w = next;
        next += p.copy_bytes[1];
    }
    conv_algorithm_pack(&p.c, p.algorithm, w, (packed_header *)packed + 1, cairn_threads(), next, (char *)workspace + workspace_bytes - next);
    return CAIRN_OK;
}
