/* Integer convolution of packed, widened operands. */
#ifndef PRIMITIVES_CONV_INTEGER_H
#define PRIMITIVES_CONV_INTEGER_H
#include "primitives/conv/conv.h"

void integer_run(const conv *c, const int16_t *x, const int16_t *w, int32_t *y);

#endif
