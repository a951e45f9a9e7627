/* The C functions of BLAS for all four types under one signature: scalars come by address. */
#ifndef TESTS_BLAS_CALLS_H
#define TESTS_BLAS_CALLS_H
#include <cairn/blas.h>

typedef const void *in;
typedef void *out;
typedef CBLAS_LAYOUT L;
typedef CBLAS_TRANSPOSE OP;
typedef CBLAS_UPLO UL;

#define VALUE_s(x) (*(const float *)(x))
#define VALUE_d(x) (*(const double *)(x))
#define VALUE_c(x) (x)
#define VALUE_z(x) (x)
#define REAL_s(x) VALUE_s(x)
#define REAL_d(x) VALUE_d(x)
#define REAL_c(x) VALUE_s(x)
#define REAL_z(x) VALUE_d(x)

/* X(name, parameters, arguments as cblas takes them): V(x) is a scalar, R(x) a real one. */
#define CALLS_OF_ALL(X)                                                                                                  \
    X(gemv, (L l, OP op, int m, int n, in al, in a, int lda, in x, int ix, in be, out y, int iy),                        \
      (l, op, m, n, V(al), a, lda, x, ix, V(be), y, iy))                                                                 \
    X(gbmv, (L l, OP op, int m, int n, int kl, int ku, in al, in a, int lda, in x, int ix, in be, out y, int iy),        \
      (l, op, m, n, kl, ku, V(al), a, lda, x, ix, V(be), y, iy))                                                         \
    X(trmv, (L l, UL u, OP op, CBLAS_DIAG d, int n, in a, int lda, out x, int ix), (l, u, op, d, n, a, lda, x, ix))      \
    X(trsv, (L l, UL u, OP op, CBLAS_DIAG d, int n, in a, int lda, out x, int ix), (l, u, op, d, n, a, lda, x, ix))      \
    X(tbmv, (L l, UL u, OP op, CBLAS_DIAG d, int n, int k, in a, int lda, out x, int ix), (l, u, op, d, n, k, a, lda, x, ix)) \
    X(tbsv, (L l, UL u, OP op, CBLAS_DIAG d, int n, int k, in a, int lda, out x, int ix), (l, u, op, d, n, k, a, lda, x, ix)) \
    X(tpmv, (L l, UL u, OP op, CBLAS_DIAG d, int n, in a, out x, int ix), (l, u, op, d, n, a, x, ix))                    \
    X(tpsv, (L l, UL u, OP op, CBLAS_DIAG d, int n, in a, out x, int ix), (l, u, op, d, n, a, x, ix))                    \
    X(gemm, (L l, OP p, OP q, int m, int n, int k, in al, in a, int lda, in b, int ldb, in be, out c, int ldc),          \
      (l, p, q, m, n, k, V(al), a, lda, b, ldb, V(be), c, ldc))                                                          \
    X(symm, (L l, CBLAS_SIDE s, UL u, int m, int n, in al, in a, int lda, in b, int ldb, in be, out c, int ldc),         \
      (l, s, u, m, n, V(al), a, lda, b, ldb, V(be), c, ldc))                                                             \
    X(syrk, (L l, UL u, OP op, int n, int k, in al, in a, int lda, in be, out c, int ldc),                               \
      (l, u, op, n, k, V(al), a, lda, V(be), c, ldc))                                                                    \
    X(syr2k, (L l, UL u, OP op, int n, int k, in al, in a, int lda, in b, int ldb, in be, out c, int ldc),               \
      (l, u, op, n, k, V(al), a, lda, b, ldb, V(be), c, ldc))                                                            \
    X(trmm, (L l, CBLAS_SIDE s, UL u, OP op, CBLAS_DIAG d, int m, int n, in al, in a, int lda, out b, int ldb),          \
      (l, s, u, op, d, m, n, V(al), a, lda, b, ldb))                                                                     \
    X(trsm, (L l, CBLAS_SIDE s, UL u, OP op, CBLAS_DIAG d, int m, int n, in al, in a, int lda, out b, int ldb),          \
      (l, s, u, op, d, m, n, V(al), a, lda, b, ldb))                                                                     \
    X(swap, (int n, out x, int ix, out y, int iy), (n, x, ix, y, iy))                                                    \
    X(copy, (int n, in x, int ix, out y, int iy), (n, x, ix, y, iy))                                                     \
    X(axpy, (int n, in al, in x, int ix, out y, int iy), (n, V(al), x, ix, y, iy))                                       \
    X(scal, (int n, in al, out x, int ix), (n, V(al), x, ix))

/* The routines whose names differ between real and complex types: sy and he, s and h, ger and geru. */
#define CALLS_OF_SYMMETRIC(X)                                                                                            \
    X(symv, hemv, (L l, UL u, int n, in al, in a, int lda, in x, int ix, in be, out y, int iy),                          \
      (l, u, n, V(al), a, lda, x, ix, V(be), y, iy))                                                                     \
    X(sbmv, hbmv, (L l, UL u, int n, int k, in al, in a, int lda, in x, int ix, in be, out y, int iy),                   \
      (l, u, n, k, V(al), a, lda, x, ix, V(be), y, iy))                                                                  \
    X(spmv, hpmv, (L l, UL u, int n, in al, in a, in x, int ix, in be, out y, int iy), (l, u, n, V(al), a, x, ix, V(be), y, iy)) \
    X(syr, her, (L l, UL u, int n, in al, in x, int ix, out a, int lda), (l, u, n, R(al), x, ix, a, lda))                \
    X(spr, hpr, (L l, UL u, int n, in al, in x, int ix, out a), (l, u, n, R(al), x, ix, a))                              \
    X(syr2, her2, (L l, UL u, int n, in al, in x, int ix, in y, int iy, out a, int lda),                                 \
      (l, u, n, V(al), x, ix, y, iy, a, lda))                                                                            \
    X(spr2, hpr2, (L l, UL u, int n, in al, in x, int ix, in y, int iy, out a), (l, u, n, V(al), x, ix, y, iy, a))       \
    X(ger, geru, (L l, int m, int n, in al, in x, int ix, in y, int iy, out a, int lda),                                 \
      (l, m, n, V(al), x, ix, y, iy, a, lda))                                                                            \
    X(ger, gerc, (L l, int m, int n, in al, in x, int ix, in y, int iy, out a, int lda),                                 \
      (l, m, n, V(al), x, ix, y, iy, a, lda))                                                                            \
    X(symm, hemm, (L l, CBLAS_SIDE s, UL u, int m, int n, in al, in a, int lda, in b, int ldb, in be, out c, int ldc),   \
      (l, s, u, m, n, V(al), a, lda, b, ldb, V(be), c, ldc))                                                             \
    X(syrk, herk, (L l, UL u, OP op, int n, int k, in al, in a, int lda, in be, out c, int ldc),                         \
      (l, u, op, n, k, R(al), a, lda, R(be), c, ldc))                                                                    \
    X(syr2k, her2k, (L l, UL u, OP op, int n, int k, in al, in a, int lda, in b, int ldb, in be, out c, int ldc),        \
      (l, u, op, n, k, V(al), a, lda, b, ldb, R(be), c, ldc))

#define V(x) VALUE_s(x)
#define R(x) REAL_s(x)
#define X(name, parameters, arguments) static void call_s##name parameters { cblas_s##name arguments; }
CALLS_OF_ALL(X)
#undef X
#define X(real, complex, parameters, arguments) static void call_s##complex parameters { cblas_s##real arguments; }
CALLS_OF_SYMMETRIC(X)
#undef X
#undef V
#undef R
#define V(x) VALUE_d(x)
#define R(x) REAL_d(x)
#define X(name, parameters, arguments) static void call_d##name parameters { cblas_d##name arguments; }
CALLS_OF_ALL(X)
#undef X
#define X(real, complex, parameters, arguments) static void call_d##complex parameters { cblas_d##real arguments; }
CALLS_OF_SYMMETRIC(X)
#undef X
#undef V
#undef R
#define V(x) VALUE_c(x)
#define R(x) REAL_c(x)
#define X(name, parameters, arguments) static void call_c##name parameters { cblas_c##name arguments; }
CALLS_OF_ALL(X)
#undef X
#define X(real, complex, parameters, arguments) static void call_c##complex parameters { cblas_c##complex arguments; }
CALLS_OF_SYMMETRIC(X)
#undef X
#undef V
#undef R
#define V(x) VALUE_z(x)
#define R(x) REAL_z(x)
#define X(name, parameters, arguments) static void call_z##name parameters { cblas_z##name arguments; }
CALLS_OF_ALL(X)
#undef X
#define X(real, complex, parameters, arguments) static void call_z##complex parameters { cblas_z##complex arguments; }
CALLS_OF_SYMMETRIC(X)
#undef X
#undef V
#undef R

/* calls[t].gemm ..., t as blas_type counts; the Hermitian names mean the symmetric routine for real types. */
typedef struct calls {
#define X(name, parameters, arguments) void (*name) parameters;
    CALLS_OF_ALL(X)
#undef X
#define X(real, complex, parameters, arguments) void (*complex) parameters;
    CALLS_OF_SYMMETRIC(X)
#undef X
} calls;
#define CALLS(p)                                                        \
    {                                                                   \
        CALLS_OF_ALL(FIELD_##p) CALLS_OF_SYMMETRIC(FIELD_2_##p)         \
    }
#define FIELD_s(name, parameters, arguments) .name = call_s##name,
#define FIELD_2_s(real, complex, parameters, arguments) .complex = call_s##complex,
#define FIELD_d(name, parameters, arguments) .name = call_d##name,
#define FIELD_2_d(real, complex, parameters, arguments) .complex = call_d##complex,
#define FIELD_c(name, parameters, arguments) .name = call_c##name,
#define FIELD_2_c(real, complex, parameters, arguments) .complex = call_c##complex,
#define FIELD_z(name, parameters, arguments) .name = call_z##name,
#define FIELD_2_z(real, complex, parameters, arguments) .complex = call_z##complex,
static const calls calls_of[4] = {CALLS(s), CALLS(d), CALLS(c), CALLS(z)};

#endif
