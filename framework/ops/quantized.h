/* Products with weights of 8 and 4 bits, as an operation. */
#ifndef FRAMEWORK_OPS_QUANTIZED_H
#define FRAMEWORK_OPS_QUANTIZED_H
#include <cairn/dnn/quantize.h>
#include "framework/graph/graph.h"

/* x (..., k) -> (..., n) in x's type, computed in f32. packed: u8, as cairn_quantized_weight_pack makes it; bias (n) or NULL. It has
 * no gradient. */
cairn_tensor *quantized_linear(cairn_tensor *x, const cairn_quantized_weight *d, cairn_tensor *packed, cairn_tensor *bias);

#endif
