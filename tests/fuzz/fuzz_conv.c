/* Descriptors of convolutions: all passes, algorithms, layouts, packed weights. */
#include "tests/fuzz/descriptor.h"
#include <cairn/dnn.h>

enum { X, W, Y };

typedef struct tensor {
    int64_t size[5], bytes, before;
    int64_t element;
} tensor;

static cairn_conv decode(void)
{
    static const cairn_dtype types[] = {CAIRN_F32, CAIRN_F64, CAIRN_F16, CAIRN_BF16, CAIRN_I8, CAIRN_U8};
    const int type = choice(6), most = flag() ? 4 : 20;
    cairn_conv d = {.type = type >= 0 && type < 6 ? types[type] : (cairn_dtype)type, .n = number(0, 3), .h = number(0, 9), .w = number(0, 9),
                    .c = number(0, most), .k = number(0, most), .r = number(1, 3), .s = number(1, 3)};
    if (flag()) {
        d.stride_h = number(0, 3), d.stride_w = number(0, 3), d.dilation_h = number(0, 2), d.dilation_w = number(0, 2);
        d.pad_top = number(0, 2), d.pad_bottom = number(0, 2), d.pad_left = number(0, 2), d.pad_right = number(0, 2);
    }
    if (rarely())
        d.depth = number(0, 4), d.t = number(0, 3), d.stride_d = number(0, 2), d.dilation_d = number(0, 2), d.pad_front = number(0, 1),
        d.pad_back = number(0, 1);
    if (flag())
        d.groups = flag() ? d.c : number(0, 3);
    if (flag() && d.groups > 1 && d.groups < 20)
        d.k = d.groups * (1 + flag()), d.c = d.groups * (1 + flag());
    if (flag())
        d.algorithm = (cairn_conv_algorithm)choice(CAIRN_CONV_ALGORITHMS);
    return d;
}

/* The strides of a dense array whose axes lie in some order, or any. */
static void lay(const tensor *t, int64_t *stride)
{
    int order[5];
    uint64_t step = 1;
    for (int i = 0; i < 5; i++) {
        const int j = next_byte() % (i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (int i = 0; i < 5; i++) {
        stride[order[i]] = number((int64_t)(step & 0xffff), (int64_t)(step & 0xffff)) ;
        if (rarely() && stride[order[i]] != INT64_MIN)
            stride[order[i]] *= -1;
        step *= (uint64_t)t->size[order[i]] + rarely();
    }
}

static void pack_strides(const int64_t *size, int64_t *stride)
{
    static const int order[] = {1, 4, 3, 2, 0};
    uint64_t step = 1;
    for (int i = 0; i < 5; i++) {
        stride[order[i]] = (int64_t)step;
        step *= (uint64_t)size[order[i]];
    }
}

static int64_t one(int64_t x) { return x ? x : 1; }

/* Sizes of x, w, y; their strides into d, now and then. */
static void find_tensors(cairn_conv *d, int64_t od, int64_t oh, int64_t ow, tensor t[3])
{
    const bool integer = d->type == CAIRN_I8 || d->type == CAIRN_U8;
    const int64_t groups = one(d->groups), element = cairn_dtype_bytes(d->type);
    t[X] = (tensor){.size = {d->n, d->c, one(d->depth), d->h, d->w}, .element = element};
    t[W] = (tensor){.size = {d->k, d->c / groups, one(d->t), d->r, d->s}, .element = element};
    t[Y] = (tensor){.size = {d->n, d->k, od, oh, ow}, .element = integer ? 4 : element};
    int64_t *strides[] = {d->x_strides, d->w_strides, d->y_strides};
    for (int i = 0; i < 3; i++) {
        int64_t packed[5], *stride = packed;
        static const int64_t none[5];
        if (rarely())
            lay(&t[i], strides[i]);
        pack_strides(t[i].size, packed);
        if (memcmp(strides[i], none, sizeof none))
            stride = strides[i];
        t[i].bytes = product_of(MOST_ARRAY, 5, t[i].size) < 0 ? -1 : span_of(t[i].element, 5, t[i].size, stride, &t[i].before);
    }
}

static void mind_block(void *context, int64_t batch, int64_t row0, int64_t rows, int64_t column0, int64_t columns)
{
    const tensor *y = context;
    const int64_t all = y->size[0] * y->size[2] * y->size[3] * y->size[4];
    demand(batch == 0 && row0 >= 0 && rows >= 0 && row0 + rows <= all && column0 >= 0 && columns >= 0 && column0 + columns <= y->size[1],
           "a block of %lld + %lld rows, %lld + %lld columns", (long long)row0, (long long)rows, (long long)column0, (long long)columns);
}

/* A data gradient is planned phase by phase, of which a stride has as many as pixels: with thousands that takes long. */
static bool is_long(const cairn_conv *d, cairn_conv_pass pass)
{
    const int64_t phases[] = {one(d->stride_d) < one(d->depth) ? one(d->stride_d) : one(d->depth), one(d->stride_h) < d->h ? one(d->stride_h) : d->h,
                              one(d->stride_w) < d->w ? one(d->stride_w) : d->w};
    return pass == CAIRN_CONV_DATA_GRADIENT && (PRODUCT(1 << 12, one(phases[0]), one(phases[1]), one(phases[2])) < 0 || one(d->t) > 300 || d->r > 300 || d->s > 300);
}

/* ---- One pass ---------------------------------------------------------------------------------------------*/

typedef struct pass {
    const cairn_conv *d;
    cairn_conv_pass pass;
    int64_t bytes;
} pass;

static cairn_status run(const void *context, void **p)
{
    const pass *q = context;
    switch ((int)q->pass) {
    case CAIRN_CONV_FORWARD: return cairn_conv_forward(q->d, p[0], p[1], p[2], p[3], q->bytes);
    case CAIRN_CONV_DATA_GRADIENT: return cairn_conv_data_gradient(q->d, p[0], p[1], p[2], p[3], q->bytes);
    default: return cairn_conv_weight_gradient(q->d, p[0], p[1], p[2], p[3], q->bytes);
    }
}

static bool is_empty(const tensor *t) { return !t->size[0] || !t->size[1] || !t->size[2] || !t->size[3] || !t->size[4]; }

/* An element for each channel of the result, or all of the result. */
static void *maybe(int64_t bytes) { return rarely() ? take(IN, bytes) : NULL; }

static void run_armed(cairn_conv d, cairn_conv_pass which, const tensor *a, const tensor *b, const tensor *result)
{
    pass q = {&d, which, 0};
    if (rarely()) {
        d.fused.activation = (cairn_fused_activation)choice(CAIRN_FUSED_ACTIVATIONS);
        d.fused.slope = real();
        d.fused.bias = maybe(result->size[1] * result->element);
        d.fused.scale = maybe(result->size[1] * result->element);
        void *residual = maybe(result->bytes);
        d.fused.residual = residual ? (char *)residual + result->before : NULL;
    }
    if (rarely())
        d.epilogue = mind_block, d.epilogue_context = (void *)result;
    q.bytes = query("conv workspace", cairn_conv_workspace_bytes(&d, which));
    void *p[4] = {take_at(IN, a->bytes, a->before), take_at(IN, b->bytes, b->before), take_at(OUT, result->bytes, result->before)};
    roughen((char *)p[0] - a->before, a->bytes);
    remember();
    if (q.bytes < 0)
        refused("conv", run(&q, p));
    if (q.bytes < 0 || q.bytes > MOST_WORKSPACE)
        return;
    p[3] = take(WORKSPACE, q.bytes);
    call_all_ways("conv", run, &q, 4, p, 4, NULL, true);
    if (q.bytes) {
        q.bytes = too_few(q.bytes);
        judge("conv with less workspace", run(&q, p));
    }
}

static void fuzz_pass(cairn_conv d, cairn_conv_pass which, tensor t[3])
{
    static const int roles[3][3] = {{X, W, Y}, {Y, W, X}, {X, Y, W}};
    cairn_conv_choice choice;
    const pass q = {&d, which, 0};
    void *none[4] = {0};
    if (is_long(&d, which))
        return;
    judge("conv get", cairn_conv_get(&d, which, &choice));
    const int64_t bytes = query("conv workspace", cairn_conv_workspace_bytes(&d, which));
    if ((unsigned)which > CAIRN_CONV_WEIGHT_GRADIENT) {
        demand(bytes < 0, "there is no pass %d", (int)which);
        return;
    }
    const tensor *a = &t[roles[which][0]], *b = &t[roles[which][1]], *result = &t[roles[which][2]];
    if (bytes < 0)
        refused("conv", run(&q, none));
    else if (!is_empty(a) || !is_empty(b) || !is_empty(result))
        refused("conv without arrays", run(&q, none));
    const int64_t work = PRODUCT(MOST_WORK, t[Y].size[0], t[Y].size[1], t[Y].size[2], t[Y].size[3], t[Y].size[4], t[W].size[1], t[W].size[2], t[W].size[3]);
    if (a->bytes >= 0 && b->bytes >= 0 && result->bytes >= 0 && work >= 0 && t[W].size[4] < 64)
        run_armed(d, which, a, b, result);
}

/* ---- Bias, and packed weights -------------------------------------------------------------------------------*/

typedef struct sized { const cairn_conv *d; int64_t bytes; } sized;
static cairn_status run_bias(const void *c, void **p) { return cairn_conv_bias_gradient(((const sized *)c)->d, p[0], p[1], p[2], ((const sized *)c)->bytes); }

static void fuzz_bias(const cairn_conv *d, const tensor *y)
{
    sized s = {d, query("conv bias workspace", cairn_conv_bias_workspace_bytes(d))};
    if (s.bytes < 0 || s.bytes > MOST_WORKSPACE || y->bytes < 0 || d->k > 4096) {
        if (!is_empty(y) || s.bytes < 0)
            refused("conv bias", cairn_conv_bias_gradient(d, NULL, NULL, NULL, 0));
        return;
    }
    void *p[] = {take_at(IN, y->bytes, y->before), take(OUT, d->k * y->element), take(WORKSPACE, s.bytes)};
    call_all_ways("conv bias", run_bias, &s, 3, p, 2, NULL, true);
}

static void fuzz_packed(cairn_conv d, const tensor t[3])
{
    const int64_t packed_bytes = query("conv pack", cairn_conv_pack_bytes(&d)), bytes = query("conv workspace", cairn_conv_workspace_bytes(&d, 0));
    refused("conv pack", cairn_conv_pack(&d, NULL, NULL, NULL, any_number()));
    if (packed_bytes < 0 || packed_bytes > MOST_WORKSPACE || bytes > MOST_WORKSPACE || t[X].bytes < 0 || t[W].bytes < 0 || t[Y].bytes < 0)
        return;
    if (PRODUCT(MOST_WORK, t[Y].bytes, t[W].size[1], t[W].size[2], t[W].size[3], t[W].size[4]) < 0)
        return;
    void *packed, *w = take_at(IN, t[W].bytes, t[W].before), *workspace = take(WORKSPACE, bytes);
    demand(!posix_memalign(&packed, 64, (size_t)packed_bytes), "out of memory");
    accepted("conv pack", cairn_conv_pack(&d, w, packed, workspace, bytes));
    judge("conv pack", cairn_conv_pack(&d, w, packed, NULL, any_number()));
    d.packed_w = packed;
    const pass q = {&d, CAIRN_CONV_FORWARD, query("conv workspace", cairn_conv_workspace_bytes(&d, CAIRN_CONV_FORWARD))};
    demand(q.bytes >= 0 && q.bytes <= bytes, "packed weights need %lld bytes after %lld", (long long)q.bytes, (long long)bytes);
    void *p[] = {take_at(IN, t[X].bytes, t[X].before), NULL, take_at(OUT, t[Y].bytes, t[Y].before), take(WORKSPACE, q.bytes)};
    accepted("conv of packed weights", run(&q, p));
    query("conv workspace", cairn_conv_workspace_bytes(&d, CAIRN_CONV_WEIGHT_GRADIENT));
    free(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin_input(data, size);
    cairn_conv d = decode();
    int64_t od = 0, oh = 0, ow = 0;
    tensor t[3] = {{{0}}};
    const cairn_status status = judge("conv size", cairn_conv_output_size_3d(&d, &od, &oh, &ow));
    refused("conv size", cairn_conv_output_size(&d, NULL, &ow));
    demand(status || (od > 0 && oh > 0 && ow > 0), "an output of %lld x %lld x %lld", (long long)od, (long long)oh, (long long)ow);
    if (!status)
        find_tensors(&d, od, oh, ow, t);
    const cairn_conv_pass which = (cairn_conv_pass)choice(3);
    const int what = next_byte() % 8;
    if (status || what < 6)
        fuzz_pass(d, which, t);
    else if (what == 6)
        fuzz_bias(&d, &t[Y]);
    else
        fuzz_packed(d, t);
    release();
    return 0;
}
