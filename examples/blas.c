/* BLAS from C, without the framework: a polynomial is fitted by least squares, then the largest eigenvalue of the normal
 * equations' matrix is found by power iteration.
 *
 *     blas [--steps N]            cc blas.c -lcairn-blas -lm */
#include <cairn/blas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 200, TERMS = 4 };

/* Cholesky's factor of a small matrix, in its lower triangle: A = L L^T. */
static void factorise(int n, double *a)
{
    for (int j = 0; j < n; j++) {
        a[j * n + j] = sqrt(a[j * n + j] - cblas_ddot(j, a + j * n, 1, a + j * n, 1));
        for (int i = j + 1; i < n; i++)
            a[i * n + j] = (a[i * n + j] - cblas_ddot(j, a + i * n, 1, a + j * n, 1)) / a[j * n + j];
    }
}

int main(int argc, char **argv)
{
    const int steps = argc > 2 && !strcmp(argv[1], "--steps") ? atoi(argv[2]) : 50;
    static double x[POINTS][TERMS], y[POINTS];
    for (int i = 0; i < POINTS; i++) {
        const double t = 2.0 * i / (POINTS - 1) - 1;
        for (int j = 0; j < TERMS; j++)
            x[i][j] = pow(t, j);
        y[i] = 1 - 2 * t + 3 * t * t * t + 0.01 * sin(40 * t);
    }

    /* X^T X w = X^T y: one triangle of the left side, a vector on the right, two triangular systems. */
    double gram[TERMS * TERMS] = {0}, factor[TERMS * TERMS], w[TERMS];
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, TERMS, POINTS, 1, x[0], TERMS, 0, gram, TERMS);
    cblas_dgemv(CblasRowMajor, CblasTrans, POINTS, TERMS, 1, x[0], TERMS, y, 1, 0, w, 1);
    memcpy(factor, gram, sizeof gram);
    factorise(TERMS, factor);
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, TERMS, factor, TERMS, w, 1);
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit, TERMS, factor, TERMS, w, 1);
    printf("y = %.3f %+.3f t %+.3f t^2 %+.3f t^3\n", w[0], w[1], w[2], w[3]);

    /* v = A v / |A v|: what remains is the eigenvector of the largest eigenvalue. */
    double v[TERMS] = {1, 1, 1, 1}, next[TERMS], largest = 0;
    for (int step = 0; step < steps; step++) {
        cblas_dsymv(CblasRowMajor, CblasLower, TERMS, 1, gram, TERMS, v, 1, 0, next, 1);
        largest = cblas_dnrm2(TERMS, next, 1);
        cblas_dscal(TERMS, 1 / largest, next, 1);
        cblas_dcopy(TERMS, next, 1, v, 1);
    }
    printf("largest eigenvalue of X^T X: %.4f\n", largest);

    /* The fit is what the points were made of. */
    return fabs(w[0] - 1) < 0.01 && fabs(w[1] + 2) < 0.01 && fabs(w[3] - 3) < 0.02 && largest > 0 ? 0 : 1;
}
