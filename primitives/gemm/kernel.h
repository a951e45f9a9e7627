/* What a set of matmul micro-kernels offers to the code that blocks (gemm, convolution).
 *
 * A tile is at most mr x nr elements of C, kept in registers over a whole run of k. Its two operands:
 *   B  a panel, b_step elements from one k to the next, nr contiguous elements each (packed panels: b_step = nr,
 *      zero-filled columns)
 *   A  either packed, a panel of mr elements for each k; or direct, in the user's memory: element (i, p) of segment s is
 *      a[offset[s] + i * a_row + p].
 * C[i][j] = alpha * sum + beta * C[i][j]; the sum of each element is a chain of FMAs in the order of k, whatever
 * the tile's size: that is what makes a row's bits independent of its neighbours. beta == 0 does not read C. */
#ifndef PRIMITIVES_GEMM_KERNEL_H
#define PRIMITIVES_GEMM_KERNEL_H
#include <cairn/base.h>
#include <stdint.h>

typedef struct gemm_tile {
    const void *a, *b;
    void *c;
    int64_t k;                          /* steps of each segment */
    int64_t segments;                   /* direct only */
    const int64_t *offset;              /* direct only: of each segment, in elements */
    int64_t a_row, b_step, c_row;
    int rows, cols;                     /* 1 .. mr, 1 .. nr */
    double alpha, beta;
} gemm_tile;

/* A few rows against a B too large for the caches: it is read once, along its rows (n; `stream`, sums += ...) or its columns (k; `across`, sums
 * = ..., at most GEMM_MAX_NR columns b_step apart, A's rows contiguous). Each sum is the same chain of FMAs over k as a tile's. */
typedef struct gemm_stream {
    const void *a, *b;                  /* element (i, p) of A is a[i * a_row + p * a_col] */
    void *sums;                         /* rows x cols, sum_row apart */
    int64_t k, cols, a_row, a_col, b_step, sum_row;
    int rows;                           /* 1 .. GEMM_STREAM_ROWS */
    int64_t left, row_length;           /* across: from here to the end of B's columns, and all of one */
} gemm_stream;

/* What a panel of words is packed from: element (i, q) is from[i * major + q * minor] for i < count, and q < have, 0 elsewhere. */
typedef struct gemm_pack {
    const void *from;
    cairn_dtype type;
    int64_t major, minor, have, run;    /* run: steps (words) to fill */
    int count, width;                   /* width: mr or nr */
    bool is_a;
    void *to;
    void (*transpose)(int count, const void *const *from, int64_t n, void *to, int width); /* of 32-bit words */
} gemm_pack;

/* A step of k multiplies a number of A with one of B, or, for narrow types, a word of `unit` elements. What is said of k above and
 * of panels then counts words: element_bytes of them is what a panel has for each step and row. */
typedef const struct gemm_kernel {
    int element_bytes, mr, nr;
    int kc;                             /* runs of k no longer than this keep a B panel in L1 or near */
    cairn_dtype sum;                    /* type of the sums: f32, f64, i32 */
    int unit, round;                    /* elements of a word; steps of a run are a multiple of `round` */
    bool repair;                        /* sums that are not finite are to be computed again from A and B, */
    float (*element)(const void *panel, int64_t q, int i); /* and this is element (q, i) of a panel of B then */
    void (*pack)(const gemm_pack *panel); /* of words; then there are no direct, stream, combine and pack_... below */
    void (*packed)(const gemm_tile *tile);
    void (*direct)(const gemm_tile *tile);
    void (*stream)(const gemm_stream *stream);
    void (*across)(const gemm_stream *stream);
    /* c[i][j] = alpha * sums[i][j] + beta * c[i][j], as a tile does it. */
    void (*combine)(int64_t rows, int64_t cols, const void *sums, int64_t sum_row, double alpha, double beta, void *c, int64_t c_row);
    /* to[p * width + i] = from[i][p] for i < count, 0 for count <= i < width; p < n. count <= width: mr or nr. */
    void (*pack_transposed)(int count, const void *const *from, int64_t n, void *to, int width);
    /* to[p * to_step + i] = from[p * step + i], likewise; width <= nr, to_step >= width. */
    void (*pack_copied)(int count, const void *from, int64_t step, int64_t n, void *to, int width, int64_t to_step);
} gemm_kernel;

enum { GEMM_MAX_MR = 32, GEMM_MAX_NR = 32, GEMM_MAX_KC = 384, GEMM_STREAM_ROWS = 8 };

#endif
