/* Primitives: moving elements: transpose, permute, slice, concatenate, broadcast. */
#ifndef CAIRN_DNN_TRANSFORM_H
#define CAIRN_DNN_TRANSFORM_H
#include <cairn/dnn/common.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CAIRN_COPY_MAX_RANK = 8 };

/* to[i . to_stride] = from[i . from_stride] for all indices i within the sizes. So one call is
 *   a transpose      from_stride {1, columns} for to (columns, rows), to_stride {rows, 1}; any permutation likewise
 *   a slice          `from` at its first element
 *   a concatenation  one call a part, `to` at the part's place
 *   a broadcast      from_stride 0
 * Elements are moved as they are, of any type. Strides of `from` may be negative or 0; `to` must hold each element once
 * (E_ARGUMENT), apart from `from`. A transpose runs at the speed of memory: large results go past the caches. */
typedef struct cairn_copy {
    cairn_dtype type;
    int rank;                               /* 0 ... 8 */
    int64_t size[CAIRN_COPY_MAX_RANK], from_stride[CAIRN_COPY_MAX_RANK], to_stride[CAIRN_COPY_MAX_RANK];
} cairn_copy;
CAIRN_API cairn_status cairn_copy_run(const cairn_copy *d, const void *from, void *to);

#ifdef __cplusplus
}
#endif
#endif
