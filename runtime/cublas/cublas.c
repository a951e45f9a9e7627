/* cuBLAS over Cairn's BLAS: arguments are checked, the stream is waited for, and the work is done by the caller. */
#include "runtime/exec/half.h"
#include <cairn/blas.h>
#include <cairn/dnn/matmul.h>
#include <cuda/cublas_v2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define API __attribute__((visibility("default")))

struct cublasContext {
    cudaStream_t stream;
    cublasPointerMode_t pointers;
    cublasMath_t math;
};

API cublasStatus_t cublasCreate_v2(cublasHandle_t *handle)
{
    int device;
    if (!handle)
        return CUBLAS_STATUS_INVALID_VALUE;
    if (cudaGetDevice(&device) != cudaSuccess)
        return CUBLAS_STATUS_NOT_INITIALIZED;
    *handle = calloc(1, sizeof **handle);
    return *handle ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_ALLOC_FAILED;
}

API cublasStatus_t cublasDestroy_v2(cublasHandle_t handle)
{
    if (!handle)
        return CUBLAS_STATUS_NOT_INITIALIZED;
    free(handle);
    return CUBLAS_STATUS_SUCCESS;
}

/* X(name, type, field): a property that is set and given back */
#define PROPERTIES(X) \
    X(Stream_v2, cudaStream_t, stream) X(PointerMode_v2, cublasPointerMode_t, pointers) X(MathMode, cublasMath_t, math)
#define X(name, type, field)                                                                          \
    API cublasStatus_t cublasSet##name(cublasHandle_t h, type value)                                  \
    {                                                                                                 \
        if (!h)                                                                                       \
            return CUBLAS_STATUS_NOT_INITIALIZED;                                                     \
        h->field = value;                                                                             \
        return CUBLAS_STATUS_SUCCESS;                                                                 \
    }                                                                                                 \
    API cublasStatus_t cublasGet##name(cublasHandle_t h, type *value)                                 \
    {                                                                                                 \
        if (!h || !value)                                                                             \
            return h ? CUBLAS_STATUS_INVALID_VALUE : CUBLAS_STATUS_NOT_INITIALIZED;                   \
        *value = h->field;                                                                            \
        return CUBLAS_STATUS_SUCCESS;                                                                 \
    }
PROPERTIES(X)
#undef X

API cublasStatus_t cublasGetVersion_v2(cublasHandle_t handle, int *version)
{
    (void)handle;
    if (!version)
        return CUBLAS_STATUS_INVALID_VALUE;
    *version = CUBLAS_VERSION;
    return CUBLAS_STATUS_SUCCESS;
}

/* BLAS has its own memory. */
API cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void *workspace, size_t bytes)
{
    (void)workspace, (void)bytes;
    return handle ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_INITIALIZED;
}

static const struct { cublasStatus_t code; const char *name, *text; } statuses[] = {
#define STATUS(name, text) {CUBLAS_STATUS_##name, "CUBLAS_STATUS_" #name, text}
    STATUS(SUCCESS, "success"), STATUS(NOT_INITIALIZED, "the library was not initialized"),
    STATUS(ALLOC_FAILED, "the resource allocation failed"), STATUS(INVALID_VALUE, "an unsupported value or parameter was passed"),
    STATUS(EXECUTION_FAILED, "the GPU program failed to execute"), STATUS(NOT_SUPPORTED, "the functionality is not supported"),
};

API const char *cublasGetStatusName(cublasStatus_t status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].code == status)
            return statuses[i].name;
    return "unknown status";
}

API const char *cublasGetStatusString(cublasStatus_t status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
        if (statuses[i].code == status)
            return statuses[i].text;
    return "unknown status";
}

/* ---- Vectors and matrices between host and device ------------------------------------------------ */
static cublasStatus_t move(size_t element, int rows, int columns, const char *a, size_t lda, char *b, size_t ldb)
{
    if (rows < 0 || columns < 0 || !element || lda < 1 || ldb < 1)
        return CUBLAS_STATUS_INVALID_VALUE;
    if (!rows || !columns)
        return CUBLAS_STATUS_SUCCESS;
    cudaError_t error = cudaMemcpy2D(b, ldb * element, a, lda * element, (size_t)rows * element, (size_t)columns, cudaMemcpyDefault);
    return error ? CUBLAS_STATUS_MAPPING_ERROR : CUBLAS_STATUS_SUCCESS;
}

API cublasStatus_t cublasSetMatrix(int rows, int columns, int element, const void *a, int lda, void *b, int ldb)
{
    return move((size_t)element, rows, columns, a, (size_t)lda, b, (size_t)ldb);
}

API cublasStatus_t cublasGetMatrix(int rows, int columns, int element, const void *a, int lda, void *b, int ldb)
{
    return move((size_t)element, rows, columns, a, (size_t)lda, b, (size_t)ldb);
}

API cublasStatus_t cublasSetVector(int n, int element, const void *x, int incx, void *y, int incy)
{
    return move((size_t)element, n > 0, n, x, (size_t)incx, y, (size_t)incy);
}

API cublasStatus_t cublasGetVector(int n, int element, const void *x, int incx, void *y, int incy)
{
    return move((size_t)element, n > 0, n, x, (size_t)incx, y, (size_t)incy);
}

/* ---- What every call does first ------------------------------------------------------------------ */
static cublasStatus_t ready(cublasHandle_t h, bool good)
{
    if (!h)
        return CUBLAS_STATUS_NOT_INITIALIZED;
    if (!good)
        return CUBLAS_STATUS_INVALID_VALUE;
    return cudaStreamSynchronize(h->stream) ? CUBLAS_STATUS_EXECUTION_FAILED : CUBLAS_STATUS_SUCCESS;
}
/* `CALL(condition on the arguments, work)` */
#define CALL(good, work)                              \
    do {                                              \
        cublasStatus_t status_ = ready(h, good);      \
        if (!status_)                                 \
            work;                                     \
        return status_;                               \
    } while (0)

static CBLAS_TRANSPOSE operation(cublasOperation_t op)
{
    return op == CUBLAS_OP_N ? CblasNoTrans : op == CUBLAS_OP_T ? CblasTrans : CblasConjTrans;
}
static CBLAS_UPLO triangle(cublasFillMode_t fill) { return fill == CUBLAS_FILL_MODE_LOWER ? CblasLower : CblasUpper; }
static int most(int a, int b) { return a > b ? a : b; }
static bool fits(int rows, int columns, int ld) { return rows >= 0 && columns >= 0 && ld >= most(1, rows); }
static bool fits_product(cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k, int lda, int ldb, int ldc)
{
    return fits(opa ? k : m, opa ? m : k, lda) && fits(opb ? n : k, opb ? k : n, ldb) && fits(m, n, ldc);
}

/* Scalars are passed by value to the real functions, by address to the complex ones. */
#define VALUE_S(x) (*(x))
#define VALUE_D(x) (*(x))
#define VALUE_C(x) (x)
#define VALUE_Z(x) (x)

#define X(P, T, p)                                                                                    \
    API cublasStatus_t cublas##P##axpy_v2(cublasHandle_t h, int n, const T *alpha, const T *x, int incx, T *y, int incy) \
    {                                                                                                 \
        CALL(alpha && (n <= 0 || (x && y)), cblas_##p##axpy(n, VALUE_##P(alpha), x, incx, y, incy));  \
    }                                                                                                 \
    API cublasStatus_t cublas##P##scal_v2(cublasHandle_t h, int n, const T *alpha, T *x, int incx)    \
    {                                                                                                 \
        CALL(alpha && (n <= 0 || x), cblas_##p##scal(n, VALUE_##P(alpha), x, incx));                  \
    }                                                                                                 \
    API cublasStatus_t cublas##P##copy_v2(cublasHandle_t h, int n, const T *x, int incx, T *y, int incy) \
    {                                                                                                 \
        CALL(n <= 0 || (x && y), cblas_##p##copy(n, x, incx, y, incy));                               \
    }                                                                                                 \
    API cublasStatus_t cublas##P##swap_v2(cublasHandle_t h, int n, T *x, int incx, T *y, int incy)    \
    {                                                                                                 \
        CALL(n <= 0 || (x && y), cblas_##p##swap(n, x, incx, y, incy));                               \
    }                                                                                                 \
    API cublasStatus_t cublas##P##gemv_v2(cublasHandle_t h, cublasOperation_t op, int m, int n, const T *alpha, const T *a, int lda, \
                                          const T *x, int incx, const T *beta, T *y, int incy)        \
    {                                                                                                 \
        CALL(alpha && beta && fits(m, n, lda) && incx && incy,                                        \
             cblas_##p##gemv(CblasColMajor, operation(op), m, n, VALUE_##P(alpha), a, lda, x, incx, VALUE_##P(beta), y, incy)); \
    }                                                                                                 \
    API cublasStatus_t cublas##P##gemm_v2(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k, \
                                          const T *alpha, const T *a, int lda, const T *b, int ldb, const T *beta, T *c, int ldc) \
    {                                                                                                 \
        CALL(alpha && beta && fits_product(opa, opb, m, n, k, lda, ldb, ldc),                         \
             cblas_##p##gemm(CblasColMajor, operation(opa), operation(opb), m, n, k, VALUE_##P(alpha), a, lda, b, ldb, \
                             VALUE_##P(beta), c, ldc));                                               \
    }                                                                                                 \
    API cublasStatus_t cublas##P##gemmBatched(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k, \
                                              const T *alpha, const T *const a[], int lda, const T *const b[], int ldb, \
                                              const T *beta, T *const c[], int ldc, int count)        \
    {                                                                                                 \
        cublasStatus_t status = ready(h, count >= 0);                                                 \
        for (int i = 0; i < count && !status; i++)                                                    \
            status = cublas##P##gemm_v2(h, opa, opb, m, n, k, alpha, a[i], lda, b[i], ldb, beta, c[i], ldc); \
        return status;                                                                                \
    }                                                                                                 \
    API cublasStatus_t cublas##P##gemmStridedBatched(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, \
                                                     int k, const T *alpha, const T *a, int lda, long long stride_a, const T *b, \
                                                     int ldb, long long stride_b, const T *beta, T *c, int ldc, \
                                                     long long stride_c, int count)                   \
    {                                                                                                 \
        cublasStatus_t status = ready(h, count >= 0);                                                 \
        for (int i = 0; i < count && !status; i++)                                                    \
            status = cublas##P##gemm_v2(h, opa, opb, m, n, k, alpha, a + i * stride_a, lda, b + i * stride_b, ldb, beta, \
                                        c + i * stride_c, ldc);                                       \
        return status;                                                                                \
    }                                                                                                 \
    API cublasStatus_t cublas##P##trsm_v2(cublasHandle_t h, cublasSideMode_t side, cublasFillMode_t fill, cublasOperation_t op, \
                                          cublasDiagType_t diag, int m, int n, const T *alpha, const T *a, int lda, T *b, int ldb) \
    {                                                                                                 \
        int order = side == CUBLAS_SIDE_LEFT ? m : n;                                                 \
        CALL(alpha && fits(m, n, ldb) && fits(order, order, lda),                                     \
             cblas_##p##trsm(CblasColMajor, side == CUBLAS_SIDE_LEFT ? CblasLeft : CblasRight, triangle(fill), operation(op), \
                             diag == CUBLAS_DIAG_UNIT ? CblasUnit : CblasNonUnit, m, n, VALUE_##P(alpha), a, lda, b, ldb)); \
    }
CAIRN_CUBLAS_ALL(X)
#undef X

#define X(P, T, p)                                                                                    \
    API cublasStatus_t cublas##P##dot_v2(cublasHandle_t h, int n, const T *x, int incx, const T *y, int incy, T *result) \
    {                                                                                                 \
        CALL(result, *result = cblas_##p##dot(n, x, incx, y, incy));                                  \
    }                                                                                                 \
    API cublasStatus_t cublas##P##nrm2_v2(cublasHandle_t h, int n, const T *x, int incx, T *result)   \
    {                                                                                                 \
        CALL(result, *result = cblas_##p##nrm2(n, x, incx));                                          \
    }                                                                                                 \
    API cublasStatus_t cublas##P##asum_v2(cublasHandle_t h, int n, const T *x, int incx, T *result)   \
    {                                                                                                 \
        CALL(result, *result = cblas_##p##asum(n, x, incx));                                          \
    }                                                                                                 \
    API cublasStatus_t cublas##P##ger_v2(cublasHandle_t h, int m, int n, const T *alpha, const T *x, int incx, const T *y, int incy, \
                                         T *a, int lda)                                               \
    {                                                                                                 \
        CALL(alpha && fits(m, n, lda) && incx && incy, cblas_##p##ger(CblasColMajor, m, n, *alpha, x, incx, y, incy, a, lda)); \
    }                                                                                                 \
    API cublasStatus_t cublas##P##syrk_v2(cublasHandle_t h, cublasFillMode_t fill, cublasOperation_t op, int n, int k, const T *alpha, \
                                          const T *a, int lda, const T *beta, T *c, int ldc)          \
    {                                                                                                 \
        CALL(alpha && beta && fits(n, n, ldc) && fits(op ? k : n, op ? n : k, lda),                   \
             cblas_##p##syrk(CblasColMajor, triangle(fill), operation(op), n, k, *alpha, a, lda, *beta, c, ldc)); \
    }
CAIRN_CUBLAS_REAL(X)
#undef X

#define X(P, T, p)                                                                                    \
    API cublasStatus_t cublasI##p##amax_v2(cublasHandle_t h, int n, const T *x, int incx, int *result) \
    {                                                                                                 \
        CALL(result, *result = n > 0 && incx > 0 ? (int)cblas_i##p##amax(n, x, incx) + 1 : 0);        \
    }                                                                                                 \
    static int p##least(int n, const T *x, int incx)                                                  \
    {                                                                                                 \
        int best = 0;                                                                                 \
        for (int i = 1; i < n; i++)                                                                   \
            if ((x[(long)i * incx] < 0 ? -x[(long)i * incx] : x[(long)i * incx]) <                    \
                (x[(long)best * incx] < 0 ? -x[(long)best * incx] : x[(long)best * incx]))            \
                best = i;                                                                             \
        return best;                                                                                  \
    }                                                                                                 \
    API cublasStatus_t cublasI##p##amin_v2(cublasHandle_t h, int n, const T *x, int incx, int *result) \
    {                                                                                                 \
        CALL(result, *result = n > 0 && incx > 0 ? p##least(n, x, incx) + 1 : 0);                     \
    }
CAIRN_CUBLAS_REAL(X)
#undef X

/* ---- Products of any types ----------------------------------------------------------------------- */
/* What compute types name, too, is the type of alpha and beta. Sums of halves are kept in f32. */
static int scalar_type(cublasComputeType_t compute)
{
    switch (compute) {
    case CUBLAS_COMPUTE_16F: case CUBLAS_COMPUTE_16F_PEDANTIC: return CUDA_R_16F;
    case CUBLAS_COMPUTE_32F: case CUBLAS_COMPUTE_32F_PEDANTIC: case CUBLAS_COMPUTE_32F_FAST_16F: case CUBLAS_COMPUTE_32F_FAST_16BF:
    case CUBLAS_COMPUTE_32F_FAST_TF32: return CUDA_R_32F;
    case CUBLAS_COMPUTE_64F: case CUBLAS_COMPUTE_64F_PEDANTIC: return CUDA_R_64F;
    case CUBLAS_COMPUTE_32I: case CUBLAS_COMPUTE_32I_PEDANTIC: return CUDA_R_32I;
    }
    return -1;
}

/* A and B, C, alpha and beta; as Cairn names them. */
static const struct { cudaDataType in, out, scalars; cairn_dtype type, c_type; } products[] = {
    {CUDA_R_16F, CUDA_R_16F, CUDA_R_16F, CAIRN_F16, CAIRN_F16}, {CUDA_R_16F, CUDA_R_16F, CUDA_R_32F, CAIRN_F16, CAIRN_F16},
    {CUDA_R_16F, CUDA_R_32F, CUDA_R_32F, CAIRN_F16, CAIRN_F32}, {CUDA_R_16BF, CUDA_R_16BF, CUDA_R_32F, CAIRN_BF16, CAIRN_BF16},
    {CUDA_R_16BF, CUDA_R_32F, CUDA_R_32F, CAIRN_BF16, CAIRN_F32}, {CUDA_R_32F, CUDA_R_32F, CUDA_R_32F, CAIRN_F32, CAIRN_F32},
    {CUDA_R_64F, CUDA_R_64F, CUDA_R_64F, CAIRN_F64, CAIRN_F64}, {CUDA_R_8I, CUDA_R_32F, CUDA_R_32F, CAIRN_I8, CAIRN_F32},
    {CUDA_R_8I, CUDA_R_32I, CUDA_R_32I, CAIRN_I8, CAIRN_I32}};

static double scalar(const void *x, int type)
{
    switch (type) {
    case CUDA_R_16F: return half_to_float(*(const uint16_t *)x);
    case CUDA_R_64F: return *(const double *)x;
    case CUDA_R_32I: return *(const int32_t *)x;
    default: return *(const float *)x;
    }
}

static bool set_types(cairn_gemm *g, cudaDataType a, cudaDataType b, cudaDataType c, int scalars)
{
    for (size_t i = 0; i < sizeof products / sizeof *products; i++)
        if (a == products[i].in && b == a && c == products[i].out && scalars == (int)products[i].scalars) {
            g->type = products[i].type;
            g->c_type = products[i].c_type;
            return true;
        }
    return false;
}

/* Column by column, C is the transpose of what Cairn computes row by row: C' = op(B)' op(A)'. */
static cairn_gemm transposed(cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k, int lda, int ldb, int ldc, int count)
{
    return (cairn_gemm){.batch = count, .m = n, .n = m, .k = k, .a_row = opb ? 1 : ldb, .a_col = opb ? ldb : 1,
                        .b_row = opa ? 1 : lda, .b_col = opa ? lda : 1, .c_row = ldc};
}

/* alpha and beta that integers cannot be scaled by are refused. */
static cublasStatus_t set_scalars(cairn_gemm *g, const void *alpha, const void *beta, int type)
{
    g->alpha = scalar(alpha, type);
    g->beta = scalar(beta, type);
    bool scales = g->alpha != 1 || (g->beta != 0 && g->beta != 1);
    return type == CUDA_R_32I && scales ? CUBLAS_STATUS_NOT_SUPPORTED : CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t run_product(const cairn_gemm *g)
{
    if (!g->m || !g->n || !g->batch)
        return CUBLAS_STATUS_SUCCESS;
    int64_t bytes = cairn_gemm_workspace_bytes(g);
    void *workspace = bytes ? aligned_alloc(64, (size_t)(bytes + 63) / 64 * 64) : NULL;
    if (bytes && !workspace)
        return CUBLAS_STATUS_ALLOC_FAILED;
    cairn_status status = cairn_gemm_run(g, workspace, bytes);
    free(workspace);
    return status ? CUBLAS_STATUS_EXECUTION_FAILED : CUBLAS_STATUS_SUCCESS;
}

/* The matrices are set already; the arguments are good or not. */
static cublasStatus_t multiply(cublasHandle_t h, bool good, cairn_gemm *g, cudaDataType a, cudaDataType b, cudaDataType c,
                               cublasComputeType_t compute, const void *alpha, const void *beta)
{
    if (h && !set_types(g, a, b, c, scalar_type(compute)))
        return CUBLAS_STATUS_NOT_SUPPORTED;
    cublasStatus_t status = ready(h, good && alpha && beta);
    if (!status)
        status = set_scalars(g, alpha, beta, scalar_type(compute));
    return status ? status : run_product(g);
}

API cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k,
                                              const void *alpha, const void *a, cudaDataType type_a, int lda, long long stride_a,
                                              const void *b, cudaDataType type_b, int ldb, long long stride_b, const void *beta,
                                              void *c, cudaDataType type_c, int ldc, long long stride_c, int count,
                                              cublasComputeType_t compute, cublasGemmAlgo_t algorithm)
{
    (void)algorithm;
    cairn_gemm g = transposed(opa, opb, m, n, k, lda, ldb, ldc, count);
    g.a = b;
    g.b = a;
    g.c = c;
    g.a_batch = stride_b;
    g.b_batch = stride_a;
    g.c_batch = stride_c;
    bool good = count >= 0 && fits_product(opa, opb, m, n, k, lda, ldb, ldc) && (!m || !n || (c && (!k || (a && b))));
    return multiply(h, good, &g, type_a, type_b, type_c, compute, alpha, beta);
}

API cublasStatus_t cublasGemmEx(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k, const void *alpha,
                                const void *a, cudaDataType type_a, int lda, const void *b, cudaDataType type_b, int ldb,
                                const void *beta, void *c, cudaDataType type_c, int ldc, cublasComputeType_t compute,
                                cublasGemmAlgo_t algorithm)
{
    return cublasGemmStridedBatchedEx(h, opa, opb, m, n, k, alpha, a, type_a, lda, 0, b, type_b, ldb, 0, beta, c, type_c, ldc, 0, 1,
                                      compute, algorithm);
}

API cublasStatus_t cublasGemmBatchedEx(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k,
                                       const void *alpha, const void *const a[], cudaDataType type_a, int lda, const void *const b[],
                                       cudaDataType type_b, int ldb, const void *beta, void *const c[], cudaDataType type_c, int ldc,
                                       int count, cublasComputeType_t compute, cublasGemmAlgo_t algorithm)
{
    (void)algorithm;
    cairn_gemm g = transposed(opa, opb, m, n, k, lda, ldb, ldc, count);
    g.a_list = b;
    g.b_list = a;
    g.c_list = c;
    bool good = count >= 0 && fits_product(opa, opb, m, n, k, lda, ldb, ldc) && (!count || (a && b && c));
    return multiply(h, good, &g, type_a, type_b, type_c, compute, alpha, beta);
}

API cublasStatus_t cublasSgemmEx(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k, const float *alpha,
                                 const void *a, cudaDataType type_a, int lda, const void *b, cudaDataType type_b, int ldb,
                                 const float *beta, void *c, cudaDataType type_c, int ldc)
{
    return cublasGemmEx(h, opa, opb, m, n, k, alpha, a, type_a, lda, b, type_b, ldb, beta, c, type_c, ldc, CUBLAS_COMPUTE_32F,
                        CUBLAS_GEMM_DEFAULT);
}

#define HALVES CUDA_R_16F
API cublasStatus_t cublasHgemm(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k,
                               const struct __half *alpha, const struct __half *a, int lda, const struct __half *b, int ldb,
                               const struct __half *beta, struct __half *c, int ldc)
{
    return cublasGemmEx(h, opa, opb, m, n, k, alpha, a, HALVES, lda, b, HALVES, ldb, beta, c, HALVES, ldc, CUBLAS_COMPUTE_16F,
                        CUBLAS_GEMM_DEFAULT);
}

API cublasStatus_t cublasHgemmStridedBatched(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k,
                                             const struct __half *alpha, const struct __half *a, int lda, long long stride_a,
                                             const struct __half *b, int ldb, long long stride_b, const struct __half *beta,
                                             struct __half *c, int ldc, long long stride_c, int count)
{
    return cublasGemmStridedBatchedEx(h, opa, opb, m, n, k, alpha, a, HALVES, lda, stride_a, b, HALVES, ldb, stride_b, beta, c, HALVES,
                                      ldc, stride_c, count, CUBLAS_COMPUTE_16F, CUBLAS_GEMM_DEFAULT);
}

API cublasStatus_t cublasHgemmBatched(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k,
                                      const struct __half *alpha, const struct __half *const a[], int lda,
                                      const struct __half *const b[], int ldb, const struct __half *beta, struct __half *const c[],
                                      int ldc, int count)
{
    return cublasGemmBatchedEx(h, opa, opb, m, n, k, alpha, (const void *const *)a, HALVES, lda, (const void *const *)b, HALVES, ldb,
                               beta, (void *const *)c, HALVES, ldc, count, CUBLAS_COMPUTE_16F, CUBLAS_GEMM_DEFAULT);
}

/* ---- Sums of matrices ---------------------------------------------------------------------------- */
#define CONJUGATE_s(x) (x)
#define CONJUGATE_d(x) (x)
#define CONJUGATE_c(x) __builtin_conjf(x)
#define CONJUGATE_z(x) __builtin_conj(x)

/* T: the header's type; N: C's of the same layout. A factor of 0 leaves its matrix unread. */
#define X(P, T, p, N)                                                                                 \
    static N p##element(cublasOperation_t op, const N *a, int64_t ld, int row, int column)            \
    {                                                                                                 \
        N x = op == CUBLAS_OP_N ? a[row + column * ld] : a[column + row * ld];                        \
        return op == CUBLAS_OP_C ? CONJUGATE_##p(x) : x;                                              \
    }                                                                                                 \
    static void p##add(cublasOperation_t opa, cublasOperation_t opb, int m, int n, N alpha, const N *a, int64_t lda, N beta, \
                       const N *b, int64_t ldb, N *c, int64_t ldc)                                    \
    {                                                                                                 \
        for (int j = 0; j < n; j++)                                                                   \
            for (int i = 0; i < m; i++)                                                               \
                c[i + j * ldc] = (alpha != 0 ? alpha * p##element(opa, a, lda, i, j) : 0) +           \
                                 (beta != 0 ? beta * p##element(opb, b, ldb, i, j) : 0);              \
    }                                                                                                 \
    API cublasStatus_t cublas##P##geam(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, const T *alpha, \
                                       const T *a, int lda, const T *beta, const T *b, int ldb, T *c, int ldc) \
    {                                                                                                 \
        bool good = alpha && beta && c && fits(opa ? n : m, opa ? m : n, lda) && fits(opb ? n : m, opb ? m : n, ldb) && fits(m, n, ldc); \
        good = good && (c != a || (opa == CUBLAS_OP_N && lda == ldc)) && (c != b || (opb == CUBLAS_OP_N && ldb == ldc)); \
        CALL(good, p##add(opa, opb, m, n, *(const N *)alpha, (const N *)a, lda, *(const N *)beta, (const N *)b, ldb, (N *)c, ldc)); \
    }
X(S, float, s, float) X(D, double, d, double) X(C, cuComplex, c, float _Complex) X(Z, cuDoubleComplex, z, double _Complex)
#undef X

/* ---- Many small systems: P A = L U ---------------------------------------------------------------- */
/* Column by column, as LAPACK's getf2. `pivots` counts from 1; NULL: rows stay where they are. Gives the first k, from 1, of which
 * U(k,k) is 0, else 0. `p##solve` applies the inverse of op(A) to b (n, count). */
#define X(P, T, p)                                                                                    \
    static int p##factor(int n, T *a, int lda, int *pivots)                                           \
    {                                                                                                 \
        int singular = 0;                                                                             \
        for (int k = 0; k < n; k++) {                                                                 \
            T *row = a + k, *at = row + (int64_t)k * lda;                                             \
            int below = n - k - 1, down = pivots ? (int)cblas_i##p##amax(below + 1, at, 1) : 0;       \
            if (pivots)                                                                               \
                pivots[k] = k + down + 1;                                                             \
            if (down)                                                                                 \
                cblas_##p##swap(n, row, lda, row + down, lda);                                        \
            if (*at == 0) {                                                                           \
                singular = singular ? singular : k + 1;                                               \
                continue;                                                                             \
            }                                                                                         \
            for (int i = 1; i <= below; i++)                                                          \
                at[i] /= *at;                                                                         \
            cblas_##p##ger(CblasColMajor, below, below, -1, at + 1, 1, at + lda, lda, at + lda + 1, lda); \
        }                                                                                             \
        return singular;                                                                              \
    }                                                                                                 \
    static void p##permute(int n, int count, const int *pivots, bool back, T *b, int ldb)             \
    {                                                                                                 \
        for (int i = 0; i < n && pivots; i++) {                                                       \
            int k = back ? n - 1 - i : i;                                                             \
            cblas_##p##swap(count, b + k, ldb, b + pivots[k] - 1, ldb);                               \
        }                                                                                             \
    }                                                                                                 \
    static void p##solve(CBLAS_TRANSPOSE op, int n, int count, const T *a, int lda, const int *pivots, T *b, int ldb) \
    {                                                                                                 \
        bool plain = op == CblasNoTrans;                                                              \
        if (plain)                                                                                    \
            p##permute(n, count, pivots, false, b, ldb);                                              \
        for (int i = 0; i < 2; i++) {                                                                 \
            bool lower = plain == !i;                                                                 \
            cblas_##p##trsm(CblasColMajor, CblasLeft, lower ? CblasLower : CblasUpper, op, lower ? CblasUnit : CblasNonUnit, n, count, \
                            1, a, lda, b, ldb);                                                       \
        }                                                                                             \
        if (!plain)                                                                                   \
            p##permute(n, count, pivots, true, b, ldb);                                               \
    }                                                                                                 \
    static int p##invert(int n, const T *a, int lda, const int *pivots, T *c, int ldc)                \
    {                                                                                                 \
        for (int k = 0; k < n; k++)                                                                   \
            if (a[k + (int64_t)k * lda] == 0)                                                         \
                return k + 1;                                                                         \
        for (int64_t j = 0; j < n; j++)                                                               \
            for (int i = 0; i < n; i++)                                                               \
                c[i + j * ldc] = i == j;                                                              \
        p##solve(CblasNoTrans, n, n, a, lda, pivots, c, ldc);                                         \
        return 0;                                                                                     \
    }                                                                                                 \
    API cublasStatus_t cublas##P##getrfBatched(cublasHandle_t h, int n, T *const a[], int lda, int *pivots, int *info, int count) \
    {                                                                                                 \
        cublasStatus_t status = ready(h, count >= 0 && fits(n, n, lda) && (!count || (a && info)));   \
        for (int i = 0; i < count && !status; i++)                                                    \
            info[i] = p##factor(n, a[i], lda, pivots ? pivots + (int64_t)i * n : NULL);               \
        return status;                                                                                \
    }                                                                                                 \
    API cublasStatus_t cublas##P##getriBatched(cublasHandle_t h, int n, const T *const a[], int lda, const int *pivots, T *const c[], \
                                               int ldc, int *info, int count)                         \
    {                                                                                                 \
        cublasStatus_t status = ready(h, count >= 0 && fits(n, n, lda) && fits(n, n, ldc) && (!count || (a && c && info))); \
        for (int i = 0; i < count && !status; i++)                                                    \
            info[i] = p##invert(n, a[i], lda, pivots ? pivots + (int64_t)i * n : NULL, c[i], ldc);    \
        return status;                                                                                \
    }                                                                                                 \
    API cublasStatus_t cublas##P##getrsBatched(cublasHandle_t h, cublasOperation_t op, int n, int columns, const T *const a[], int lda, \
                                               const int *pivots, T *const b[], int ldb, int *info, int count) \
    {                                                                                                 \
        int wrong = n < 0 ? 2 : columns < 0 ? 3 : lda < most(1, n) ? 5 : ldb < most(1, n) ? 8 : count < 0 ? 10 : 0; \
        if (h && info)                                                                                \
            *info = -wrong;                                                                           \
        cublasStatus_t status = ready(h, !wrong && info && (!count || (a && b)));                     \
        for (int i = 0; i < count && !status; i++)                                                    \
            p##solve(operation(op), n, columns, a[i], lda, pivots ? pivots + (int64_t)i * n : NULL, b[i], ldb); \
        return status;                                                                                \
    }
CAIRN_CUBLAS_REAL(X)
#undef X

/* ---- Vectors of any type ------------------------------------------------------------------------- */
/* All operands of one type; sums in double, rounded once. */
static bool vector_types(cudaDataType x, cudaDataType y, cudaDataType execution)
{
    bool half = x == CUDA_R_16F || x == CUDA_R_16BF;
    return x == y && (half || x == CUDA_R_32F || x == CUDA_R_64F) && execution == (half ? CUDA_R_32F : x);
}

static double element(const void *x, cudaDataType type, int64_t i)
{
    switch (type) {
    case CUDA_R_16F: return half_to_float(((const uint16_t *)x)[i]);
    case CUDA_R_16BF: return bfloat_to_float(((const uint16_t *)x)[i]);
    case CUDA_R_64F: return ((const double *)x)[i];
    default: return ((const float *)x)[i];
    }
}

static void set_element(void *x, cudaDataType type, int64_t i, double value)
{
    switch (type) {
    case CUDA_R_16F: ((uint16_t *)x)[i] = float_to_half((float)value); return;
    case CUDA_R_16BF: ((uint16_t *)x)[i] = float_to_bfloat((float)value); return;
    case CUDA_R_64F: ((double *)x)[i] = value; return;
    default: ((float *)x)[i] = (float)value;
    }
}

/* A negative increment goes from the last element to the first. */
static int64_t place(int i, int n, int inc) { return (int64_t)(inc < 0 ? i - n + 1 : i) * inc; }

static double dot(int n, const void *x, cudaDataType xt, int incx, const void *y, cudaDataType yt, int incy)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += element(x, xt, place(i, n, incx)) * element(y, yt, place(i, n, incy));
    return sum;
}

API cublasStatus_t cublasDotEx(cublasHandle_t h, int n, const void *x, cudaDataType x_type, int incx, const void *y, cudaDataType y_type,
                               int incy, void *result, cudaDataType result_type, cudaDataType execution)
{
    if (h && (!vector_types(x_type, y_type, execution) || result_type != x_type))
        return CUBLAS_STATUS_NOT_SUPPORTED;
    CALL(result && (n <= 0 || (x && y)), set_element(result, result_type, 0, dot(n, x, x_type, incx, y, y_type, incy)));
}

API cublasStatus_t cublasNrm2Ex(cublasHandle_t h, int n, const void *x, cudaDataType x_type, int incx, void *result,
                                cudaDataType result_type, cudaDataType execution)
{
    if (h && !vector_types(x_type, result_type, execution))
        return CUBLAS_STATUS_NOT_SUPPORTED;
    if (x_type == CUDA_R_64F) /* squares of doubles may overflow: BLAS scales them */
        return cublasDnrm2_v2(h, n, x, incx, result);
    CALL(result && (n <= 0 || x), set_element(result, result_type, 0, __builtin_sqrt(dot(n, x, x_type, incx, x, x_type, incx))));
}

static void scale(int n, double alpha, void *x, cudaDataType type, int incx)
{
    for (int i = 0; i < n && incx > 0; i++)
        set_element(x, type, (int64_t)i * incx, alpha * element(x, type, (int64_t)i * incx));
}

API cublasStatus_t cublasScalEx(cublasHandle_t h, int n, const void *alpha, cudaDataType alpha_type, void *x, cudaDataType x_type, int incx,
                                cudaDataType execution)
{
    if (h && (!vector_types(x_type, x_type, execution) || alpha_type != execution))
        return CUBLAS_STATUS_NOT_SUPPORTED;
    CALL(alpha && (n <= 0 || x), scale(n, element(alpha, alpha_type, 0), x, x_type, incx));
}

static void add_scaled(int n, double alpha, const void *x, int incx, void *y, int incy, cudaDataType type)
{
    for (int i = 0; i < n; i++) {
        int64_t at = place(i, n, incy);
        set_element(y, type, at, alpha * element(x, type, place(i, n, incx)) + element(y, type, at));
    }
}

API cublasStatus_t cublasAxpyEx(cublasHandle_t h, int n, const void *alpha, cudaDataType alpha_type, const void *x, cudaDataType x_type,
                                int incx, void *y, cudaDataType y_type, int incy, cudaDataType execution)
{
    if (h && (!vector_types(x_type, y_type, execution) || alpha_type != execution))
        return CUBLAS_STATUS_NOT_SUPPORTED;
    CALL(alpha && (n <= 0 || (x && y)), add_scaled(n, element(alpha, alpha_type, 0), x, incx, y, incy, x_type));
}
