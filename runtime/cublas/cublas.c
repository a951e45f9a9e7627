/* cuBLAS over Cairn's BLAS: arguments are checked, the stream is waited for, and the work is done by the caller. */
#include <cairn/blas.h>
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

API cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k,
                                              const void *alpha, const void *a, cudaDataType type_a, int lda, long long stride_a,
                                              const void *b, cudaDataType type_b, int ldb, long long stride_b, const void *beta,
                                              void *c, cudaDataType type_c, int ldc, long long stride_c, int count,
                                              cublasComputeType_t compute, cublasGemmAlgo_t algorithm)
{
    (void)compute, (void)algorithm;
    if (type_a != type_b || type_a != type_c)
        return CUBLAS_STATUS_NOT_SUPPORTED;
    if (type_a == CUDA_R_32F)
        return cublasSgemmStridedBatched(h, opa, opb, m, n, k, alpha, a, lda, stride_a, b, ldb, stride_b, beta, c, ldc, stride_c, count);
    if (type_a == CUDA_R_64F)
        return cublasDgemmStridedBatched(h, opa, opb, m, n, k, alpha, a, lda, stride_a, b, ldb, stride_b, beta, c, ldc, stride_c, count);
    return CUBLAS_STATUS_NOT_SUPPORTED;
}

API cublasStatus_t cublasGemmEx(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k, const void *alpha,
                                const void *a, cudaDataType type_a, int lda, const void *b, cudaDataType type_b, int ldb,
                                const void *beta, void *c, cudaDataType type_c, int ldc, cublasComputeType_t compute,
                                cublasGemmAlgo_t algorithm)
{
    return cublasGemmStridedBatchedEx(h, opa, opb, m, n, k, alpha, a, type_a, lda, 0, b, type_b, ldb, 0, beta, c, type_c, ldc, 0, 1,
                                      compute, algorithm);
}
