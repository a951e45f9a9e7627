/* Descriptors of softmax, cross entropy, norms, pooling and CTC. */
#include "tests/fuzz/descriptor.h"
#include <cairn/dnn.h>

static cairn_dtype float_type(int of)
{
    static const cairn_dtype types[] = {CAIRN_F32, CAIRN_F64, CAIRN_F16, CAIRN_BF16};
    const int64_t which = number(0, of - 1);
    return which >= 0 && which < 4 ? types[which] : (cairn_dtype)which;
}

static bool is_float(cairn_dtype t) { return t == CAIRN_F32 || t == CAIRN_F64 || t == CAIRN_F16 || t == CAIRN_BF16; }
static int sum_bytes(cairn_dtype t) { return t == CAIRN_F64 ? 8 : 4; }

/* ---- Softmax and cross entropy ----------------------------------------------------------------------------*/

/* Rows: dense, some elements longer, or anything. */
static int64_t row_step(int64_t columns) { return flag() || columns < 0 || columns > 1000 ? number(0, 0) : number(columns, columns + 3); }

static cairn_status softmax_forward(const void *d, void **p) { return cairn_softmax_forward(d, p[0], p[1]); }
static cairn_status softmax_gradient(const void *d, void **p) { return cairn_softmax_gradient(d, p[0], p[1], p[2]); }

typedef struct entropy {
    cairn_softmax_rows d;
    cairn_labels o;
} entropy;
static cairn_status cross_entropy(const void *d, void **p)
{
    const entropy *e = d;
    return cairn_cross_entropy_rows(&e->d, p[0], p[1], &e->o, p[2], p[3]);
}

static void fuzz_softmax(void)
{
    cairn_softmax_rows d = {.type = float_type(4), .rows = number(0, 9), .columns = number(0, 40), .log = flag()};
    d.x_row = row_step(d.columns), d.y_row = row_step(d.columns);
    const int64_t x_row = d.x_row ? d.x_row : d.columns, y_row = d.y_row ? d.y_row : d.columns, element = cairn_dtype_bytes(d.type);
    int64_t before, x = span_of(element, 2, (int64_t[]){d.rows, d.columns}, (int64_t[]){x_row, 1}, &before);
    int64_t y = span_of(element, 2, (int64_t[]){d.rows, d.columns}, (int64_t[]){y_row, 1}, &before);
    const bool valid = is_float(d.type) && x_row >= d.columns && y_row >= d.columns && d.rows < 4096 && x_row < 4096 && y_row < 4096;
    if (x < 0 || y < 0 || before || d.rows > 4096) {
        const bool nothing = d.rows == 0 || d.columns == 0;
        (nothing ? (void)judge("softmax", cairn_softmax_forward(&d, NULL, NULL)) : refused("softmax", cairn_softmax_forward(&d, NULL, NULL)));
        (nothing ? (void)judge("softmax", cairn_softmax_gradient(&d, NULL, NULL, NULL)) : refused("softmax", cairn_softmax_gradient(&d, NULL, NULL, NULL)));
        return;
    }
    void *in = take(IN, x), *out = take(OUT, y), *dy = take(IN, y), *dx = take(OUT, x);
    roughen(in, x);
    remember();
    call_all_ways("softmax", softmax_forward, &d, 2, (void *[]){in, out}, 2, (unsigned[]){0, x_row == y_row}, valid);
    call_all_ways("softmax gradient", softmax_gradient, &d, 3, (void *[]){out, dy, dx}, 4, (unsigned[]){0, 0, x_row == y_row ? 3 : 0}, valid);
    if (!is_float(d.type))
        return;
    entropy e = {d, {.smoothing = real(), .ignore = flag(), .ignore_label = number(0, 9), .scale = real()}};
    int64_t *labels = take(IN, 8 * d.rows);
    bool good = valid && e.o.smoothing >= 0 && e.o.smoothing < 1 && e.o.scale == e.o.scale;
    for (int64_t i = 0; i < d.rows; i++) {
        labels[i] = number(0, d.columns - 1 < 0 ? 0 : d.columns - 1);
        good = good && ((labels[i] >= 0 && labels[i] < d.columns) || (e.o.ignore && labels[i] == e.o.ignore_label));
    }
    void *loss = take(OUT, d.rows * sum_bytes(d.type));
    remember();
    call_all_ways("cross entropy", cross_entropy, &e, 4, (void *[]){in, labels, loss, dx}, 12, (unsigned[]){0, 0, 0, 1}, good);
}

/* ---- Norms ------------------------------------------------------------------------------------------------*/

static cairn_status norm_forward(const void *d, void **p) { return cairn_norm_forward(d, p[0], p[1], p[2], p[3], p[4], p[5]); }
static cairn_status norm_inference(const void *d, void **p) { return cairn_norm_inference(d, p[0], p[1], p[2], p[3], p[4], p[5]); }
static cairn_status norm_gradient(const void *d, void **p)
{
    return cairn_norm_gradient(d, p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]);
}

static void fuzz_norm(void)
{
    cairn_norm_rows d = {.type = float_type(4), .kind = (cairn_norm_kind)choice(4), .n = number(0, 5), .c = number(1, 24)};
    d.inner = d.kind == CAIRN_GROUP_NORM || d.kind == CAIRN_BATCH_NORM ? number(0, 6) : number(0, 1);
    d.groups = d.kind == CAIRN_GROUP_NORM ? number(0, 4) : number(0, 1);
    d.eps = real();
    const int64_t inner = d.inner ? d.inner : 1, groups = d.groups ? d.groups : 1;
    const int64_t elements = PRODUCT(MOST_ARRAY / 8, d.n, d.c, inner);
    const int64_t stats = d.kind == CAIRN_BATCH_NORM ? PRODUCT(MOST_ARRAY, d.c) : PRODUCT(MOST_ARRAY, d.n, groups);
    if (elements < 0 || stats < 0 || d.c < 0 || d.c > MOST_ARRAY / 8) {
        void *none[8] = {0};
        if (d.n)
            refused("norm", norm_forward(&d, none)), refused("norm", norm_inference(&d, none)), refused("norm", norm_gradient(&d, none));
        else
            judge("norm", norm_forward(&d, none)), judge("norm", norm_inference(&d, none)), judge("norm", norm_gradient(&d, none));
        return;
    }
    const bool rows = d.kind == CAIRN_LAYER_NORM || d.kind == CAIRN_RMS_NORM;
    const bool valid = is_float(d.type) && (unsigned)d.kind <= CAIRN_BATCH_NORM && d.c > 0 && d.n >= 0 && inner > 0 && groups > 0 &&
                       (!rows || inner == 1) && (d.kind == CAIRN_GROUP_NORM ? d.c % groups == 0 : groups == 1) && d.eps >= 0 &&
                       inner <= MOST_ARRAY;
    const int64_t bytes = elements * cairn_dtype_bytes(d.type), wide = sum_bytes(d.type);
    void *x = take(IN, bytes), *w = flag() ? take(IN, d.c * wide) : NULL, *y = take(OUT, bytes), *dy = take(IN, bytes), *dx = take(OUT, bytes);
    void *bias = d.kind != CAIRN_RMS_NORM && flag() ? take(IN, d.c * wide) : NULL;
    void *mean = take(OUT, stats * wide), *deviation = take(OUT, stats * wide);
    void *dw = flag() ? take(OUT, d.c * wide) : NULL, *db = flag() ? take(OUT, d.c * wide) : NULL;
    roughen(x, bytes);
    remember();
    call_all_ways("norm", norm_forward, &d, 6, (void *[]){x, w, bias, y, mean, deviation}, d.n ? 7 << 3 : 0, (unsigned[6]){[3] = 1}, valid);
    call_all_ways("norm inference", norm_inference, &d, 6, (void *[]){x, w, bias, mean, deviation, y}, d.n ? 1 << 5 : 0, (unsigned[6]){[5] = 1}, valid);
    call_all_ways("norm gradient", norm_gradient, &d, 8, (void *[]){x, w, mean, deviation, dy, dx, dw, db}, d.n ? 7 << 5 : 0,
                  (unsigned[8]){[5] = 1 << 4}, valid);
}

/* ---- Pooling ----------------------------------------------------------------------------------------------*/

static cairn_status max_forward(const void *d, void **p) { return cairn_max_pool_forward(d, p[0], p[1], p[2]); }
static cairn_status max_gradient(const void *d, void **p) { return cairn_max_pool_gradient(d, p[0], p[1], p[2]); }
static cairn_status average_forward(const void *d, void **p) { return cairn_average_pool_forward(d, p[0], p[1]); }
static cairn_status average_gradient(const void *d, void **p) { return cairn_average_pool_gradient(d, p[0], p[1]); }

static void fuzz_pool(void)
{
    cairn_pool d = {.type = float_type(4), .n = number(0, 3), .h = number(1, 9), .w = number(1, 9), .c = number(0, 20), .r = number(1, 4), .s = number(1, 4),
                    .stride_h = number(0, 3), .stride_w = number(0, 3), .dilation_h = number(0, 2), .dilation_w = number(0, 2),
                    .pad_top = number(0, 1), .pad_bottom = number(0, 1), .pad_left = number(0, 1), .pad_right = number(0, 1),
                    .count_include_pad = flag(), .ceil_mode = flag()};
    if (rarely())
        d = (cairn_pool){.type = d.type, .n = d.n, .h = d.h, .w = d.w, .c = d.c, .adaptive_h = number(1, 5), .adaptive_w = number(1, 5)};
    int64_t oh = 0, ow = 0;
    const cairn_status status = judge("pool size", cairn_pool_output_size(&d, &oh, &ow));
    refused("pool size", cairn_pool_output_size(&d, NULL, &ow));
    void *none[3] = {0};
    const int64_t in = PRODUCT(MOST_ARRAY / 8, d.n, d.h, d.w, d.c), out = status ? 0 : PRODUCT(MOST_ARRAY / 8, d.n, oh, ow, d.c);
    const int64_t bytes = cairn_dtype_bytes(d.type);
    if (status || in < 0 || out < 0) {
        const bool nothing = !status && (!d.n || !d.c);
        caller *const all[] = {max_forward, max_gradient, average_forward, average_gradient};
        for (int i = 0; i < 4; i++)
            if (!nothing)
                refused("pool", all[i](&d, none));
            else
                judge("pool", all[i](&d, none));
        if (in < 0 || !status)
            return;
    }
    void *x = take(IN, in * bytes), *y = take(OUT, out * bytes), *index = take(OUT, out * 4), *dx = take(OUT, in * bytes);
    roughen(x, in * bytes);
    remember();
    call_all_ways("max pool", max_forward, &d, 3, (void *[]){x, y, index}, 6, NULL, !status);
    call_all_ways("average pool", average_forward, &d, 2, (void *[]){x, y}, 2, NULL, !status);
    call_all_ways("average pool gradient", average_gradient, &d, 2, (void *[]){y, dx}, 2, NULL, !status);
    if (!status)
        accepted("max pool", cairn_max_pool_forward(&d, x, y, index));
    const bool wrong = rarely() && out > 0;
    if (wrong)
        ((int32_t *)index)[next_byte() % out] = (int32_t)any_number();
    remember();
    call_all_ways("max pool gradient", max_gradient, &d, 3, (void *[]){y, index, dx}, 4, NULL, !status && !wrong);
}

/* ---- CTC --------------------------------------------------------------------------------------------------*/

typedef struct ctc {
    cairn_ctc d;
    int64_t bytes;
} ctc;
static cairn_status run_ctc(const void *d, void **p) { return cairn_ctc_run(&((const ctc *)d)->d, p[0], p[1], p[2], p[3], p[4], p[5], p[6], ((const ctc *)d)->bytes); }

static void fuzz_ctc(void)
{
    ctc c = {.d = {.type = float_type(2), .steps = number(0, 7), .batch = number(0, 4), .classes = number(1, 6), .target = number(0, 4),
                   .blank = number(0, 0)}};
    const cairn_ctc *d = &c.d;
    c.bytes = query("ctc workspace", cairn_ctc_workspace_bytes(d));
    void *none[7] = {0};
    const int64_t probs = PRODUCT(MOST_ARRAY / 8, d->steps, d->batch, d->classes), targets = PRODUCT(MOST_ARRAY / 8, d->batch, d->target);
    if (c.bytes < 0)
        refused("ctc", run_ctc(&c, none));
    if (c.bytes < 0 || probs < 0 || targets < 0 || d->batch > MOST_ARRAY / 8 || c.bytes > MOST_WORKSPACE) {
        if (d->batch)
            refused("ctc", run_ctc(&c, none));
        return;
    }
    const int64_t bytes = probs * cairn_dtype_bytes(d->type);
    void *x = take(IN, bytes), *loss = take(OUT, d->batch * 8), *dx = flag() ? take(OUT, bytes) : NULL;
    int64_t *labels = take(IN, targets * 8), *steps = flag() ? take(IN, 8 * d->batch) : NULL, *lengths = flag() ? take(IN, 8 * d->batch) : NULL;
    bool valid = true;
    for (int64_t i = 0; i < d->batch; i++) {
        if (steps)
            steps[i] = number(0, d->steps);
        if (lengths)
            lengths[i] = number(0, d->target);
        const int64_t count = lengths ? lengths[i] : d->target;
        valid = valid && (!steps || (steps[i] >= 0 && steps[i] <= d->steps)) && count >= 0 && count <= d->target;
        for (int64_t k = 0; k < d->target; k++) {
            int64_t *label = &labels[i * d->target + k];
            *label = number(0, d->classes - 1);
            valid = valid && (k >= count || (*label >= 0 && *label < d->classes && *label != d->blank));
        }
    }
    roughen(x, bytes);
    remember();
    void *workspace = take(WORKSPACE, c.bytes);
    call_all_ways("ctc", run_ctc, &c, 7, (void *[]){x, labels, steps, lengths, loss, dx, workspace}, 3 << 4, NULL, valid);
    if (d->batch)
        refused("ctc", cairn_ctc_run(d, x, labels, steps, lengths, loss, dx, workspace, too_few(c.bytes)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const families[])(void) = {fuzz_softmax, fuzz_norm, fuzz_pool, fuzz_ctc};
    begin_input(data, size);
    families[next_byte() % 4]();
    release();
    return 0;
}
