/* Descriptors of matrix products: one, a batch, a group, and B packed. */
#include "tests/fuzz/descriptor.h"
#include <cairn/dnn.h>

static bool is_byte(cairn_dtype t) { return t == CAIRN_I8 || t == CAIRN_U8; }

/* The strides of rows x columns elements: by rows, by columns, with room between them, or any. */
static void matrix_strides(int64_t rows, int64_t columns, int64_t *row, int64_t *column)
{
    const bool turned = flag();
    const int64_t line = turned ? rows : columns, step = line < 0 || line > 4096 ? 1 : line + 3 * rarely();
    *(turned ? column : row) = number(step, step);
    *(turned ? row : column) = number(1, 1);
    if (rarely())
        *row = 0;
}

static cairn_gemm decode(void)
{
    static const cairn_dtype types[] = {CAIRN_F32, CAIRN_F64, CAIRN_BF16, CAIRN_F16, CAIRN_I8, CAIRN_U8};
    const int type = choice(6);
    cairn_gemm g = {.type = type >= 0 && type < 6 ? types[type] : (cairn_dtype)type, .batch = number(0, 3), .m = number(0, 20), .n = number(0, 40),
                    .k = number(0, 40), .alpha = 1, .beta = flag()};
    if (is_byte(g.type))
        g.b_type = flag() ? 0 : flag() ? CAIRN_I8 : CAIRN_U8;
    if (rarely())
        g.b_type = (cairn_dtype)any_number();
    if (rarely())
        g.c_type = (cairn_dtype)choice(CAIRN_DTYPE_COUNT);
    if (rarely())
        g.alpha = real(), g.beta = real();
    matrix_strides(g.m, g.k, &g.a_row, &g.a_col);
    matrix_strides(g.k, g.n, &g.b_row, &g.b_col);
    g.c_row = g.n < 0 || g.n > 4096 ? any_number() : number(g.n, g.n + 2);
    g.a_batch = flag() ? number(0, 0) : number(1000, 1000), g.b_batch = flag() ? number(0, 0) : number(1700, 1700);
    g.c_batch = (uint64_t)g.m < 100 && (uint64_t)g.c_row < 100 ? number(g.m * g.c_row, g.m * g.c_row + 1) : any_number();
    return g;
}


static cairn_dtype c_type(const cairn_gemm *g) { return g->c_type ? g->c_type : is_byte(g->type) ? CAIRN_I32 : g->type; }
static int64_t count(const cairn_gemm *g) { return g->batch ? g->batch : 1; }

/* What is fused, in arrays of C's type. */
static void *maybe(int64_t bytes) { return rarely() ? take(IN, bytes) : NULL; }

static void fuse(cairn_gemm *g, int64_t c_bytes, int64_t element)
{
    if (flag())
        return;
    g->fused.activation = (cairn_fused_activation)choice(CAIRN_FUSED_ACTIVATIONS);
    g->fused.slope = real();
    g->fused.bias = maybe(g->n * element);
    g->fused.scale = maybe(g->n * element);
    g->row_bias = maybe(g->m * element);
    g->row_scale = maybe(g->m * 4);
    g->column_scale = maybe(g->n * 4);
    g->fused.residual = maybe(c_bytes);
    if (rarely()) {
        g->gradient = flag();
        g->saved = rarely() ? NULL : take(g->gradient ? IN : OUT, c_bytes);
    }
    /* Of other strides than C's memory has room for only where there is nothing to read. */
    if (!g->fused.residual && !g->saved && rarely())
        g->residual_row = any_number(), g->saved_batch = any_number();
}

static int64_t span(int64_t element, const cairn_gemm *g, int64_t batch, int64_t rows, int64_t row, int64_t columns, int64_t column, int64_t *before)
{
    return span_of(element, 3, (int64_t[]){count(g), rows, columns}, (int64_t[]){batch, row, column}, before);
}

/* Gives the product its arrays; false when they would be too large. */
static bool arm(cairn_gemm *g)
{
    const int64_t a_bytes = cairn_dtype_bytes(g->type), b_bytes = cairn_dtype_bytes(g->b_type ? g->b_type : g->type), c_bytes = cairn_dtype_bytes(c_type(g));
    int64_t before[3], a = span(a_bytes, g, g->a_batch, g->m, g->a_row, g->k, g->a_col, &before[0]);
    int64_t b = span(b_bytes, g, g->b_batch, g->k, g->b_row, g->n, g->b_col, &before[1]);
    int64_t c = span(c_bytes, g, g->c_batch, g->m, g->c_row, g->n, 1, &before[2]);
    if (a < 0 || b < 0 || c < 0 || PRODUCT(MOST_WORK, count(g), g->m, g->n) < 0 || PRODUCT(MOST_WORK, count(g), g->m, g->n, g->k) < 0 || g->m > 4096 ||
        g->n > 4096 || g->k > 4096 || !a_bytes || !b_bytes || !c_bytes)
        return false;
    g->a = take_at(IN, a, before[0]);
    g->b = take_at(IN, b, before[1]);
    g->c = take_at(OUT, c, before[2]);
    roughen((char *)g->a - before[0], a);
    if (before[2] == 0)
        fuse(g, c, c_bytes);
    remember();
    return true;
}

static void fuzz_aliases(cairn_gemm g, void *workspace, int64_t bytes)
{
    if (!g.m || !g.n || !g.k)
        return;
    const void *in[] = {g.a, g.b, g.fused.residual, g.fused.bias, g.saved, g.fused.scale, g.row_bias, g.row_scale, g.column_scale};
    const void *other = in[next_byte() % 9];
    if (!other)
        return;
    g.c = (void *)other;
    refused("gemm over an operand", cairn_gemm_run(&g, workspace, bytes));
}

static void fuzz_lists(cairn_gemm g, void *workspace, int64_t bytes)
{
    const void *a[8], *b[8];
    void *c[8];
    if (g.batch < 2 || g.batch > 8)
        return;
    for (int i = 0; i < g.batch; i++) {
        a[i] = g.a, b[i] = g.b;
        c[i] = (char *)g.c + i * g.c_batch * cairn_dtype_bytes(c_type(&g));
    }
    g.a_list = a, g.b_list = b, g.c_list = c;
    g.a = g.b = NULL, g.c = NULL;
    accepted("gemm of lists", cairn_gemm_run(&g, workspace, bytes));
    b[next_byte() % g.batch] = NULL;
    if (g.m && g.n && g.k)
        refused("gemm of lists", cairn_gemm_run(&g, workspace, bytes));
}

static void fuzz_packed(cairn_gemm g, bool armed)
{
    const int64_t packed_bytes = query("gemm pack", cairn_gemm_pack_bytes(&g));
    refused("gemm pack", cairn_gemm_pack(&g, NULL));
    if (packed_bytes < 0 || !armed || packed_bytes > MOST_WORKSPACE)
        return;
    void *packed;
    demand(!posix_memalign(&packed, 64, (size_t)packed_bytes), "out of memory");
    accepted("gemm pack", cairn_gemm_pack(&g, packed));
    g.packed_b = packed;
    g.b = NULL;
    const int64_t bytes = query("gemm workspace", cairn_gemm_workspace_bytes(&g));
    demand(bytes >= 0, "a packed B has no workspace: %s", last_message);
    void *workspace = take(WORKSPACE, bytes);
    accepted("gemm of packed B", cairn_gemm_run(&g, workspace, bytes));
    g.n++;
    if (g.m && g.k)
        refused("gemm of another B", cairn_gemm_run(&g, workspace, bytes));
    free(packed);
}

static void fuzz_one(void)
{
    cairn_gemm g = decode();
    const bool armed = arm(&g);
    const int64_t bytes = query("gemm workspace", cairn_gemm_workspace_bytes(&g));
    if (bytes < 0)
        refused("gemm", cairn_gemm_run(&g, NULL, 0));
    else if (!armed && g.m && g.n)
        refused("gemm without arrays", cairn_gemm_run(&g, NULL, 0));
    const bool good = bytes >= 0 && bytes <= MOST_WORKSPACE && armed;
    if (good) {
        void *workspace = take(WORKSPACE, bytes);
        accepted("gemm", cairn_gemm_run(&g, workspace, bytes));
        if (bytes)
            judge("gemm with less workspace", cairn_gemm_run(&g, workspace, too_few(bytes)));
        fuzz_aliases(g, workspace, bytes);
        fuzz_lists(g, workspace, bytes);
    }
    fuzz_packed(g, good);
}

static void fuzz_group(void)
{
    cairn_gemm g[4];
    const int64_t n = choice(4);
    bool armed = n >= 0 && n <= 4;
    for (int i = 0; i < 4; i++) {
        g[i] = decode();
        armed = armed && (i >= n || arm(&g[i]));
    }
    const int64_t bytes = n > 4 ? -1 : query("gemm group workspace", cairn_gemm_group_workspace_bytes(g, n));
    judge("gemm group of nothing", cairn_gemm_group_run(NULL, n, NULL, 0));
    if (bytes < 0 && n <= 4)
        refused("gemm group", cairn_gemm_group_run(g, n, NULL, 0));
    if (bytes < 0 || bytes > MOST_WORKSPACE || !armed)
        return;
    void *workspace = take(WORKSPACE, bytes);
    accepted("gemm group", cairn_gemm_group_run(g, n, workspace, bytes));
    if (bytes)
        judge("gemm group with less workspace", cairn_gemm_group_run(g, n, workspace, too_few(bytes)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin_input(data, size);
    cairn_set_matmul_precision(CAIRN_PRECISION_HIGHEST);
    judge("precision", cairn_set_matmul_precision((cairn_precision)choice(3)));
    const int which = next_byte() % 4;
    if (which == 3)
        fuzz_group();
    else
        fuzz_one();
    release();
    return 0;
}
