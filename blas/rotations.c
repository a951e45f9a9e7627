/* Plane rotations are set up here: rotg (real, complex) and rotmg.
 *
 * rotg after Anderson, "Algorithm 978: Safe Scaling in the Level 1 BLAS" (2017), which LAPACK 3.10 took over: c^2 + s^2 = 1,
 * and nothing overflows or underflows on the way. f32 is done in f64, where its squares fit. */
#include "blas/rotations.h"

#include <float.h>
#include <math.h>

/* ---- Real ----------------------------------------------------------------------------------------*/

/* Scales by a power of two near the larger of the two, which is exact. */
void rotg_real(double *a, double *b, double *c, double *s)
{
    const double size_a = fabs(*a), size_b = fabs(*b);
    if (size_b == 0) {
        *c = 1, *s = 0, *b = 0;
        return;
    }
    if (size_a == 0) {
        *c = 0, *s = 1, *a = *b, *b = 1;
        return;
    }
    const int power = isfinite(size_a) && isfinite(size_b) ? -ilogb(fmax(size_a, size_b)) : 0;
    const double x = ldexp(*a, power), y = ldexp(*b, power);
    const double sign = size_a > size_b ? copysign(1, *a) : copysign(1, *b);
    const double r = sign * sqrt(x * x + y * y);
    *c = x / r;
    *s = y / r;
    *a = ldexp(r, -power);
    *b = size_a > size_b ? *s : *c != 0 ? 1 / *c : 1;
}

/* c = |a| / |(a, b)|, s = (a / |a|) conj(b) / |(a, b)|, r = (a / |a|) |(a, b)| */
void rotg_complex(number *a, number b, double *c, number *s)
{
    const double most_a = fmax(fabs(a->re), fabs(a->im)), most_b = fmax(fabs(b.re), fabs(b.im));
    if (most_b == 0) {
        *c = 1, *s = (number){0, 0};
        return;
    }
    const double most = fmax(most_a, most_b);
    const int power = isfinite(most) ? -ilogb(most) : 0;
    const number x = {ldexp(a->re, power), ldexp(a->im, power)}, y = {ldexp(b.re, power), ldexp(b.im, power)};
    if (most_a == 0) {
        const double size = hypot(y.re, y.im);
        *c = 0;
        *s = (number){y.re / size, -y.im / size};
        *a = (number){ldexp(size, -power), 0};
        return;
    }
    const double size_a = hypot(x.re, x.im), size = sqrt(size_a * size_a + y.re * y.re + y.im * y.im);
    const int up = -ilogb(most_a); /* the direction of a is taken from a itself: it may be far smaller than b */
    const number own = {ldexp(a->re, up), ldexp(a->im, up)};
    const double own_size = hypot(own.re, own.im);
    const number direction = {own.re / own_size, own.im / own_size};
    *c = size_a / size;
    *s = times(direction, (number){y.re / size, -y.im / size});
    *a = (number){ldexp(direction.re * size, -power), ldexp(direction.im * size, -power)};
}

/* ---- Modified ------------------------------------------------------------------------------------*/

/* Hammarling's and Lawson's rule (Lawson et al., "Basic Linear Algebra Subprograms for Fortran usage", 1979): H such that
 * H (sqrt(d1) x1, sqrt(d2) y1) has a zero second element, kept in range by factors of 4096. */
static const double GAM = 4096;

typedef struct modified { double flag, h11, h21, h12, h22; } modified;

/* All four elements become explicit, as a scaled H needs. */
static void make_explicit(modified *m)
{
    if (m->flag == 0)
        m->h11 = 1, m->h22 = 1;
    else if (m->flag > 0)
        m->h21 = -1, m->h12 = 1;
    m->flag = -1;
}

static void rescale(modified *m, double *d, double *x, double *first, double *second)
{
    while (*d != 0 && isfinite(*d) && (fabs(*d) <= 1 / (GAM * GAM) || fabs(*d) >= GAM * GAM)) {
        const bool small = fabs(*d) <= 1 / (GAM * GAM);
        make_explicit(m);
        *d *= small ? GAM * GAM : 1 / (GAM * GAM);
        if (x)
            *x *= small ? 1 / GAM : GAM;
        *first *= small ? 1 / GAM : GAM;
        *second *= small ? 1 / GAM : GAM;
    }
}

static void store_modified(const modified *m, double param[5])
{
    param[0] = m->flag;
    if (m->flag < 0)
        param[1] = m->h11, param[2] = m->h21, param[3] = m->h12, param[4] = m->h22;
    else if (m->flag == 0)
        param[2] = m->h21, param[3] = m->h12;
    else
        param[1] = m->h11, param[4] = m->h22;
}

static void give_up(modified *m, double *d1, double *d2, double *x1)
{
    *m = (modified){.flag = -1};
    *d1 = *d2 = *x1 = 0;
}

void rotmg_real(double *d1, double *d2, double *x1, double y1, double param[5])
{
    modified m = {0};
    const double p2 = *d2 * y1, p1 = *d1 * *x1, q2 = p2 * y1, q1 = p1 * *x1;
    if (*d1 < 0) {
        give_up(&m, d1, d2, x1);
    } else if (p2 == 0) {
        param[0] = -2;
        return;
    } else if (fabs(q1) > fabs(q2)) {
        m = (modified){.flag = 0, .h21 = -y1 / *x1, .h12 = p2 / p1};
        const double u = 1 - m.h12 * m.h21;
        if (u > 0)
            *d1 /= u, *d2 /= u, *x1 *= u;
        else /* only rounding brings us here */
            give_up(&m, d1, d2, x1);
    } else if (q2 < 0) {
        give_up(&m, d1, d2, x1);
    } else {
        m = (modified){.flag = 1, .h11 = p1 / p2, .h22 = *x1 / y1};
        const double u = 1 + m.h11 * m.h22, d = *d2 / u;
        *d2 = *d1 / u;
        *d1 = d;
        *x1 = y1 * u;
    }
    rescale(&m, d1, x1, &m.h11, &m.h12);
    rescale(&m, d2, NULL, &m.h21, &m.h22);
    store_modified(&m, param);
}
