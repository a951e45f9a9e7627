/* Two 16-bit or four 8-bit numbers in one word (__vadd2, __vmaxs4 ...), a lane at a time; clang makes what it can
 * of it. Included by cairn_libdevice.h, with its CAIRN_NV. */
#define LANES(bits, stype, utype, expression)                                                         \
    unsigned result = 0;                                                                              \
    for (int i = 0; i < 32; i += bits) {                                                              \
        int s = (stype)(a >> i), t = (stype)(b >> i), u = (utype)(a >> i), v = (utype)(b >> i);       \
        (void)s, (void)t, (void)u, (void)v;                                                           \
        result |= (unsigned)(utype)(expression) << i;                                                 \
    }                                                                                                 \
    return (int)result;
#define CLAMP(x, low, high) ((x) < (low) ? (low) : (x) > (high) ? (high) : (x))
/* s, t: the lanes as signed numbers; u, v: as unsigned ones */
#define V2(name, bits, count, stype, utype, expression)                                               \
    CAIRN_NV int __nv_v##name##count(int a_, int b_)                                                  \
    {                                                                                                 \
        unsigned a = (unsigned)a_, b = (unsigned)b_;                                                  \
        LANES(bits, stype, utype, expression)                                                         \
    }
#define V1(name, bits, count, stype, utype, expression)                                               \
    CAIRN_NV int __nv_v##name##count(int a_)                                                          \
    {                                                                                                 \
        unsigned a = (unsigned)a_, b = 0;                                                             \
        LANES(bits, stype, utype, expression)                                                         \
    }
#define SUM(name, bits, count, stype, utype, expression)                                              \
    CAIRN_NV int __nv_v##name##count(int a, int b)                                                    \
    {                                                                                                 \
        int sum = 0;                                                                                  \
        for (int i = 0; i < 32; i += bits) {                                                          \
            int s = (stype)((unsigned)a >> i), t = (stype)((unsigned)b >> i);                         \
            int u = (utype)((unsigned)a >> i), v = (utype)((unsigned)b >> i);                         \
            (void)s, (void)t, (void)u, (void)v;                                                       \
            sum += (expression);                                                                      \
        }                                                                                             \
        return sum;                                                                                   \
    }
#define COMPARISON(name, bits, count, stype, utype, condition)                                        \
    V2(cmp##name, bits, count, stype, utype, (condition) ? -1 : 0)                                    \
    V2(set##name, bits, count, stype, utype, (condition) ? 1 : 0)
#define ALL(bits, count, stype, utype, low, high, top)                                                \
    V1(abs, bits, count, stype, utype, s < 0 ? -s : s) V1(absss, bits, count, stype, utype, s < 0 ? (s == (low) ? (high) : -s) : s) \
    V1(neg, bits, count, stype, utype, -s) V1(negss, bits, count, stype, utype, s == (low) ? (high) : -s) \
    V2(add, bits, count, stype, utype, u + v) V2(addss, bits, count, stype, utype, CLAMP(s + t, low, high)) \
    V2(addus, bits, count, stype, utype, CLAMP(u + v, 0, top)) V2(sub, bits, count, stype, utype, u - v) \
    V2(subss, bits, count, stype, utype, CLAMP(s - t, low, high)) V2(subus, bits, count, stype, utype, CLAMP(u - v, 0, top)) \
    V2(absdiffs, bits, count, stype, utype, s > t ? s - t : t - s) V2(absdiffu, bits, count, stype, utype, u > v ? u - v : v - u) \
    V2(avgs, bits, count, stype, utype, (s + t + (s + t >= 0)) >> 1) V2(avgu, bits, count, stype, utype, (u + v + 1) >> 1) \
    V2(haddu, bits, count, stype, utype, (u + v) >> 1)                                                \
    V2(maxs, bits, count, stype, utype, s > t ? s : t) V2(mins, bits, count, stype, utype, s < t ? s : t) \
    V2(maxu, bits, count, stype, utype, u > v ? u : v) V2(minu, bits, count, stype, utype, u < v ? u : v) \
    SUM(sads, bits, count, stype, utype, s > t ? s - t : t - s) SUM(sadu, bits, count, stype, utype, u > v ? u - v : v - u) \
    COMPARISON(eq, bits, count, stype, utype, u == v) COMPARISON(ne, bits, count, stype, utype, u != v) \
    COMPARISON(ges, bits, count, stype, utype, s >= t) COMPARISON(geu, bits, count, stype, utype, u >= v) \
    COMPARISON(gts, bits, count, stype, utype, s > t) COMPARISON(gtu, bits, count, stype, utype, u > v) \
    COMPARISON(les, bits, count, stype, utype, s <= t) COMPARISON(leu, bits, count, stype, utype, u <= v) \
    COMPARISON(lts, bits, count, stype, utype, s < t) COMPARISON(ltu, bits, count, stype, utype, u < v)
ALL(16, 2, short, unsigned short, -32768, 32767, 65535)
ALL(8, 4, signed char, unsigned char, -128, 127, 255)
#undef ALL
#undef COMPARISON
#undef SUM
#undef V1
#undef V2
#undef CLAMP
#undef LANES
