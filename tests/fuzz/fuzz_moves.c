/* Descriptors of copies and of quantised numbers. */
#include "tests/fuzz/descriptor.h"
#include <cairn/dnn.h>

/* ---- Copies -----------------------------------------------------------------------------------------------*/

static cairn_status run_copy(const void *d, void **p) { return cairn_copy_run(d, p[0], p[1]); }

/* Strides of a dense array whose axes lie in some order, with room between them now and then; and now and then any. */
static void strides(const cairn_copy *d, int axes, int64_t *stride)
{
    int order[8];
    uint64_t step = 1;
    for (int i = 0; i < axes; i++) {
        const int j = next_byte() % (i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (int i = 0; i < axes; i++) {
        stride[order[i]] = number((int64_t)(step & 0xffff), (int64_t)(step & 0xffff));
        step *= (uint64_t)d->size[order[i]] + rarely();
    }
}

static void fuzz_copy(void)
{
    cairn_copy d = {.type = (cairn_dtype)choice(CAIRN_DTYPE_COUNT), .rank = choice(5)};
    const int axes = d.rank < 0 ? 0 : d.rank > 8 ? 8 : d.rank;
    for (int i = 0; i < axes; i++)
        d.size[i] = number(0, 5);
    strides(&d, axes, d.from_stride);
    strides(&d, axes, d.to_stride);
    if (axes && rarely())
        d.from_stride[0] = flag() && d.from_stride[0] != INT64_MIN ? -d.from_stride[0] : 0;
    const int64_t element = cairn_dtype_bytes(d.type), count = product_of(MOST_WORK, axes, d.size);
    int64_t before[2], in = span_of(element ? element : 1, axes, d.size, d.from_stride, &before[0]);
    int64_t out = span_of(element ? element : 1, axes, d.size, d.to_stride, &before[1]);
    if (count < 0 || in < 0 || out < 0) {
        if (count)
            refused("copy", cairn_copy_run(&d, NULL, NULL));
        return;
    }
    void *p[] = {take_at(IN, in, before[0]), take_at(OUT, out, before[1])};
    const bool same = p[0] == p[1];
    if (!same)
        call_all_ways("copy", run_copy, &d, 2, p, 2, NULL, false);
    if (d.rank != axes || !element)
        refused("copy", run_copy(&d, p));
}

/* ---- Block-scaled numbers -----------------------------------------------------------------------------------*/

static cairn_status quantize(const void *d, void **p) { return cairn_quantize(d, p[0], p[1], p[2]); }
static cairn_status dequantize(const void *d, void **p) { return cairn_dequantize(d, p[0], p[1], p[2]); }

static void fuzz_blocks(void)
{
    cairn_block_format f = {.type = (cairn_block_type)choice(4), .rows = number(0, 5), .columns = number(0, 70)};
    f.block = f.type == CAIRN_BLOCK_MXFP8_E4M3 || f.type == CAIRN_BLOCK_MXFP8_E5M2 ? number(0, 0) : number(0, 40);
    const int64_t elements = query("block elements", cairn_block_element_bytes(&f)), scales = query("block scales", cairn_block_scale_bytes(&f));
    const int64_t x_bytes = PRODUCT(MOST_ARRAY, 4, f.rows, f.columns);
    void *none[3] = {0};
    demand((elements < 0) == (scales < 0), "elements %lld, scales %lld", (long long)elements, (long long)scales);
    if (elements < 0)
        refused("quantize", quantize(&f, none)), refused("dequantize", dequantize(&f, none));
    if (elements < 0 || x_bytes < 0 || elements > MOST_ARRAY || scales > MOST_ARRAY) {
        if (elements >= 0 && f.rows && f.columns)
            refused("quantize", quantize(&f, none)), refused("dequantize", dequantize(&f, none));
        return;
    }
    void *x = take(IN, x_bytes), *e = take(OUT, elements), *s = take(OUT, scales), *back = take(OUT, x_bytes);
    roughen(x, x_bytes);
    remember();
    call_all_ways("quantize", quantize, &f, 3, (void *[]){x, e, s}, 6, NULL, false);
    roughen(e, elements);
    roughen(s, scales);
    remember();
    call_all_ways("dequantize", dequantize, &f, 3, (void *[]){e, s, back}, 4, NULL, true);
}

/* ---- Kept weights -----------------------------------------------------------------------------------------*/

typedef struct product {
    cairn_quantized_weight d;
    int64_t m, w_row, x_row, y_row, bytes;
} product;
static cairn_status pack(const void *d, void **p) { return cairn_quantized_weight_pack(d, p[0], ((const product *)d)->w_row, p[1]); }
static cairn_status unpack(const void *d, void **p) { return cairn_quantized_weight_unpack(d, p[0], p[1], ((const product *)d)->w_row); }
static cairn_status multiply(const void *d, void **p)
{
    const product *q = d;
    return cairn_quantized_matmul(&q->d, q->m, p[0], q->x_row, p[1], p[2], p[3], q->y_row, p[4], q->bytes);
}

static int64_t row_step(int64_t columns) { return columns < 0 || columns > 1000 ? any_number() : number(columns, columns + 3); }

static void fuzz_weights(void)
{
    product q = {.d = {.type = (cairn_block_type)choice(2), .n = number(0, 40), .k = number(1, 100)}, .m = number(0, 9)};
    q.d.block = rarely() ? any_number() : 32 * (next_byte() % 4);
    q.w_row = row_step(q.d.k), q.x_row = row_step(q.d.k), q.y_row = row_step(q.d.n);
    const int64_t packed = query("quantized weight", cairn_quantized_weight_bytes(&q.d));
    q.bytes = query("quantized matmul", cairn_quantized_matmul_workspace_bytes(&q.d, q.m));
    int64_t before, w = span_of(4, 2, (int64_t[]){q.d.n, q.d.k}, (int64_t[]){q.w_row, 1}, &before);
    int64_t x = span_of(4, 2, (int64_t[]){q.m, q.d.k}, (int64_t[]){q.x_row, 1}, &before);
    int64_t y = span_of(4, 2, (int64_t[]){q.m, q.d.n}, (int64_t[]){q.y_row, 1}, &before);
    void *none[5] = {0};
    if (packed < 0)
        refused("quantized weight", pack(&q, none)), refused("quantized weight", unpack(&q, none)), refused("quantized matmul", multiply(&q, none));
    if (packed < 0 || packed > MOST_ARRAY || w < 0 || x < 0 || y < 0 || q.w_row < q.d.k || q.x_row < q.d.k || q.y_row < q.d.n || q.bytes < 0 ||
        q.bytes > MOST_WORKSPACE) {
        if (packed >= 0 && q.d.n) {
            refused("quantized weight", pack(&q, none)), refused("quantized weight", unpack(&q, none));
            if (q.m)
                refused("quantized matmul", multiply(&q, none));
        }
        return;
    }
    void *from = take(IN, w), *to = take(OUT, packed), *in = take(IN, x), *bias = flag() ? take(IN, q.d.n * 4) : NULL, *out = take(OUT, y);
    void *back = take(OUT, w), *workspace = take(WORKSPACE, q.bytes);
    roughen(from, w);
    roughen(in, x);
    remember();
    call_all_ways("quantized weight", pack, &q, 2, (void *[]){from, to}, 2, NULL, false);
    roughen(to, packed);
    remember();
    call_all_ways("unpacked weight", unpack, &q, 2, (void *[]){to, back}, 2, NULL, true);
    call_all_ways("quantized matmul", multiply, &q, 5, (void *[]){in, to, bias, out, workspace}, 8, NULL, true);
    if (q.m && q.d.n) {
        q.bytes = too_few(q.bytes);
        refused("quantized matmul", multiply(&q, (void *[]){in, to, bias, out, workspace}));
    }
    union { uint32_t bits; float x; } any = {(uint32_t)any_number()};
    cairn_e4m3_to_f32(cairn_f32_to_e4m3(any.x));
    cairn_e5m2_to_f32(cairn_f32_to_e5m2(any.x));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const families[])(void) = {fuzz_copy, fuzz_blocks, fuzz_weights};
    begin_input(data, size);
    families[next_byte() % 3]();
    release();
    return 0;
}
