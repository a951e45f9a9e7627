/* The recurrence kernels for one element type; the macros are those of gemm_tile.h, V_TANH and V_SIGMOID are functions of
 * vectors, NAME(select) is that of vm_type.h. */

SIMD_INLINE VEC NAME(part)(const REAL *p, int wide)
{
    return wide == LANES ? V_LOAD(p) : V_LOAD_N(p, wide);
}

SIMD_INLINE void NAME(put)(REAL *p, int wide, VEC v)
{
    if (wide == LANES)
        V_STORE(p, v);
    else
        V_STORE_N(p, wide, v);
}

SIMD_INLINE void NAME(put_if)(void *base, int64_t at, int wide, VEC v)
{
    if (base)
        NAME(put)((REAL *)base + at, wide, v);
}

/* Of a step before: what its rows of this unit held. */
SIMD_INLINE VEC NAME(before)(const rnn_cell *c, int64_t row, int64_t u, int wide)
{
    if (row < c->before_rows)
        return NAME(part)((const REAL *)c->before + row * c->before_row + u, wide);
    return c->initial ? NAME(part)((const REAL *)c->initial + row * c->initial_row + u, wide) : V_SET(0);
}

SIMD_INLINE VEC NAME(bias)(const rnn_cell *c, int gate, int64_t u, int wide)
{
    return NAME(part)((const REAL *)c->bias + gate * c->gate + u, wide);
}

SIMD_INLINE void NAME(put_h)(const rnn_cell *c, int64_t row, int64_t u, int wide, VEC h)
{
    NAME(put_if)(c->y, row * c->y_row + u, wide, h);
    if (row < c->next_rows)
        NAME(put)((REAL *)c->next + row * c->next_row + u, wide, h);
}

/* ---- Forward: one vector of units of one row; b are the biases, g the gates' sums in memory */

SIMD_INLINE void NAME(forward_tanh)(const rnn_cell *c, int64_t row, int64_t u, int wide, const VEC *b, REAL *g)
{
    const VEC h = V_TANH(NAME(part)(g, wide) + b[0]);
    if (c->keep)
        NAME(put)(g, wide, h);
    NAME(put_h)(c, row, u, wide, h);
}

SIMD_INLINE void NAME(forward_relu)(const rnn_cell *c, int64_t row, int64_t u, int wide, const VEC *b, REAL *g)
{
    const VEC sum = NAME(part)(g, wide) + b[0], h = NAME(select)(sum < 0, V_SET(0), sum);
    if (c->keep)
        NAME(put)(g, wide, h);
    NAME(put_h)(c, row, u, wide, h);
}

SIMD_INLINE VEC NAME(clipped)(VEC x, double clip)
{
    if (clip == 0)
        return x;
    const VEC most = V_SET((REAL)clip);
    x = NAME(select)(x > most, most, x);
    return NAME(select)(x < -most, -most, x);
}

SIMD_INLINE void NAME(forward_lstm)(const rnn_cell *c, int64_t row, int64_t u, int wide, const VEC *b, REAL *g)
{
    const int64_t gate = c->gate;
    const VEC i = V_SIGMOID(NAME(part)(g, wide) + b[0]), f = V_SIGMOID(NAME(part)(g + gate, wide) + b[1]);
    const VEC fresh = V_TANH(NAME(part)(g + 2 * gate, wide) + b[2]), o = V_SIGMOID(NAME(part)(g + 3 * gate, wide) + b[3]);
    const VEC cell = NAME(clipped)(f * NAME(before)(c, row, u, wide) + i * fresh, c->clip);
    NAME(put)((REAL *)c->c + row * c->c_row + u, wide, cell);
    NAME(put_if)(c->c2, row * c->c2_row + u, wide, cell);
    if (c->keep) {
        NAME(put)(g, wide, i);
        NAME(put)(g + gate, wide, f);
        NAME(put)(g + 2 * gate, wide, fresh);
        NAME(put)(g + 3 * gate, wide, o);
    }
    NAME(put_h)(c, row, u, wide, o * V_TANH(cell));
}

SIMD_INLINE void NAME(forward_gru)(const rnn_cell *c, int64_t row, int64_t u, int wide, const VEC *b, REAL *g)
{
    const int64_t gate = c->gate;
    const VEC r = V_SIGMOID(NAME(part)(g, wide) + b[0]), z = V_SIGMOID(NAME(part)(g + gate, wide) + b[1]);
    const VEC q = NAME(part)(g + 3 * gate, wide) + b[3], n = V_TANH(NAME(part)(g + 2 * gate, wide) + b[2] + r * q);
    if (c->keep) {
        NAME(put)(g, wide, r);
        NAME(put)(g + gate, wide, z);
        NAME(put)(g + 2 * gate, wide, n);
        NAME(put)(g + 3 * gate, wide, q);
    }
    NAME(put_h)(c, row, u, wide, n + z * (NAME(before)(c, row, u, wide) - n));
}

/* ---- Backward: g are the gates as forward kept them, d where their sums' gradients go */

SIMD_INLINE VEC NAME(dh)(const rnn_cell *c, int64_t row, int64_t u, int wide)
{
    const VEC dh = NAME(part)((const REAL *)c->dh + row * c->dh_row + u, wide);
    return c->dy ? dh + NAME(part)((const REAL *)c->dy + row * c->dy_row + u, wide) : dh;
}

SIMD_INLINE void NAME(backward_tanh)(const rnn_cell *c, int64_t row, int64_t u, int wide, const REAL *g, REAL *d)
{
    const VEC h = NAME(part)(g, wide);
    NAME(put)(d, wide, NAME(dh)(c, row, u, wide) * (1 - h * h));
}

SIMD_INLINE void NAME(backward_relu)(const rnn_cell *c, int64_t row, int64_t u, int wide, const REAL *g, REAL *d)
{
    NAME(put)(d, wide, NAME(select)(NAME(part)(g, wide) > 0, NAME(dh)(c, row, u, wide), V_SET(0)));
}

SIMD_INLINE void NAME(backward_lstm)(const rnn_cell *c, int64_t row, int64_t u, int wide, const REAL *g, REAL *d)
{
    const int64_t gate = c->gate;
    const VEC i = NAME(part)(g, wide), f = NAME(part)(g + gate, wide);
    const VEC fresh = NAME(part)(g + 2 * gate, wide), o = NAME(part)(g + 3 * gate, wide);
    const VEC cell = NAME(part)((const REAL *)c->c + row * c->c_row + u, wide), t = V_TANH(cell);
    const VEC dh = NAME(dh)(c, row, u, wide);
    REAL *carried = (REAL *)c->dc + row * c->dc_row + u;
    VEC dc = NAME(part)(carried, wide) + dh * o * (1 - t * t);
    if (c->clip != 0)
        dc = NAME(select)((cell >= V_SET((REAL)c->clip)) | (cell <= V_SET((REAL)-c->clip)), V_SET(0), dc);
    NAME(put)(d, wide, dc * fresh * (i * (1 - i)));
    NAME(put)(d + gate, wide, dc * NAME(before)(c, row, u, wide) * (f * (1 - f)));
    NAME(put)(d + 2 * gate, wide, dc * i * (1 - fresh * fresh));
    NAME(put)(d + 3 * gate, wide, dh * t * (o * (1 - o)));
    NAME(put)(carried, wide, dc * f);
}

SIMD_INLINE void NAME(backward_gru)(const rnn_cell *c, int64_t row, int64_t u, int wide, const REAL *g, REAL *d)
{
    const int64_t gate = c->gate;
    const VEC r = NAME(part)(g, wide), z = NAME(part)(g + gate, wide);
    const VEC n = NAME(part)(g + 2 * gate, wide), q = NAME(part)(g + 3 * gate, wide);
    const VEC dh = NAME(dh)(c, row, u, wide), dn = dh * (1 - z) * (1 - n * n);
    NAME(put)(d, wide, dn * q * (r * (1 - r)));
    NAME(put)(d + gate, wide, dh * (NAME(before)(c, row, u, wide) - n) * (z * (1 - z)));
    NAME(put)(d + 2 * gate, wide, dn);
    NAME(put)(d + 3 * gate, wide, dn * r);
    NAME(put)((REAL *)c->dbefore + row * c->dbefore_row + u, wide, dh * z);
}

/* ---- Over all units and rows: one copy of the code for whole and for partial vectors */

#define CELL(kind, count)                                                                                             \
    static void NAME(forward_all_##kind)(const rnn_cell *c)                                                           \
    {                                                                                                                 \
        for (int64_t u = 0; u < c->units; u += LANES) {                                                               \
            const int wide = c->units - u < LANES ? (int)(c->units - u) : LANES;                                      \
            VEC b[count];                                                                                             \
            UNROLL for (int g = 0; g < count; g++)                                                                    \
                b[g] = NAME(bias)(c, g, u, wide);                                                                     \
            for (int64_t row = 0; row < c->rows; row++)                                                               \
                NAME(forward_##kind)(c, row, u, wide, b, (REAL *)c->gates + row * c->gates_row + u);                  \
        }                                                                                                             \
    }                                                                                                                 \
    static void NAME(backward_all_##kind)(const rnn_cell *c)                                                          \
    {                                                                                                                 \
        for (int64_t row = 0; row < c->rows; row++)                                                                   \
            for (int64_t u = 0; u < c->units; u += LANES)                                                             \
                NAME(backward_##kind)(c, row, u, c->units - u < LANES ? (int)(c->units - u) : LANES,                  \
                                      (const REAL *)c->gates + row * c->gates_row + u, (REAL *)c->d + row * c->d_row + u); \
    }
CELL(tanh, 1)
CELL(relu, 1)
CELL(lstm, 4)
CELL(gru, 4)
#undef CELL

rnn_kernel KERNEL(NAME(rnn)) = {
    .forward = {NAME(forward_all_tanh), NAME(forward_all_relu), NAME(forward_all_lstm), NAME(forward_all_gru)},
    .backward = {NAME(backward_all_tanh), NAME(backward_all_relu), NAME(backward_all_lstm), NAME(backward_all_gru)},
};
