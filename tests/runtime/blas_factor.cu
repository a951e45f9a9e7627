// cuBLAS's batched factorizations: factors, pivots, inverses and solutions against products in double; singular matrices and wrong arguments. Linked with -lcublas.
#include "../../examples/cuda/check.h"
#include <cublas_v2.h>

static int failures;
static cublasHandle_t handle;
#define EXPECT(condition)                                                                     \
    do {                                                                                      \
        if (!(condition)) {                                                                   \
            std::printf("blas_factor.cu:%d: %s: FAILED\n", __LINE__, #condition);             \
            failures++;                                                                       \
        }                                                                                     \
    } while (0)

template <class T> struct cublas;
#define X(P, T)                                                                               \
    template <> struct cublas<T> {                                                            \
        static constexpr auto getrf = cublas##P##getrfBatched;                                \
        static constexpr auto getri = cublas##P##getriBatched;                                \
        static constexpr auto getrs = cublas##P##getrsBatched;                                \
    };
X(S, float)
X(D, double)
#undef X

// COUNT matrices of N columns that lie LD numbers apart, with the addresses of each as cuBLAS takes them.
enum { N = 19, LD = 23, COUNT = 3, SIZE = N * LD };
template <class T> struct batch {
    device_array<T> numbers;
    device_array<T *> list;
    explicit batch(const std::vector<T> &v) : numbers(v), list(addresses(numbers.data)) {}
    static std::vector<T *> addresses(T *base)
    {
        std::vector<T *> v;
        for (int i = 0; i < COUNT; i++)
            v.push_back(base + i * SIZE);
        return v;
    }
};

// `heavy`: a diagonal that needs no pivots.
template <class T> static std::vector<T> random_matrices(unsigned seed, bool heavy)
{
    std::vector<T> v(SIZE * COUNT);
    for (size_t i = 0; i < v.size(); i++)
        v[i] = (T)(noise(seed + (unsigned)i) * 2 - 1) + (heavy && i % SIZE % (LD + 1) == 0 ? 2 * N : 0);
    return v;
}

// The largest difference between op(A) X and B.
template <class T> static double residual(const std::vector<T> &a, bool transposed, const std::vector<T> &x, const std::vector<T> &b)
{
    double worst = 0;
    for (int m = 0; m < COUNT; m++)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                double sum = 0;
                for (int k = 0; k < N; k++)
                    sum += (double)a[m * SIZE + (transposed ? k + i * LD : i + k * LD)] * (double)x[m * SIZE + k + j * LD];
                worst = std::fmax(worst, std::fabs(sum - (double)b[m * SIZE + i + j * LD]));
            }
    return worst;
}

// Rows of A are swapped as the pivots say; then A is L times U.
template <class T> static double factors_differ(std::vector<T> a, const std::vector<T> &lu, const std::vector<int> &pivots)
{
    double worst = 0;
    for (int m = 0; m < COUNT; m++) {
        T *p = &a[m * SIZE];
        const T *f = &lu[m * SIZE];
        for (int k = 0; k < N && !pivots.empty(); k++) {
            int other = pivots[m * N + k] - 1;
            EXPECT(other >= k && other < N);
            for (int j = 0; j < N; j++)
                std::swap(p[k + j * LD], p[other + j * LD]);
        }
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                double sum = i <= j ? (double)f[i + j * LD] : 0;
                for (int k = 0; k < i && k <= j; k++)
                    sum += (double)f[i + k * LD] * (double)f[k + j * LD];
                worst = std::fmax(worst, std::fabs(sum - (double)p[i + j * LD]));
                EXPECT(pivots.empty() || i <= j || std::fabs((double)f[i + j * LD]) <= 1);
            }
    }
    return worst;
}

template <class T> static void systems_are_solved(bool pivoting, double bound)
{
    std::vector<T> a = random_matrices<T>(1, !pivoting), b = random_matrices<T>(5000, false), one(SIZE * COUNT);
    for (int i = 0; i < COUNT * SIZE; i++)
        one[i] = i % SIZE % LD == i % SIZE / LD;
    batch<T> da(a), dc(b);
    device_array<int> pivots(N * COUNT), info(std::vector<int>(COUNT, 99));
    int *p = pivoting ? pivots.data : nullptr;
    EXPECT(cublas<T>::getrf(handle, N, da.list.data, LD, p, info.data, COUNT) == CUBLAS_STATUS_SUCCESS);
    EXPECT(info.host() == std::vector<int>(COUNT));
    std::vector<T> lu = da.numbers.host();
    EXPECT(factors_differ(a, lu, pivoting ? pivots.host() : std::vector<int>()) < bound);
    for (int i = 0; i < SIZE * COUNT; i++) // what lies between the columns stays
        EXPECT(i % LD < N || lu[i] == a[i]);
    EXPECT(cublas<T>::getri(handle, N, da.list.data, LD, p, dc.list.data, LD, info.data, COUNT) == CUBLAS_STATUS_SUCCESS);
    EXPECT(info.host() == std::vector<int>(COUNT));
    EXPECT(residual(a, false, dc.numbers.host(), one) < bound);
    for (cublasOperation_t op : {CUBLAS_OP_N, CUBLAS_OP_T, CUBLAS_OP_C}) {
        batch<T> db(b);
        int wrong = 99;
        EXPECT(cublas<T>::getrs(handle, op, N, N, da.list.data, LD, p, db.list.data, LD, &wrong, COUNT) == CUBLAS_STATUS_SUCCESS);
        EXPECT(wrong == 0 && residual(a, op != CUBLAS_OP_N, db.numbers.host(), b) < bound);
    }
}

// The pivots of LAPACK for (0 2; 4 1), and U(2,2) = 0 for (1 2; 2 4).
static void pivots_count_from_one_and_singular_matrices_are_told()
{
    device_array<double> a(std::vector<double>{0, 4, 2, 1, 1, 2, 2, 4}), c(std::vector<double>(8, 7));
    device_array<double *> la(std::vector<double *>{a.data, a.data + 4}), lc(std::vector<double *>{c.data, c.data + 4});
    device_array<int> pivots(4), info(2);
    EXPECT(cublasDgetrfBatched(handle, 2, la.data, 2, pivots.data, info.data, 2) == CUBLAS_STATUS_SUCCESS);
    EXPECT((pivots.host() == std::vector<int>{2, 2, 2, 2}) && (info.host() == std::vector<int>{0, 2}));
    EXPECT((a.host() == std::vector<double>{4, 0, 1, 2, 2, 0.5, 4, 0}));
    EXPECT(cublasDgetriBatched(handle, 2, la.data, 2, pivots.data, lc.data, 2, info.data, 2) == CUBLAS_STATUS_SUCCESS);
    EXPECT((info.host() == std::vector<int>{0, 2}) && (c.host() == std::vector<double>{-0.125, 0.5, 0.25, 0, 7, 7, 7, 7}));
}

static void wrong_arguments_are_refused()
{
    device_array<float> a(4);
    device_array<float *> list(std::vector<float *>{a.data});
    device_array<int> pivots(2), info(1);
    int wrong = 99;
    EXPECT(cublasSgetrfBatched(NULL, 2, list.data, 2, pivots.data, info.data, 1) == CUBLAS_STATUS_NOT_INITIALIZED);
    EXPECT(cublasSgetrfBatched(handle, -1, list.data, 2, pivots.data, info.data, 1) == CUBLAS_STATUS_INVALID_VALUE);
    EXPECT(cublasSgetrfBatched(handle, 2, list.data, 1, pivots.data, info.data, 1) == CUBLAS_STATUS_INVALID_VALUE);
    EXPECT(cublasSgetrfBatched(handle, 2, NULL, 2, pivots.data, info.data, 1) == CUBLAS_STATUS_INVALID_VALUE);
    EXPECT(cublasSgetrfBatched(handle, 2, NULL, 2, NULL, NULL, 0) == CUBLAS_STATUS_SUCCESS);
    EXPECT(cublasSgetriBatched(handle, 2, list.data, 2, pivots.data, list.data, 1, info.data, 1) == CUBLAS_STATUS_INVALID_VALUE);
    EXPECT(cublasSgetriBatched(handle, 2, list.data, 2, pivots.data, list.data, 2, info.data, -1) == CUBLAS_STATUS_INVALID_VALUE);
    EXPECT(cublasSgetrsBatched(handle, CUBLAS_OP_N, 2, 1, list.data, 2, pivots.data, list.data, 1, &wrong, 1) == CUBLAS_STATUS_INVALID_VALUE);
    EXPECT(wrong == -8);
    EXPECT(cublasSgetrsBatched(handle, CUBLAS_OP_N, 2, -1, list.data, 2, pivots.data, list.data, 2, &wrong, 1) == CUBLAS_STATUS_INVALID_VALUE);
    EXPECT(wrong == -3);
    EXPECT(cublasSgetrsBatched(handle, CUBLAS_OP_N, 2, 1, list.data, 2, pivots.data, list.data, 2, NULL, 1) == CUBLAS_STATUS_INVALID_VALUE);
}

int main()
{
    if (cublasCreate(&handle) != CUBLAS_STATUS_SUCCESS)
        return 1;
    for (bool pivoting : {false, true}) {
        systems_are_solved<float>(pivoting, 2e-4);
        systems_are_solved<double>(pivoting, 2e-12);
    }
    pivots_count_from_one_and_singular_matrices_are_told();
    wrong_arguments_are_refused();
    cublasDestroy(handle);
    return verdict("blas_factor", failures, 0);
}
