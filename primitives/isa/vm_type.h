/* Loops of block functions over one register type. Included once per type, with one of TYPE_F32, TYPE_F64, TYPE_I32,
 * TYPE_I64 defined; T(name) is the type's name of a thing.
 *
 * V is the vector, E the element, M the vector of comparison results (0 and -1 in lanes as wide as E's). */
#undef T
#undef V
#undef E
#undef M
#undef LANES
#undef T_LOAD
#undef T_LOAD_N
#undef T_STORE
#undef T_STORE_N
#undef WIDE

#if defined(TYPE_F32)
#define T(name) name##_f32
#define V VF
#define E float
#define M VI
#define LANES LANES_F32
#define T_LOAD vf_load
#define T_LOAD_N vf_load_n
#define T_STORE vf_store
#define T_STORE_N vf_store_n
#elif defined(TYPE_F64)
#define T(name) name##_f64
#define V VD
#define E double
#define M VL
#define LANES LANES_F64
#define T_LOAD vd_load
#define T_LOAD_N vd_load_n
#define T_STORE vd_store
#define T_STORE_N vd_store_n
#define WIDE 1
#elif defined(TYPE_I32)
#define T(name) name##_i32
#define V VI
#define E int32_t
#define M VI
#define LANES LANES_F32
#define T_LOAD vi_load
#define T_LOAD_N vi_load_n
#define T_STORE vi_store
#define T_STORE_N vi_store_n
#else
#define T(name) name##_i64
#define V VL
#define E int64_t
#define M VL
#define LANES LANES_F64
#define T_LOAD vl_load
#define T_LOAD_N vl_load_n
#define T_STORE vl_store
#define T_STORE_N vl_store_n
#define WIDE 1
#endif

/* x - 0, not x + 0, so that -0 stays. */
SIMD_INLINE V T(set)(E x) { return x - (V){0}; }
SIMD_INLINE V T(part_load)(const E *p, int64_t n) { return n >= LANES ? T_LOAD(p) : T_LOAD_N(p, n); }
SIMD_INLINE void T(part_store)(E *p, int64_t n, V v)
{
    if (n >= LANES)
        T_STORE(p, v);
    else
        T_STORE_N(p, n, v);
}
/* mask ? yes : no */
SIMD_INLINE V T(select)(M mask, V yes, V no) { return (V)(((M)yes & mask) | ((M)no & ~mask)); }

/* Booleans are i32 whatever the type compared: stores and loads of a mask. */
#ifdef WIDE
typedef int32_t T(half) __attribute__((vector_size(SIMD_BYTES / 2)));
SIMD_INLINE void T(part_store_bool)(int32_t *p, int64_t n, M m)
{
    T(half) h = __builtin_convertvector(m & 1, T(half));
    if (n >= LANES)
        memcpy(p, &h, sizeof h);
    else
        for (int i = 0; i < LANES; i++)
            if (i < n)
                p[i] = h[i];
}
SIMD_INLINE M T(part_load_bool)(const int32_t *p, int64_t n)
{
    T(half) h = {0};
    if (n >= LANES)
        memcpy(&h, p, sizeof h);
    else
        for (int i = 0; i < LANES; i++)
            if (i < n)
                h[i] = p[i];
    return __builtin_convertvector(h, M) != 0;
}
#else
SIMD_INLINE void T(part_store_bool)(int32_t *p, int64_t n, M m)
{
    if (n >= LANES)
        vi_store(p, m & 1);
    else
        vi_store_n(p, n, m & 1);
}
SIMD_INLINE M T(part_load_bool)(const int32_t *p, int64_t n)
{
    return (n >= LANES ? vi_load(p) : vi_load_n(p, n)) != 0;
}
#endif

/* Row r of operand x of the arguments s, and of the result. */
#define ROW_OF(s, x, r, type) ((const type *)(s)->x + (r) * (s)->x##_step)
#define ROW_TO(s, r, type) ((type *)(s)->d + (r) * (s)->d_step)
#undef AHEAD
/* To L2: L1 is full of registers and of what is being worked on. */
#define AHEAD(s, i) __builtin_prefetch((s)->ahead + ((i) * (s)->ahead_rate >> 4), 0, 2)
#undef PAIRS
#if defined(ISA_AVX512) || defined(ISA_AVX2) || defined(ISA_NEON)
#define PAIRS true
#else
#define PAIRS false
#endif

/* Arithmetic fetches from `ahead`, along with its own loop, what a later block will load. Functions of one operand, some of
 * which are long chains of dependent instructions, take two vectors at a time where there is a window to fill: a processor
 * does not look far enough ahead to find the next vector's chain by itself. */
/* `less` is a constant at every call: f of a - b, b one number. */
SIMD_INLINE void T(map1)(const vm_args *s, V (*f)(V), bool less)
{
    enum { STEP = PAIRS ? 2 * LANES : LANES, SECOND = STEP - LANES };
    for (int64_t r = 0; r < s->rows; r++) {
        const E *a = ROW_OF(s, a, r, E);
        E *d = ROW_TO(s, r, E);
        const V b = T(set)(less ? *ROW_OF(s, b, r, E) : 0);
        for (int64_t i = 0, n = s->cols; i < n; i += STEP) {
            E end[STEP], *to = d + i;
            const E *from = a + i;
            if (n - i < STEP) {
                T_STORE(end + SECOND, n - i > SECOND ? T(part_load)(from + SECOND, n - i - SECOND) : T(set)(0));
                T_STORE(end, T(part_load)(from, n - i));
                from = to = end;
            }
            V x = f(less ? T_LOAD(from) - b : T_LOAD(from)), y = !PAIRS ? x : f(less ? T_LOAD(from + SECOND) - b : T_LOAD(from + SECOND));
            AHEAD(s, i);
            AHEAD(s, i + SECOND);
            T_STORE(to, x);
            T_STORE(to + SECOND, y);
            if (n - i < STEP) {
                T(part_store)(d + i, n - i, T_LOAD(end));
                if (n - i > LANES)
                    T(part_store)(d + i + LANES, n - i - LANES, T_LOAD(end + SECOND));
            }
        }
    }
}

SIMD_INLINE void T(test1)(const vm_args *s, M (*f)(V))
{
    for (int64_t r = 0; r < s->rows; r++) {
        const E *a = ROW_OF(s, a, r, E);
        int32_t *d = ROW_TO(s, r, int32_t);
        for (int64_t i = 0; i < s->cols; i += LANES)
            T(part_store_bool)(d + i, s->cols - i, f(T(part_load)(a + i, s->cols - i)));
    }
}

/* `mode` is a constant at every call: the mask of scalar operands. */
SIMD_INLINE void T(map2)(const vm_args *s, V (*f)(V, V), int mode)
{
    for (int64_t r = 0; r < s->rows; r++) {
        const E *a = ROW_OF(s, a, r, E), *b = ROW_OF(s, b, r, E);
        E *d = ROW_TO(s, r, E);
        V sa = T(set)(mode & 1 ? *a : 0), sb = T(set)(mode & 2 ? *b : 0);
        for (int64_t i = 0, n = s->cols; i < n; i += LANES) {
            V x = mode & 1 ? sa : T(part_load)(a + i, n - i), y = mode & 2 ? sb : T(part_load)(b + i, n - i);
            AHEAD(s, i);
            T(part_store)(d + i, n - i, f(x, y));
        }
    }
}

SIMD_INLINE void T(test2)(const vm_args *s, M (*f)(V, V), int mode)
{
    for (int64_t r = 0; r < s->rows; r++) {
        const E *a = ROW_OF(s, a, r, E), *b = ROW_OF(s, b, r, E);
        int32_t *d = ROW_TO(s, r, int32_t);
        V sa = T(set)(mode & 1 ? *a : 0), sb = T(set)(mode & 2 ? *b : 0);
        for (int64_t i = 0; i < s->cols; i += LANES) {
            int64_t n = s->cols - i;
            V x = mode & 1 ? sa : T(part_load)(a + i, n), y = mode & 2 ? sb : T(part_load)(b + i, n);
            T(part_store_bool)(d + i, n, f(x, y));
        }
    }
}

SIMD_INLINE void T(map3)(const vm_args *s, V (*f)(V, V, V), int mode)
{
    for (int64_t r = 0; r < s->rows; r++) {
        const E *a = ROW_OF(s, a, r, E), *b = ROW_OF(s, b, r, E), *c = ROW_OF(s, c, r, E);
        E *d = ROW_TO(s, r, E);
        V sb = T(set)(mode & 2 ? *b : 0), sc = T(set)(mode & 4 ? *c : 0);
        for (int64_t i = 0, n = s->cols; i < n; i += LANES) {
            V x = T(part_load)(a + i, n - i), y = mode & 2 ? sb : T(part_load)(b + i, n - i);
            AHEAD(s, i);
            T(part_store)(d + i, n - i, f(x, y, mode & 4 ? sc : T(part_load)(c + i, n - i)));
        }
    }
}

/* a is the i32 condition. */
SIMD_INLINE void T(choose)(const vm_args *s, int mode)
{
    for (int64_t r = 0; r < s->rows; r++) {
        const int32_t *a = ROW_OF(s, a, r, int32_t);
        const E *b = ROW_OF(s, b, r, E), *c = ROW_OF(s, c, r, E);
        E *d = ROW_TO(s, r, E);
        V sb = T(set)(mode & 2 ? *b : 0), sc = T(set)(mode & 4 ? *c : 0);
        for (int64_t i = 0; i < s->cols; i += LANES) {
            int64_t n = s->cols - i;
            V y = mode & 2 ? sb : T(part_load)(b + i, n), z = mode & 4 ? sc : T(part_load)(c + i, n);
            T(part_store)(d + i, n, T(select)(T(part_load_bool)(a + i, n), y, z));
        }
    }
}

/* One element at a time: for what has no vector form. */
SIMD_INLINE void T(each1)(const vm_args *s, E (*f)(E))
{
    for (int64_t r = 0; r < s->rows; r++) {
        const E *a = ROW_OF(s, a, r, E);
        E *d = ROW_TO(s, r, E);
        for (int64_t i = 0; i < s->cols; i++)
            d[i] = f(a[i]);
    }
}

SIMD_INLINE void T(each2)(const vm_args *s, E (*f)(E, E), int mode)
{
    for (int64_t r = 0; r < s->rows; r++) {
        const E *a = ROW_OF(s, a, r, E), *b = ROW_OF(s, b, r, E);
        E *d = ROW_TO(s, r, E);
        for (int64_t i = 0; i < s->cols; i++)
            d[i] = f(a[mode & 1 ? 0 : i], b[mode & 2 ? 0 : i]);
    }
}

/* Block functions of a function of vectors or elements, one for each mode ... */
#define BLOCK1(name) static void T(block_##name)(const vm_args *s) { T(map1)(s, T(name), false); }
#define BLOCK_TEST1(name) static void T(block_##name)(const vm_args *s) { T(test1)(s, T(name)); }
#define BLOCK_EACH1(name) static void T(block_##name)(const vm_args *s) { T(each1)(s, T(name)); }
#define BLOCK_BINARY(name, loop)                                                         \
    static void T(block_##name)(const vm_args *s) { T(loop)(s, T(name), 0); }            \
    static void T(block_##name##_a)(const vm_args *s) { T(loop)(s, T(name), 1); }        \
    static void T(block_##name##_b)(const vm_args *s) { T(loop)(s, T(name), 2); }
#define BLOCK2(name) BLOCK_BINARY(name, map2)
#define BLOCK3(name)                                                                     \
    static void T(block_##name)(const vm_args *s) { T(map3)(s, T(name), 0); }            \
    static void T(block_##name##_b)(const vm_args *s) { T(map3)(s, T(name), 2); }        \
    static void T(block_##name##_c)(const vm_args *s) { T(map3)(s, T(name), 4); }        \
    static void T(block_##name##_bc)(const vm_args *s) { T(map3)(s, T(name), 6); }
#define BLOCK_TEST2(name) BLOCK_BINARY(name, test2)
#define BLOCK_EACH2(name) BLOCK_BINARY(name, each2)

/* ... and their places in the table t. */
#define FILL1(OP, name) t->op[P_##OP][T(PT)][0] = T(block_##name);
#define FILL2(OP, name)                                  \
    t->op[P_##OP][T(PT)][0] = T(block_##name);           \
    t->op[P_##OP][T(PT)][1] = T(block_##name##_a);       \
    t->op[P_##OP][T(PT)][2] = T(block_##name##_b);
#define FILL3(OP, name)                                  \
    t->op[P_##OP][T(PT)][0] = T(block_##name);           \
    t->op[P_##OP][T(PT)][2] = T(block_##name##_b);       \
    t->op[P_##OP][T(PT)][4] = T(block_##name##_c);       \
    t->op[P_##OP][T(PT)][6] = T(block_##name##_bc);
