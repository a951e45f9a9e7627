// cuBLAS's products of f16, bf16 and int8 against sums in double, in every transposition; vectors of any type; sums of matrices. Linked with -lcublas.
#include "../../examples/cuda/check.h"
#include <cublas_v2.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

enum { M = 37, N = 21, K = 45, LDA = 50, LDB = 51, LDC = 40, COUNT = 3, STRIDE_A = LDA * 48, STRIDE_B = LDB * 48, STRIDE_C = LDC * 22 };

static int failures;
static cublasHandle_t handle;
#define EXPECT(status, call)                                                                   \
    do {                                                                                       \
        cublasStatus_t got_ = (call);                                                          \
        if (got_ != CUBLAS_STATUS_##status) {                                                  \
            std::printf("blas_half.cu:%d: %s: %s: FAILED\n", __LINE__, #call, cublasGetStatusName(got_)); \
            failures++;                                                                        \
        }                                                                                      \
    } while (0)

template <class T> static T number(unsigned i) { return T(noise(i) * 2 - 1); }
template <> signed char number<signed char>(unsigned i) { return (signed char)(noise(i) * 255 - 128); }

// Elements of A, B and C for matrix `batch` of a stride, and the numbers that C held before.
template <class T, class R> struct problem {
    std::vector<T> a = std::vector<T>(STRIDE_A * COUNT), b = std::vector<T>(STRIDE_B * COUNT);
    std::vector<R> c = std::vector<R>(STRIDE_C * COUNT);
    problem()
    {
        for (size_t i = 0; i < a.size(); i++)
            a[i] = number<T>((unsigned)i);
        for (size_t i = 0; i < b.size(); i++)
            b[i] = number<T>((unsigned)i + 1000000);
        for (size_t i = 0; i < c.size(); i++)
            c[i] = R(noise((unsigned)i + 2000000) * 8 - 4);
    }
    double product(bool ta, bool tb, int batch, int i, int j) const
    {
        double sum = 0;
        for (int p = 0; p < K; p++)
            sum += (double)a[batch * STRIDE_A + (ta ? p + i * LDA : i + p * LDA)] * (double)b[batch * STRIDE_B + (tb ? j + p * LDB : p + j * LDB)];
        return sum;
    }
    void check(const char *what, const std::vector<R> &got, bool ta, bool tb, int count, double alpha, double beta, double epsilon) const
    {
        for (int batch = 0; batch < count; batch++)
            for (int j = 0; j < N; j++)
                for (int i = 0; i < M; i++) {
                    int at = batch * STRIDE_C + i + j * LDC;
                    double want = alpha * product(ta, tb, batch, i, j) + (beta ? beta * (double)c[at] : 0);
                    if (!(std::fabs((double)got[at] - want) <= epsilon * std::fabs(want) + 1e-4)) {
                        std::printf("%s, transposed %d %d: matrix %d, (%d, %d): %g, not %g: FAILED\n", what, ta, tb, batch, i, j,
                                    (double)got[at], want);
                        failures++;
                        return;
                    }
                }
        for (int j = 0; j < N; j++) // what lies between the columns stays
            if ((double)got[M + j * LDC] != (double)c[M + j * LDC])
                failures++;
    }
};

template <class T, class R, class S>
static void products(const char *what, cudaDataType in, cudaDataType out, cublasComputeType_t compute, S alpha, S beta, double epsilon)
{
    problem<T, R> p;
    device_array<T> a(p.a), b(p.b);
    for (int i = 0; i < 4; i++) {
        cublasOperation_t ta = i & 1 ? CUBLAS_OP_T : CUBLAS_OP_N, tb = i & 2 ? CUBLAS_OP_T : CUBLAS_OP_N;
        device_array<R> one(p.c), many(p.c), listed(p.c);
        EXPECT(SUCCESS, cublasGemmEx(handle, ta, tb, M, N, K, &alpha, a.data, in, LDA, b.data, in, LDB, &beta, one.data, out, LDC, compute,
                                     CUBLAS_GEMM_DEFAULT));
        p.check(what, one.host(), i & 1, i & 2, 1, (double)alpha, (double)beta, epsilon);
        EXPECT(SUCCESS, cublasGemmStridedBatchedEx(handle, ta, tb, M, N, K, &alpha, a.data, in, LDA, STRIDE_A, b.data, in, LDB, STRIDE_B,
                                                   &beta, many.data, out, LDC, STRIDE_C, COUNT, compute, CUBLAS_GEMM_DEFAULT));
        p.check(what, many.host(), i & 1, i & 2, COUNT, (double)alpha, (double)beta, epsilon);
        std::vector<void *> la, lb, lc;
        for (int k = 0; k < COUNT; k++) {
            la.push_back(a.data + k * STRIDE_A);
            lb.push_back(b.data + k * STRIDE_B);
            lc.push_back(listed.data + k * STRIDE_C);
        }
        device_array<void *> da(la), db(lb), dc(lc);
        EXPECT(SUCCESS, cublasGemmBatchedEx(handle, ta, tb, M, N, K, &alpha, da.data, in, LDA, db.data, in, LDB, &beta, dc.data, out, LDC,
                                            COUNT, compute, CUBLAS_GEMM_DEFAULT));
        p.check(what, listed.host(), i & 1, i & 2, COUNT, (double)alpha, (double)beta, epsilon);
    }
}

static void halves()
{
    problem<__half, __half> p;
    device_array<__half> a(p.a), b(p.b), c(p.c), many(p.c);
    __half alpha = 1.5f, beta = -0.5f;
    EXPECT(SUCCESS, cublasHgemm(handle, CUBLAS_OP_T, CUBLAS_OP_N, M, N, K, &alpha, a.data, LDA, b.data, LDB, &beta, c.data, LDC));
    p.check("Hgemm", c.host(), true, false, 1, 1.5, -0.5, 0x1p-10);
    EXPECT(SUCCESS, cublasHgemmStridedBatched(handle, CUBLAS_OP_N, CUBLAS_OP_T, M, N, K, &alpha, a.data, LDA, STRIDE_A, b.data, LDB, STRIDE_B,
                                              &beta, many.data, LDC, STRIDE_C, COUNT));
    p.check("HgemmStridedBatched", many.host(), false, true, COUNT, 1.5, -0.5, 0x1p-10);
    std::vector<const __half *> la = {a.data}, lb = {b.data};
    std::vector<__half *> lc = {c.data};
    beta = 0.0f;
    EXPECT(SUCCESS, cublasHgemmBatched(handle, CUBLAS_OP_N, CUBLAS_OP_N, M, N, K, &alpha, la.data(), LDA, lb.data(), LDB, &beta, lc.data(),
                                       LDC, 1));
    p.check("HgemmBatched", c.host(), false, false, 1, 1.5, 0, 0x1p-10);

    problem<__half, float> q;
    device_array<float> wide(q.c);
    float one = 1, zero = 0;
    EXPECT(SUCCESS, cublasSgemmEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, M, N, K, &one, a.data, CUDA_R_16F, LDA, b.data, CUDA_R_16F, LDB, &zero,
                                  wide.data, CUDA_R_32F, LDC));
    q.check("SgemmEx", wide.host(), false, false, 1, 1, 0, 1e-5);
    EXPECT(SUCCESS, cublasGemmEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, M, N, K, &one, a.data, CUDA_R_16F, LDA, b.data, CUDA_R_16F, LDB, &one,
                                 wide.data, CUDA_R_32F, LDC, CUDA_R_32F, CUBLAS_GEMM_DFALT)); // as before CUDA 11
}

// dot, axpy, scal and norm over every second element of x and, from the last on, every third of y.
template <class T> static void vectors(const char *what, cudaDataType type, cudaDataType execution, double epsilon)
{
    std::vector<T> x(2 * N), y(3 * N);
    for (int i = 0; i < 3 * N; i++) {
        x[i % x.size()] = number<T>(i);
        y[i] = number<T>(i + 100);
    }
    device_array<T> dx(x), dy(y);
    T result = T(0.0f);
    float single = 1.5f;
    double wide = 1.5, sum = 0, squares = 0;
    const void *alpha = execution == CUDA_R_64F ? (const void *)&wide : &single;
    for (int i = 0; i < N; i++) {
        sum += (double)x[2 * i] * (double)y[3 * (N - 1 - i)];
        squares += (double)x[2 * i] * (double)x[2 * i];
    }
    auto near = [&](const char *name, double got, double want) {
        if (!(std::fabs(got - want) <= epsilon * std::fabs(want)))
            std::printf("%s of %s: %g, not %g: FAILED\n", name, what, got, want), failures++;
    };
    EXPECT(SUCCESS, cublasDotEx(handle, N, dx.data, type, 2, dy.data, type, -3, &result, type, execution));
    near("DotEx", (double)result, sum);
    EXPECT(SUCCESS, cublasNrm2Ex(handle, N, dx.data, type, 2, &result, type, execution));
    near("Nrm2Ex", (double)result, std::sqrt(squares));
    EXPECT(SUCCESS, cublasAxpyEx(handle, N, alpha, execution, dx.data, type, 2, dy.data, type, -3, execution));
    EXPECT(SUCCESS, cublasScalEx(handle, N, alpha, execution, dx.data, type, 2, execution));
    std::vector<T> got_x = dx.host(), got_y = dy.host();
    for (int i = 0; i < N; i++) {
        near("ScalEx", (double)got_x[2 * i], 1.5 * (double)x[2 * i]);
        double before = (double)y[3 * (N - 1 - i)], want = 1.5 * (double)x[2 * i] + before;
        if (std::fabs((double)got_y[3 * (N - 1 - i)] - want) > epsilon * 2.5)
            std::printf("AxpyEx of %s: %g, not %g: FAILED\n", what, (double)got_y[3 * (N - 1 - i)], want), failures++;
        near("ScalEx between", (double)got_x[2 * i + 1], (double)x[2 * i + 1]);
    }
    EXPECT(NOT_SUPPORTED, cublasDotEx(handle, N, dx.data, type, 1, dy.data, CUDA_R_8I, 1, &result, type, execution));
    EXPECT(INVALID_VALUE, cublasDotEx(handle, N, dx.data, type, 1, NULL, type, 1, &result, type, execution));
    EXPECT(NOT_INITIALIZED, cublasScalEx(NULL, N, alpha, execution, dx.data, type, 1, execution));
}

static void sums_of_matrices()
{
    std::vector<double> a(LDA * K), b(LDB * K), c(LDC * N, 7.0);
    for (size_t i = 0; i < b.size(); i++)
        b[i] = noise(i), a[i % a.size()] = noise(i + 5000);
    device_array<double> da(a), db(b), dc(c);
    double alpha = 2, beta = -3, zero = 0;
    EXPECT(SUCCESS, cublasDgeam(handle, CUBLAS_OP_T, CUBLAS_OP_N, M, N, &alpha, da.data, LDA, &beta, db.data, LDB, dc.data, LDC));
    c = dc.host();
    for (int j = 0; j < N; j++)
        for (int i = 0; i < LDC; i++)
            if (c[i + j * LDC] != (i < M ? 2 * a[j + i * LDA] - 3 * b[i + j * LDB] : 7))
                failures++;
    EXPECT(SUCCESS, cublasDgeam(handle, CUBLAS_OP_N, CUBLAS_OP_N, M, N, &alpha, dc.data, LDC, &zero, NULL, M, dc.data, LDC)); // in place
    if (dc.host()[1] != 2 * c[1])
        failures++;
    EXPECT(INVALID_VALUE, cublasDgeam(handle, CUBLAS_OP_T, CUBLAS_OP_N, N, N, &alpha, dc.data, LDC, &zero, NULL, N, dc.data, LDC));
    EXPECT(INVALID_VALUE, cublasDgeam(handle, CUBLAS_OP_N, CUBLAS_OP_N, M, N, &alpha, da.data, M - 1, &beta, db.data, LDB, dc.data, LDC));

    std::vector<cuComplex> z = {{1, 2}, {3, 4}};
    device_array<cuComplex> dz(z), dw(z);
    cuComplex i_ = {0, 1}, none = {0, 0};
    EXPECT(SUCCESS, cublasCgeam(handle, CUBLAS_OP_C, CUBLAS_OP_N, 2, 1, &i_, dz.data, 1, &none, NULL, 2, dw.data, 2));
    if (dw.host()[1].x != 4 || dw.host()[1].y != 3) // i (3 - 4i)
        failures++;
}

static void refusals()
{
    problem<__half, __half> p;
    device_array<__half> a(p.a), b(p.b), c(p.c);
    __half one = 1.0f;
    float single = 1;
    int two = 2;
    auto ex = [&](cublasHandle_t h, const void *alpha, cudaDataType in, cudaDataType out, int m, int lda, cublasComputeType_t compute) {
        return cublasGemmEx(h, CUBLAS_OP_N, CUBLAS_OP_N, m, N, K, alpha, a.data, in, lda, b.data, in, LDB, alpha, c.data, out, LDC, compute,
                            CUBLAS_GEMM_DEFAULT);
    };
    EXPECT(NOT_INITIALIZED, ex(NULL, &single, CUDA_R_16F, CUDA_R_16F, M, LDA, CUBLAS_COMPUTE_32F));
    EXPECT(INVALID_VALUE, ex(handle, &single, CUDA_R_16F, CUDA_R_16F, M, M - 1, CUBLAS_COMPUTE_32F));
    EXPECT(INVALID_VALUE, ex(handle, &single, CUDA_R_16F, CUDA_R_16F, -1, LDA, CUBLAS_COMPUTE_32F));
    EXPECT(INVALID_VALUE, ex(handle, NULL, CUDA_R_16F, CUDA_R_16F, M, LDA, CUBLAS_COMPUTE_32F));
    EXPECT(NOT_SUPPORTED, ex(handle, &single, CUDA_R_16BF, CUDA_R_16F, M, LDA, CUBLAS_COMPUTE_32F));
    EXPECT(NOT_SUPPORTED, ex(handle, &one, CUDA_R_16BF, CUDA_R_16BF, M, LDA, CUBLAS_COMPUTE_16F));
    EXPECT(NOT_SUPPORTED, ex(handle, &two, CUDA_R_8I, CUDA_R_32I, 8, LDA, CUBLAS_COMPUTE_32I));
    EXPECT(SUCCESS, ex(handle, &single, CUDA_R_16F, CUDA_R_16F, 0, LDA, CUBLAS_COMPUTE_32F));
    EXPECT(INVALID_VALUE, cublasHgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, M, N, K, &one, NULL, LDA, b.data, LDB, &one, c.data, LDC));
}

int main()
{
    EXPECT(SUCCESS, cublasCreate(&handle));
    products<__half, __half>("f16 in f16", CUDA_R_16F, CUDA_R_16F, CUBLAS_COMPUTE_16F, __half(2.0f), __half(0.5f), 0x1p-10);
    products<__half, __half>("f16", CUDA_R_16F, CUDA_R_16F, CUBLAS_COMPUTE_32F, 2.0f, 0.5f, 0x1p-10);
    products<__half, float>("f16 to f32", CUDA_R_16F, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_16F, 1.0f, 0.0f, 1e-5);
    products<__nv_bfloat16, __nv_bfloat16>("bf16", CUDA_R_16BF, CUDA_R_16BF, CUBLAS_COMPUTE_32F, -1.0f, 1.0f, 0x1p-7);
    products<__nv_bfloat16, float>("bf16 to f32", CUDA_R_16BF, CUDA_R_32F, CUBLAS_COMPUTE_32F, 1.0f, 3.0f, 1e-5);
    products<float, float>("f32", CUDA_R_32F, CUDA_R_32F, CUBLAS_COMPUTE_32F, 1.0f, 3.0f, 1e-5);
    products<double, double>("f64", CUDA_R_64F, CUDA_R_64F, CUBLAS_COMPUTE_64F, 1.0, 3.0, 1e-12);
    products<signed char, int>("int8", CUDA_R_8I, CUDA_R_32I, CUBLAS_COMPUTE_32I, 1, 1, 0);
    products<signed char, float>("int8 to f32", CUDA_R_8I, CUDA_R_32F, CUBLAS_COMPUTE_32F, 0.5f, 1.0f, 1e-5);
    halves();
    vectors<__half>("f16", CUDA_R_16F, CUDA_R_32F, 0x1p-10);
    vectors<__nv_bfloat16>("bf16", CUDA_R_16BF, CUDA_R_32F, 0x1p-7);
    vectors<float>("f32", CUDA_R_32F, CUDA_R_32F, 1e-6);
    vectors<double>("f64", CUDA_R_64F, CUDA_R_64F, 1e-14);
    sums_of_matrices();
    refusals();
    EXPECT(SUCCESS, cublasDestroy(handle));
    std::printf(failures ? "blas_half: %d failures\n" : "blas_half: passed\n", failures);
    return failures != 0;
}
