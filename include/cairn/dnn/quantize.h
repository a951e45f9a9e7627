/* Primitives: block-scaled numbers of 8 and 4 bits, and products with weights that are kept in them. */
#ifndef CAIRN_DNN_QUANTIZE_H
#define CAIRN_DNN_QUANTIZE_H
#include <cairn/dnn/common.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Block-scaled numbers: a row's elements share a scale block by block.
 *   INT8      int8_t, -127 ... 127;             x = element * scale, an f32
 *   INT4      two to a byte, the first in the low half, 0 ... 15;  x = (element - 8) * scale, an f32
 *   MXFP8_*   OCP's microscaling formats: elements E4M3 or E5M2, scales E8M0 (2^(byte - 127); 255 is NaN), blocks of 32 */
typedef enum cairn_block_type { CAIRN_BLOCK_INT8, CAIRN_BLOCK_INT4, CAIRN_BLOCK_MXFP8_E4M3, CAIRN_BLOCK_MXFP8_E5M2 } cairn_block_type;

typedef struct cairn_block_format {
    cairn_block_type type;
    int64_t rows, columns;
    int64_t block;                          /* 1 or more elements of a row; 0: a whole row (MX: 32) */
} cairn_block_format;

/* Elements: rows * columns bytes, for INT4 rows * ceil(columns / 2). Scales: rows * ceil(columns / block), f32 or for MX bytes.
 * -1 with the error set. */
CAIRN_API int64_t cairn_block_element_bytes(const cairn_block_format *f);
CAIRN_API int64_t cairn_block_scale_bytes(const cairn_block_format *f);

/* x (rows, columns) in f32, row-major. Integers are symmetric, rounded to nearest even: the largest |x| of a block becomes 127
 * or 7, and what is not finite is E_RANGE. MX rounds to nearest even and saturates; NaN stays NaN, infinity too in E5M2, and
 * becomes NaN in E4M3, which has none. */
CAIRN_API cairn_status cairn_quantize(const cairn_block_format *f, const float *x, void *elements, void *scales);
CAIRN_API cairn_status cairn_dequantize(const cairn_block_format *f, const void *elements, const void *scales, float *x);

/* One element of MX's types, to nearest even, saturating (cairn_f32_to_e5m2(INFINITY) stays infinite), and back. */
CAIRN_API uint8_t cairn_f32_to_e4m3(float x);
CAIRN_API uint8_t cairn_f32_to_e5m2(float x);
CAIRN_API float cairn_e4m3_to_f32(uint8_t x);
CAIRN_API float cairn_e5m2_to_f32(uint8_t x);

/* ---- Products with kept weights, for inference: y (m, n) = x (m, k) W^T + bias, W is (n, k).
 *
 * W is packed once, to 8 or 4 bits with an f16 scale for each `block` elements of a row; a product of few rows then takes the
 * time of reading it. x, in f32, becomes int8 with a scale for each 32 elements as it comes, so that the products are
 * integers; with normally distributed x and W the result's error, relative to its norm, is about 0.8 % with INT8 (0.5 % of it
 * from W) and 8 % with INT4 and blocks of 32 (nearly all from W).
 *
 * Packed bytes are the same on every machine. 16 rows of W make a panel (the last one filled up with zeros), k is filled up to
 * whole blocks. A panel is its scales, [block][row] in f16, rounded up to 64 bytes; then its elements, unsigned (plus 128,
 * plus 8), [k / 4][row][k % 4] for INT8; for INT4 [k / 8][row][k % 4] with element k % 8 < 4 in the low half of the byte. */
typedef struct cairn_quantized_weight {
    cairn_block_type type;                  /* INT8 or INT4 */
    int64_t n, k;
    int64_t block;                          /* 32, 64, 128 ... a multiple of 32; 0 means 32 */
} cairn_quantized_weight;

CAIRN_API int64_t cairn_quantized_weight_bytes(const cairn_quantized_weight *d);
/* w (n, k) with rows w_row elements apart. E_RANGE when an element is not finite, or too large for an f16 scale. */
CAIRN_API cairn_status cairn_quantized_weight_pack(const cairn_quantized_weight *d, const float *w, int64_t w_row, void *packed);
CAIRN_API cairn_status cairn_quantized_weight_unpack(const cairn_quantized_weight *d, const void *packed, float *w, int64_t w_row);

CAIRN_API int64_t cairn_quantized_matmul_workspace_bytes(const cairn_quantized_weight *d, int64_t m);
/* x has rows x_row elements apart, y rows y_row apart; bias (n) may be NULL. A row of x that has a NaN or an infinity gives NaN. */
CAIRN_API cairn_status cairn_quantized_matmul(const cairn_quantized_weight *d, int64_t m, const float *x, int64_t x_row, const void *packed,
                                              const float *bias, float *y, int64_t y_row, void *workspace, int64_t workspace_bytes);

#ifdef __cplusplus
}
#endif
#endif
