/* Tensors as the caller has them: any strides, half and integer types. Algorithms know packed f32 and f64 with channels last, so
 * others are converted in the workspace, before and after. */
#ifndef PRIMITIVES_CONV_LAYOUT_H
#define PRIMITIVES_CONV_LAYOUT_H
#include "primitives/conv/conv.h"

/* Of five axes: (n, c, depth, h, w), (k, c / groups, t, r, s) or (n, k, od, oh, ow). */
typedef struct layout {
    cairn_dtype type;
    int64_t size[5], stride[5];
    bool packed;                        /* channels last */
} layout;

typedef enum conv_tensor { CONV_X, CONV_W, CONV_Y } conv_tensor;
layout layout_of(const conv *c, conv_tensor tensor);
cairn_status layout_check(const conv *c);

static inline int64_t layout_elements(const layout *l) { return l->size[0] * l->size[1] * l->size[2] * l->size[3] * l->size[4]; }
/* Whether two tensors share memory. */
bool layouts_overlap(const layout *a, const void *x, const layout *b, const void *y);

/* Between a caller's tensor and a packed one of type `inner` (f32, f64; i16 for bytes; i32), on the pool. */
void layout_pack(const layout *l, const void *from, cairn_dtype inner, void *to);
void layout_unpack(const layout *l, cairn_dtype inner, const void *from, void *to);

#endif
