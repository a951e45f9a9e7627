/* Plane rotations. */
#ifndef BLAS_ROTATIONS_H
#define BLAS_ROTATIONS_H
#include "blas/blas.h"

/* (c, s; -s, c) (a, b) = (r, 0); a becomes r, b the number from which c and s can be found again (z). */
void rotg_real(double *a, double *b, double *c, double *s);
void rotg_complex(number *a, number b, double *c, number *s);
/* The modified rotation: param as rotm reads it. */
void rotmg_real(double *d1, double *d2, double *x1, double y1, double param[5]);

#endif
