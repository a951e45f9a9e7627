/* cuBLAS's calls on small matrices against loops, and their errors. Linked with -lcublas. */
#include "../../examples/cuda/check.h"
#include <cublas_v2.h>

int main()
{
    const int m = 5, n = 7, k = 3;
    std::vector<float> a(m * k), b(k * n), c(m * n, 1.0f);
    for (int i = 0; i < m * k; i++)
        a[i] = noise(i);
    for (int i = 0; i < k * n; i++)
        b[i] = noise(100 + i);
    device_array<float> da(a), db(b), dc(c);
    float alpha = 2, beta = 3, dot = 0;
    cublasHandle_t handle;
    double worst = cublasCreate(&handle) != CUBLAS_STATUS_SUCCESS;
    worst += cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, m, n, k, &alpha, da.data, m, db.data, k, &beta, dc.data, m) != CUBLAS_STATUS_SUCCESS;
    std::vector<float> result = dc.host();
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double sum = 3;
            for (int l = 0; l < k; l++)
                sum += 2.0 * a[i + l * m] * b[l + j * k];
            worst = std::fmax(worst, std::fabs(result[i + j * m] - sum));
        }
    worst += cublasSdot(handle, m, da.data, 1, da.data, 1, &dot) != CUBLAS_STATUS_SUCCESS;
    double want = 0;
    for (int i = 0; i < m; i++)
        want += a[i] * a[i];
    worst = std::fmax(worst, std::fabs(dot - want));
    std::vector<float> many(2 * m * m);
    device_array<float> dm(many);
    beta = 0;
    worst += cublasSgemmStridedBatched(handle, CUBLAS_OP_N, CUBLAS_OP_T, m, m, k, &alpha, da.data, m, 0, da.data, m, 0, &beta, dm.data, m,
                                       m * m, 2) != CUBLAS_STATUS_SUCCESS;
    many = dm.host();
    worst = std::fmax(worst, std::fabs(many[1] - many[m * m + m]));
    worst += cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, m, n, k, &alpha, da.data, m - 1, db.data, k, &beta, dc.data, m) != CUBLAS_STATUS_INVALID_VALUE;
    worst += cublasSgemm(NULL, CUBLAS_OP_N, CUBLAS_OP_N, m, n, k, &alpha, da.data, m, db.data, k, &beta, dc.data, m) != CUBLAS_STATUS_NOT_INITIALIZED;
    worst += cublasDestroy(handle) != CUBLAS_STATUS_SUCCESS;
    return verdict("blas", worst, 1e-5);
}
