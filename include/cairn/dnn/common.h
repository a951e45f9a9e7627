/* What the families of primitives share. */
#ifndef CAIRN_DNN_COMMON_H
#define CAIRN_DNN_COMMON_H
#include <cairn/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Called on the finished rows x cols block at (row0, col0) of matrix `batch` of the output while it is in cache, by the
 * thread that computed it. */
typedef void (*cairn_epilogue)(void *context, int64_t batch, int64_t row0, int64_t rows, int64_t col0, int64_t cols);

#ifdef __cplusplus
}
#endif
#endif
