/* Primitives: what cuDNN and cuBLAS offer, on plain memory, without the framework. One header a family, in <cairn/dnn/>.
 *
 * What holds for all of them:
 *
 * Memory   is the caller's. A workspace is asked for before a call (..._workspace_bytes) and never exceeded; nothing is
 *          allocated within a call. Outputs do not overlap inputs unless a function says so; a pointer that is both is refused.
 * Errors   every function returns CAIRN_OK or a status with the thread's error set (cairn_error_message() names the
 *          operation and the values), and leaves its outputs untouched then. A workspace function returns 0 then.
 * Sizes    and strides count elements; bytes end in _bytes. Descriptors are plain structs: zeroed fields are the defaults.
 * Bits     are the same for any number of threads; a row, an image, a sequence of a batch does not depend on how many
 *          there are. The algorithm is chosen by shape alone.
 * Types    f64 and f32 compute in themselves; f16 and bf16 are read and written as they are, with sums in f32. */
#ifndef CAIRN_DNN_H
#define CAIRN_DNN_H
#include <cairn/dnn/attention.h>
#include <cairn/dnn/convolution.h>
#include <cairn/dnn/ctc.h>
#include <cairn/dnn/matmul.h>
#include <cairn/dnn/norm.h>
#include <cairn/dnn/pooling.h>
#include <cairn/dnn/program.h>
#include <cairn/dnn/quantize.h>
#include <cairn/dnn/resample.h>
#include <cairn/dnn/rnn.h>
#include <cairn/dnn/softmax.h>
#include <cairn/dnn/transform.h>

#endif
