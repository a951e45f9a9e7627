/* Scalar functions that the C library lacks. */
#include <math.h>
#include "primitives/program/vm.h"

/* A first value within 1e-2 of the root for any |x| < 1 (Winitzki), then Halley's method on erf, or on erfc near the
 * ends, where 1 - |x| is exact and erf is flat: each step triples the digits. */
double vm_erfinv(double x)
{
    double a = fabs(x);
    if (!(a < 1))
        return a == 1 ? copysign(INFINITY, x) : NAN;
    if (a < 1e-8)
        return x * 0.8862269254527580137;               /* sqrt(pi) / 2 */
    double l = log1p(-a * a), h = 4.330746750799873 + l / 2;
    double y = sqrt(sqrt(h * h - l / 0.147) - h);
    for (int i = 0; i < 3; i++) {
        double error = a < 0.5 ? erf(y) - a : (1 - a) - erfc(y);
        double step = error * 0.8862269254527580137 * exp(y * y);
        y -= step / (1 + y * step);
    }
    return copysign(y, x);
}

double vm_lgamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* Reflection for negative x, recurrence up to 10, then the asymptotic series (Abramowitz and Stegun 6.3). Relative to
 * 1 + |digamma|, within a few ulp: the root at 1.4616 is one of absolute accuracy. As PyTorch, digamma(+-0) = -+inf. */
double vm_digamma(double x)
{
    double shift = 0;
    if (x == 0)
        return copysign(INFINITY, -x);
    if (x < 0) {
        double whole, part = modf(x, &whole);
        if (part == 0)
            return NAN;
        return vm_digamma(1 - x) - 3.14159265358979323846 / tan(3.14159265358979323846 * part);
    }
    for (; x < 10; x++)
        shift -= 1 / x;
    if (isinf(x))
        return x;
    double z = 1 / (x * x);
    double series = z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z * (1.0 / 132 -
                    z * (691.0 / 32760 - z / 12))))));
    return shift + log(x) - 0.5 / x - series;
}
