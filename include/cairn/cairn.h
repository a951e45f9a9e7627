/* All of Cairn's framework. A first program:
 *
 *     #include <cairn/cairn.h>
 *
 *     int main(void)
 *     {
 *         cairn_tensor *x = cairn_requires_grad_(cairn_randn(CAIRN_SHAPE(3), CAIRN_F32), true);
 *         cairn_tensor *y = cairn_sum(cairn_mul(x, x), CAIRN_ALL_AXES, false);
 *         cairn_backward(y);
 *         cairn_print(cairn_grad_of(x));              // 2 x
 *         return cairn_error() ? 1 : 0;
 *     }
 */
#ifndef CAIRN_H
#define CAIRN_H
#include <cairn/base.h>
#include <cairn/tensor.h>
#include <cairn/ops.h>
#include <cairn/nn.h>
#include <cairn/optim.h>
#include <cairn/functional.h>
#include <cairn/data.h>
#include <cairn/io.h>
#if !defined(CAIRN_NO_LINES)
#include <cairn/lines.h>
#endif
#endif
