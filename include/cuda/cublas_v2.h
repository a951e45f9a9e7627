/* The part of cuBLAS that most programs use, over Cairn's BLAS (libcairn-cublas; `cairn cc ... -lcublas` links it).
 *
 * Matrices are column-major, as cuBLAS has them. A call waits for its stream and is done when it returns. Scalars may lie
 * in host or device memory in either pointer mode, for both are the same memory here. Products of f16, bf16 and int8 are
 * there; the rest of levels 2 and 3 is not, and programs that name it do not compile. */
#ifndef CAIRN_CUBLAS_V2_H
#define CAIRN_CUBLAS_V2_H
#include "cuComplex.h"
#include "cuda_runtime_api.h"
#include "library_types.h"

/* What is passed is addresses of halves; their arithmetic needs clang. */
#if defined(__cplusplus) && defined(__clang__)
#include "cuda_fp16.h"
#else
struct __half;
#endif

#ifdef __cplusplus
extern "C" {
#endif
#define CUBLAS_VER_MAJOR 12
#define CUBLAS_VER_MINOR 4
#define CUBLAS_VERSION 120400
typedef struct cublasContext *cublasHandle_t;
typedef enum {
    CUBLAS_STATUS_SUCCESS = 0, CUBLAS_STATUS_NOT_INITIALIZED = 1, CUBLAS_STATUS_ALLOC_FAILED = 3, CUBLAS_STATUS_INVALID_VALUE = 7,
    CUBLAS_STATUS_ARCH_MISMATCH = 8, CUBLAS_STATUS_MAPPING_ERROR = 11, CUBLAS_STATUS_EXECUTION_FAILED = 13,
    CUBLAS_STATUS_INTERNAL_ERROR = 14, CUBLAS_STATUS_NOT_SUPPORTED = 15, CUBLAS_STATUS_LICENSE_ERROR = 16
} cublasStatus_t;
typedef enum { CUBLAS_OP_N = 0, CUBLAS_OP_T = 1, CUBLAS_OP_C = 2, CUBLAS_OP_HERMITAN = 2 } cublasOperation_t;
typedef enum { CUBLAS_FILL_MODE_LOWER = 0, CUBLAS_FILL_MODE_UPPER = 1 } cublasFillMode_t;
typedef enum { CUBLAS_DIAG_NON_UNIT = 0, CUBLAS_DIAG_UNIT = 1 } cublasDiagType_t;
typedef enum { CUBLAS_SIDE_LEFT = 0, CUBLAS_SIDE_RIGHT = 1 } cublasSideMode_t;
typedef enum { CUBLAS_POINTER_MODE_HOST = 0, CUBLAS_POINTER_MODE_DEVICE = 1 } cublasPointerMode_t;
typedef enum { CUBLAS_DEFAULT_MATH = 0, CUBLAS_TENSOR_OP_MATH = 1, CUBLAS_PEDANTIC_MATH = 2, CUBLAS_TF32_TENSOR_OP_MATH = 3 } cublasMath_t;
typedef enum {
    CUBLAS_COMPUTE_16F = 64, CUBLAS_COMPUTE_16F_PEDANTIC = 65, CUBLAS_COMPUTE_32F = 68, CUBLAS_COMPUTE_32F_PEDANTIC = 69,
    CUBLAS_COMPUTE_32F_FAST_16F = 74, CUBLAS_COMPUTE_32F_FAST_16BF = 75, CUBLAS_COMPUTE_32F_FAST_TF32 = 77, CUBLAS_COMPUTE_64F = 70,
    CUBLAS_COMPUTE_64F_PEDANTIC = 71, CUBLAS_COMPUTE_32I = 72, CUBLAS_COMPUTE_32I_PEDANTIC = 73
} cublasComputeType_t;
typedef enum { CUBLAS_GEMM_DEFAULT = -1, CUBLAS_GEMM_DFALT = -1, CUBLAS_GEMM_DEFAULT_TENSOR_OP = 99 } cublasGemmAlgo_t;

cublasStatus_t cublasCreate_v2(cublasHandle_t *handle);
cublasStatus_t cublasDestroy_v2(cublasHandle_t handle);
cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream);
cublasStatus_t cublasGetStream_v2(cublasHandle_t handle, cudaStream_t *stream);
cublasStatus_t cublasSetPointerMode_v2(cublasHandle_t handle, cublasPointerMode_t mode);
cublasStatus_t cublasGetPointerMode_v2(cublasHandle_t handle, cublasPointerMode_t *mode);
cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode);
cublasStatus_t cublasGetMathMode(cublasHandle_t handle, cublasMath_t *mode);
cublasStatus_t cublasGetVersion_v2(cublasHandle_t handle, int *version);
cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void *workspace, size_t bytes);
const char *cublasGetStatusString(cublasStatus_t status);
const char *cublasGetStatusName(cublasStatus_t status);
cublasStatus_t cublasSetVector(int n, int element_bytes, const void *x, int incx, void *y, int incy);
cublasStatus_t cublasGetVector(int n, int element_bytes, const void *x, int incx, void *y, int incy);
cublasStatus_t cublasSetMatrix(int rows, int columns, int element_bytes, const void *a, int lda, void *b, int ldb);
cublasStatus_t cublasGetMatrix(int rows, int columns, int element_bytes, const void *a, int lda, void *b, int ldb);

/* X(letter, elements, letter of cblas) */
#define CAIRN_CUBLAS_REAL(X) X(S, float, s) X(D, double, d)
#define CAIRN_CUBLAS_ALL(X) X(S, float, s) X(D, double, d) X(C, cuComplex, c) X(Z, cuDoubleComplex, z)
#define X(P, T, p)                                                                                    \
    cublasStatus_t cublas##P##axpy_v2(cublasHandle_t h, int n, const T *alpha, const T *x, int incx, T *y, int incy); \
    cublasStatus_t cublas##P##scal_v2(cublasHandle_t h, int n, const T *alpha, T *x, int incx);       \
    cublasStatus_t cublas##P##copy_v2(cublasHandle_t h, int n, const T *x, int incx, T *y, int incy); \
    cublasStatus_t cublas##P##swap_v2(cublasHandle_t h, int n, T *x, int incx, T *y, int incy);       \
    cublasStatus_t cublas##P##gemv_v2(cublasHandle_t h, cublasOperation_t op, int m, int n, const T *alpha, const T *a, int lda, \
                                      const T *x, int incx, const T *beta, T *y, int incy);           \
    cublasStatus_t cublas##P##gemm_v2(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k, \
                                      const T *alpha, const T *a, int lda, const T *b, int ldb, const T *beta, T *c, int ldc); \
    cublasStatus_t cublas##P##gemmBatched(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k, \
                                          const T *alpha, const T *const a[], int lda, const T *const b[], int ldb, \
                                          const T *beta, T *const c[], int ldc, int count);           \
    cublasStatus_t cublas##P##gemmStridedBatched(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, \
                                                 int k, const T *alpha, const T *a, int lda, long long stride_a, const T *b, \
                                                 int ldb, long long stride_b, const T *beta, T *c, int ldc, long long stride_c, \
                                                 int count);                                          \
    cublasStatus_t cublas##P##trsm_v2(cublasHandle_t h, cublasSideMode_t side, cublasFillMode_t fill, cublasOperation_t op, \
                                      cublasDiagType_t diag, int m, int n, const T *alpha, const T *a, int lda, T *b, int ldb);
CAIRN_CUBLAS_ALL(X)
#undef X
#define X(P, T, p)                                                                                    \
    cublasStatus_t cublas##P##dot_v2(cublasHandle_t h, int n, const T *x, int incx, const T *y, int incy, T *result); \
    cublasStatus_t cublas##P##nrm2_v2(cublasHandle_t h, int n, const T *x, int incx, T *result);      \
    cublasStatus_t cublas##P##asum_v2(cublasHandle_t h, int n, const T *x, int incx, T *result);      \
    cublasStatus_t cublas##P##ger_v2(cublasHandle_t h, int m, int n, const T *alpha, const T *x, int incx, const T *y, int incy, \
                                     T *a, int lda);                                                  \
    cublasStatus_t cublas##P##syrk_v2(cublasHandle_t h, cublasFillMode_t fill, cublasOperation_t op, int n, int k, const T *alpha, \
                                      const T *a, int lda, const T *beta, T *c, int ldc);
CAIRN_CUBLAS_REAL(X)
#undef X
/* The number of the first element of the largest, or smallest, absolute value, from 1. */
cublasStatus_t cublasIsamax_v2(cublasHandle_t h, int n, const float *x, int incx, int *result);
cublasStatus_t cublasIdamax_v2(cublasHandle_t h, int n, const double *x, int incx, int *result);
cublasStatus_t cublasIsamin_v2(cublasHandle_t h, int n, const float *x, int incx, int *result);
cublasStatus_t cublasIdamin_v2(cublasHandle_t h, int n, const double *x, int incx, int *result);
/* A and B of one type, C, and alpha and beta by what `compute` names:
 *
 *     A, B   C            compute
 *     f16    f16          16F or 32F (sums are kept in f32 with either, and rounded once)
 *     f16    f32          32F
 *     bf16   bf16, f32    32F
 *     f32    f32          32F
 *     f64    f64          64F
 *     int8   f32          32F
 *     int8   int32        32I, with alpha 1 and beta 0 or 1
 *
 * All else gives CUBLAS_STATUS_NOT_SUPPORTED. */
cublasStatus_t cublasGemmEx(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k, const void *alpha,
                            const void *a, cudaDataType type_a, int lda, const void *b, cudaDataType type_b, int ldb,
                            const void *beta, void *c, cudaDataType type_c, int ldc, cublasComputeType_t compute,
                            cublasGemmAlgo_t algorithm);
cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k,
                                          const void *alpha, const void *a, cudaDataType type_a, int lda, long long stride_a,
                                          const void *b, cudaDataType type_b, int ldb, long long stride_b, const void *beta, void *c,
                                          cudaDataType type_c, int ldc, long long stride_c, int count, cublasComputeType_t compute,
                                          cublasGemmAlgo_t algorithm);
cublasStatus_t cublasGemmBatchedEx(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k,
                                   const void *alpha, const void *const a[], cudaDataType type_a, int lda, const void *const b[],
                                   cudaDataType type_b, int ldb, const void *beta, void *const c[], cudaDataType type_c, int ldc,
                                   int count, cublasComputeType_t compute, cublasGemmAlgo_t algorithm);
/* With compute 32F. */
cublasStatus_t cublasSgemmEx(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k, const float *alpha,
                             const void *a, cudaDataType type_a, int lda, const void *b, cudaDataType type_b, int ldb,
                             const float *beta, void *c, cudaDataType type_c, int ldc);
cublasStatus_t cublasHgemm(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k,
                           const struct __half *alpha, const struct __half *a, int lda, const struct __half *b, int ldb,
                           const struct __half *beta, struct __half *c, int ldc);
cublasStatus_t cublasHgemmStridedBatched(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k,
                                         const struct __half *alpha, const struct __half *a, int lda, long long stride_a,
                                         const struct __half *b, int ldb, long long stride_b, const struct __half *beta,
                                         struct __half *c, int ldc, long long stride_c, int count);
cublasStatus_t cublasHgemmBatched(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k,
                                  const struct __half *alpha, const struct __half *const a[], int lda, const struct __half *const b[],
                                  int ldb, const struct __half *beta, struct __half *const c[], int ldc, int count);
/* C = alpha op(A) + beta op(B), m by n. A factor of 0 leaves its matrix unread; C may be A or B where that is not transposed. */
#define X(P, T, p)                                                                                    \
    cublasStatus_t cublas##P##geam(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, const T *alpha, \
                                   const T *a, int lda, const T *beta, const T *b, int ldb, T *c, int ldc);
CAIRN_CUBLAS_ALL(X)
#undef X
/* P A = L U of `count` matrices n by n, L with a diagonal of ones, in the place of A; row k was swapped with row pivots[k], from 1, of
 * the n of its matrix. pivots NULL: no rows are swapped. info[i] is the first k, from 1, of which U(k,k) of matrix i is 0 (then the
 * factors are there, and getri leaves C as it was), else 0. getri: C = inverse of A. getrs: b = inverse of op(A) times b, `columns`
 * wide; its one info is 0 or -j, the j-th argument being wrong. */
#define X(P, T, p)                                                                                    \
    cublasStatus_t cublas##P##getrfBatched(cublasHandle_t h, int n, T *const a[], int lda, int *pivots, int *info, int count); \
    cublasStatus_t cublas##P##getriBatched(cublasHandle_t h, int n, const T *const a[], int lda, const int *pivots, T *const c[], \
                                           int ldc, int *info, int count);                            \
    cublasStatus_t cublas##P##getrsBatched(cublasHandle_t h, cublasOperation_t op, int n, int columns, const T *const a[], int lda, \
                                           const int *pivots, T *const b[], int ldb, int *info, int count);
CAIRN_CUBLAS_REAL(X)
#undef X
/* Vectors and results of one type: f16 and bf16 with execution (and alpha) in f32, f32 and f64 with their own. Sums are kept in
 * f64 and rounded once. All else gives CUBLAS_STATUS_NOT_SUPPORTED. */
cublasStatus_t cublasDotEx(cublasHandle_t h, int n, const void *x, cudaDataType x_type, int incx, const void *y, cudaDataType y_type,
                           int incy, void *result, cudaDataType result_type, cudaDataType execution);
cublasStatus_t cublasNrm2Ex(cublasHandle_t h, int n, const void *x, cudaDataType x_type, int incx, void *result,
                            cudaDataType result_type, cudaDataType execution);
cublasStatus_t cublasScalEx(cublasHandle_t h, int n, const void *alpha, cudaDataType alpha_type, void *x, cudaDataType x_type, int incx,
                            cudaDataType execution);
cublasStatus_t cublasAxpyEx(cublasHandle_t h, int n, const void *alpha, cudaDataType alpha_type, const void *x, cudaDataType x_type,
                            int incx, void *y, cudaDataType y_type, int incy, cudaDataType execution);

#define cublasCreate cublasCreate_v2
#define cublasDestroy cublasDestroy_v2
#define cublasSetStream cublasSetStream_v2
#define cublasGetStream cublasGetStream_v2
#define cublasSetPointerMode cublasSetPointerMode_v2
#define cublasGetPointerMode cublasGetPointerMode_v2
#define cublasGetVersion cublasGetVersion_v2
#define cublasSetWorkspace cublasSetWorkspace_v2
#define cublasSaxpy cublasSaxpy_v2
#define cublasSscal cublasSscal_v2
#define cublasScopy cublasScopy_v2
#define cublasSswap cublasSswap_v2
#define cublasSgemv cublasSgemv_v2
#define cublasSgemm cublasSgemm_v2
#define cublasStrsm cublasStrsm_v2
#define cublasDaxpy cublasDaxpy_v2
#define cublasDscal cublasDscal_v2
#define cublasDcopy cublasDcopy_v2
#define cublasDswap cublasDswap_v2
#define cublasDgemv cublasDgemv_v2
#define cublasDgemm cublasDgemm_v2
#define cublasDtrsm cublasDtrsm_v2
#define cublasCaxpy cublasCaxpy_v2
#define cublasCscal cublasCscal_v2
#define cublasCcopy cublasCcopy_v2
#define cublasCswap cublasCswap_v2
#define cublasCgemv cublasCgemv_v2
#define cublasCgemm cublasCgemm_v2
#define cublasCtrsm cublasCtrsm_v2
#define cublasZaxpy cublasZaxpy_v2
#define cublasZscal cublasZscal_v2
#define cublasZcopy cublasZcopy_v2
#define cublasZswap cublasZswap_v2
#define cublasZgemv cublasZgemv_v2
#define cublasZgemm cublasZgemm_v2
#define cublasZtrsm cublasZtrsm_v2
#define cublasSdot cublasSdot_v2
#define cublasSnrm2 cublasSnrm2_v2
#define cublasSasum cublasSasum_v2
#define cublasSger cublasSger_v2
#define cublasSsyrk cublasSsyrk_v2
#define cublasDdot cublasDdot_v2
#define cublasDnrm2 cublasDnrm2_v2
#define cublasDasum cublasDasum_v2
#define cublasDger cublasDger_v2
#define cublasDsyrk cublasDsyrk_v2
#define cublasIsamax cublasIsamax_v2
#define cublasIdamax cublasIdamax_v2
#define cublasIsamin cublasIsamin_v2
#define cublasIdamin cublasIdamin_v2
#ifdef __cplusplus
}
/* Programs from before CUDA 11 name a type of data in the place of the compute type. */
static inline cublasComputeType_t cairn_compute_type(cudaDataType type)
{
    return type == CUDA_R_16F ? CUBLAS_COMPUTE_16F : type == CUDA_R_64F ? CUBLAS_COMPUTE_64F : type == CUDA_R_32I ? CUBLAS_COMPUTE_32I
                                                                                                      : CUBLAS_COMPUTE_32F;
}
static inline cublasStatus_t cublasGemmEx(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n, int k,
                                          const void *alpha, const void *a, cudaDataType type_a, int lda, const void *b,
                                          cudaDataType type_b, int ldb, const void *beta, void *c, cudaDataType type_c, int ldc,
                                          cudaDataType compute, cublasGemmAlgo_t algorithm)
{
    return cublasGemmEx(h, opa, opb, m, n, k, alpha, a, type_a, lda, b, type_b, ldb, beta, c, type_c, ldc, cairn_compute_type(compute),
                        algorithm);
}
static inline cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t h, cublasOperation_t opa, cublasOperation_t opb, int m, int n,
                                                        int k, const void *alpha, const void *a, cudaDataType type_a, int lda,
                                                        long long stride_a, const void *b, cudaDataType type_b, int ldb,
                                                        long long stride_b, const void *beta, void *c, cudaDataType type_c, int ldc,
                                                        long long stride_c, int count, cudaDataType compute,
                                                        cublasGemmAlgo_t algorithm)
{
    return cublasGemmStridedBatchedEx(h, opa, opb, m, n, k, alpha, a, type_a, lda, stride_a, b, type_b, ldb, stride_b, beta, c, type_c,
                                      ldc, stride_c, count, cairn_compute_type(compute), algorithm);
}
#endif
#endif
