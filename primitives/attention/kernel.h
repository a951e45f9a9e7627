/* The kernels of attention, for one panel of queries.
 *
 * Queries lie across the lanes: a panel is `panel` of them, and every matrix that has queries has them last, so that
 * scores are (keys x panel). Maxima, sums and rescaling are then plain vector operations, without a step across lanes; keys
 * and values are read where they are, element by element, each broadcast for a whole panel. */
#ifndef PRIMITIVES_ATTENTION_KERNEL_H
#define PRIMITIVES_ATTENTION_KERNEL_H
#include <cairn/base.h>

/* c[i][j] = beta[j] * c[i][j] + sum over p < k of a(i, p) b[p][j], for i < rows, j < panel. beta NULL: c is not read. Every sum is
 * one chain of FMAs in the order of p. */
typedef struct attention_product {
    const void *a, *b;
    void *c;
    const void *beta;
    int64_t rows, k;
    int64_t a_step;                     /* by_rows: a(i, p) = a[i a_step + p]; by_columns: a[p a_step + i] */
    int64_t b_step, c_step;
} attention_product;

/* A block of scores, as powers of two: keys x panel, `step` apart. Key j is seen by lanes low + j ... high + j. */
typedef struct attention_block {
    void *scores;
    const void *bias;                   /* added, keys x panel, dense; or NULL */
    int64_t keys, step;
    bool edges;                         /* not every lane sees every key */
    int64_t low, high;
} attention_block;

typedef const struct attention_kernel {
    int element_bytes, panel;           /* two vectors of queries */
    int block;                          /* keys whose scores stay in L1 with what they meet there */
    void (*by_rows)(const attention_product *p);
    void (*by_columns)(const attention_product *p);
    /* Scores become weights 2^(score - top): top, the largest yet, and sum are brought up to date, shrink[i] says by what
     * earlier weights are to be multiplied now. All three have `panel` elements. */
    void (*weigh)(const attention_block *b, void *top, void *sum, void *shrink);
    /* Scores become weights w = 2^(score - log2_sum); slopes, laid out as the scores, become w * (slope - mean). */
    void (*slope)(const attention_block *b, void *slopes, const void *log2_sum, const void *mean);
    /* One query (q_step 0): scores[j] = q_j . k_j; weights as above with top and sum one number, and shrink the result;
     * o = o beta + w v. */
    void (*dots)(int64_t keys, int64_t width, const void *q, int64_t q_step, const void *k, int64_t k_step, void *scores);
    double (*weigh_one)(int64_t keys, void *scores, void *top, void *sum);
    void (*combine)(int64_t keys, int64_t width, const void *weights, const void *v, int64_t v_step, double beta, void *o);
    /* n elements of `type` (this kernel's own, f16 or bf16) to this kernel's own, and back, multiplied by `scale`. */
    void (*widen)(cairn_dtype type, int64_t n, const void *from, double scale, void *to);
    void (*narrow)(cairn_dtype type, int64_t n, const void *from, double scale, void *to);
    /* to[p * panel + i] = scale * from[i][p], p < width; zero for count <= i < panel. And back, each row by its own factor. */
    void (*gather)(int count, int64_t width, const void *const *from, double scale, void *to);
    void (*scatter)(int count, int64_t width, const void *from, int64_t step, const void *scale, void *const *to);
} attention_kernel;

#endif
