/* Compiled with -frounding-math: the compiler must not move arithmetic over the change of mode. */
#include "runtime/exec/directed.h"
#include "runtime/exec/helpers.h"
#include <fenv.h>

#define X(name, result, expression, type)                                                            \
    static __attribute__((noinline)) void run_##name(const void *x, const void *y, const void *z, void *out) \
    {                                                                                                 \
        const type *xs = x, *ys = y ? y : x, *zs = z ? z : x;                                          \
        for (int i = 0; i < WARP_LANES; i++) {                                                        \
            volatile type a = xs[i], b = ys[i], c = zs[i];                                            \
            (void)b;                                                                                  \
            (void)c;                                                                                  \
            ((result *)out)[i] = expression;                                                          \
        }                                                                                             \
    }
DIRECTED_OPS(X)
#undef X

static void (*const runs[])(const void *, const void *, const void *, void *) = {
#define X(name, result, expression, type) run_##name,
    DIRECTED_OPS(X)
#undef X
};

void rt_directed(int op, int mode, const void *x, const void *y, const void *z, void *out)
{
    static const int modes[] = {FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
    int before = fegetround();
    fesetround(modes[mode]);
    runs[op](x, y, z, out);
    fesetround(before);
}
