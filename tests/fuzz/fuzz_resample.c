/* Descriptors of resampling, samplers, affine grids and local response norm. */
#include "tests/fuzz/descriptor.h"
#include <cairn/dnn.h>

static cairn_dtype float_type(void)
{
    static const cairn_dtype types[] = {CAIRN_F32, CAIRN_F64, CAIRN_F16, CAIRN_BF16};
    const int i = choice(4);
    return i >= 0 && i < 4 ? types[i] : (cairn_dtype)i;
}

static bool is_float(cairn_dtype t) { return t == CAIRN_F32 || t == CAIRN_F64 || t == CAIRN_F16 || t == CAIRN_BF16; }
static int wide_bytes(cairn_dtype t) { return t == CAIRN_F64 ? 8 : 4; }

/* Without arrays: refused, unless there is nothing to do. */
static void call_without(const char *what, caller *call, const void *d, bool nothing)
{
    void *none[MOST_POINTERS] = {0};
    if (nothing)
        judge(what, call(d, none));
    else
        refused(what, call(d, none));
}

/* ---- Resampling -----------------------------------------------------------------------------------------------*/

static cairn_status forward(const void *d, void **p) { return cairn_resample_forward(d, p[0], p[1]); }
static cairn_status gradient(const void *d, void **p) { return cairn_resample_gradient(d, p[0], p[1]); }

static void fuzz_resample(void)
{
    const cairn_resample d = {.type = float_type(), .mode = (cairn_resample_mode)choice(3), .align_corners = flag(), .n = number(0, 3), .h = number(1, 9),
                              .w = number(1, 9), .c = number(0, 20), .oh = number(1, 12), .ow = number(1, 12)};
    const int64_t bytes = cairn_dtype_bytes(d.type), in = PRODUCT(MOST_ARRAY / 8, d.n, d.h, d.w, d.c), out = PRODUCT(MOST_ARRAY / 8, d.n, d.oh, d.ow, d.c);
    if (in < 0 || out < 0 || !d.n || !d.c || !bytes) {
        call_without("resample", forward, &d, !d.n || !d.c), call_without("resample gradient", gradient, &d, !d.n || !d.c);
        return;
    }
    void *x = take(IN, in * bytes), *y = take(OUT, out * bytes), *dx = take(OUT, in * bytes);
    roughen(x, in * bytes);
    remember();
    const bool valid = is_float(d.type) && (unsigned)d.mode <= CAIRN_BICUBIC && d.h > 0 && d.w > 0 && d.oh > 0 && d.ow > 0 &&
                       !(d.align_corners && d.mode == CAIRN_NEAREST);
    if (valid || !is_float(d.type)) {
        call_all_ways("resample", forward, &d, 2, (void *[]){x, y}, 2, NULL, valid);
        call_all_ways("resample gradient", gradient, &d, 2, (void *[]){y, dx}, 2, NULL, valid);
    }
}

/* ---- Samplers ---------------------------------------------------------------------------------------------------*/

typedef struct sampling {
    cairn_sampler d;
    int64_t bytes;
} sampling;
static cairn_status sample(const void *d, void **p) { return cairn_sampler_forward(d, p[0], p[1], p[2]); }
static cairn_status sample_gradient(const void *d, void **p)
{
    const sampling *s = d;
    return cairn_sampler_gradient(&s->d, p[0], p[1], p[2], p[3], p[4], p[5], s->bytes);
}
static cairn_status affine(const void *d, void **p) { return cairn_affine_grid_forward(d, p[0], p[1]); }
static cairn_status affine_gradient(const void *d, void **p) { return cairn_affine_grid_gradient(d, p[0], p[1]); }

static void fuzz_sampler(void)
{
    sampling s = {.d = {.type = float_type(), .mode = (cairn_resample_mode)choice(2), .padding = (cairn_sampler_padding)choice(3), .align_corners = flag(),
                        .n = number(0, 3), .h = number(1, 9), .w = number(1, 9), .c = number(0, 20), .oh = number(0, 9), .ow = number(0, 9)}};
    const cairn_sampler *d = &s.d;
    const int64_t bytes = cairn_dtype_bytes(d->type), in = PRODUCT(MOST_ARRAY / 8, d->n, d->h, d->w, d->c), out = PRODUCT(MOST_ARRAY / 8, d->n, d->oh, d->ow, d->c);
    const int64_t places = PRODUCT(MOST_ARRAY / 16, d->n, d->oh, d->ow), maps = d->n >= 0 && d->n < 1000 ? d->n * 6 : 0;
    s.bytes = query("sampler workspace", cairn_sampler_gradient_workspace_bytes(d));
    if (s.bytes < 0)
        call_without("sampler", sample, d, false), call_without("sampler gradient", sample_gradient, &s, false);
    if (s.bytes < 0 || in < 0 || out < 0 || places < 0 || s.bytes > MOST_WORKSPACE || !bytes || d->n >= 1000)
        return;
    void *x = take(IN, in * bytes), *grid = take(IN, places * 2 * wide_bytes(d->type)), *y = take(OUT, out * bytes), *dx = flag() ? take(OUT, in * bytes) : NULL;
    void *dgrid = flag() ? take(OUT, places * 2 * wide_bytes(d->type)) : NULL, *workspace = take(WORKSPACE, s.bytes);
    roughen(x, in * bytes), roughen(grid, places * 2 * wide_bytes(d->type));
    remember();
    call_all_ways("sampler", sample, d, 3, (void *[]){x, grid, y}, out ? 4 : 0, NULL, true);
    call_all_ways("sampler gradient", sample_gradient, &s, 6, (void *[]){x, grid, y, dx, dgrid, workspace}, out ? 3 << 3 : 0, NULL, true);
    if (s.bytes && dx)
        s.bytes = too_few(s.bytes), judge("sampler gradient with less workspace", sample_gradient(&s, (void *[]){x, grid, y, dx, dgrid, workspace}));
    void *theta = take(IN, maps * bytes), *dtheta = take(OUT, maps * bytes), *made = take(OUT, places * 2 * bytes);
    const bool valid = d->type == CAIRN_F32 || d->type == CAIRN_F64;
    call_all_ways("affine grid", affine, d, 2, (void *[]){theta, made}, 2, NULL, valid && maps);
    call_all_ways("affine grid gradient", affine_gradient, d, 2, (void *[]){grid, dtheta}, 2, NULL, valid && maps);
}

/* ---- Local response norm ------------------------------------------------------------------------------------------*/

static cairn_status local(const void *d, void **p) { return cairn_local_norm_forward(d, p[0], p[1], p[2]); }
static cairn_status local_gradient(const void *d, void **p) { return cairn_local_norm_gradient(d, p[0], p[1], p[2], p[3], p[4]); }

static void fuzz_local(void)
{
    const cairn_local_norm d = {.type = float_type(), .n = number(0, 4), .c = number(0, 40), .inner = number(0, 9), .size = number(1, 9), .alpha = real(),
                                .beta = real(), .k = real()};
    const int64_t bytes = cairn_dtype_bytes(d.type), elements = PRODUCT(MOST_ARRAY / 8, d.n, d.c, d.inner ? d.inner : 1);
    if (elements <= 0 || !bytes) {
        call_without("local norm", local, &d, !elements), call_without("local norm gradient", local_gradient, &d, !elements);
        return;
    }
    const bool valid = is_float(d.type) && d.size > 0 && d.size <= INT32_MAX;
    if (d.size > 0 && PRODUCT(MOST_WORK, elements, d.size < d.c ? d.size : d.c) < 0)
        return;
    void *x = take(IN, elements * bytes), *y = take(OUT, elements * bytes), *scale = take(OUT, elements * wide_bytes(d.type)), *dx = take(OUT, elements * bytes);
    void *dy = take(IN, elements * bytes);
    roughen(x, elements * bytes);
    remember();
    call_all_ways("local norm", local, &d, 3, (void *[]){x, y, scale}, 6, NULL, valid);
    call_all_ways("local norm gradient", local_gradient, &d, 5, (void *[]){x, y, scale, dy, dx}, 1 << 4, NULL, valid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const families[])(void) = {fuzz_resample, fuzz_sampler, fuzz_local};
    begin_input(data, size);
    families[next_byte() % 3]();
    release();
    return 0;
}
