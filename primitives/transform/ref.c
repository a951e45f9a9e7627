#include "primitives/transform/ref.h"

#include <string.h>

void ref_copy(const cairn_copy *d, const void *from, void *to)
{
    const int bytes = cairn_dtype_bytes(d->type);
    int64_t count = 1;
    for (int i = 0; i < d->rank; i++)
        count *= d->size[i];
    for (int64_t n = 0; n < count; n++) {
        int64_t a = 0, b = 0, rest = n;
        for (int i = d->rank - 1; i >= 0; rest /= d->size[i], i--) {
            a += rest % d->size[i] * d->from_stride[i];
            b += rest % d->size[i] * d->to_stride[i];
        }
        memcpy((char *)to + b * bytes, (const char *)from + a * bytes, (size_t)bytes);
    }
}
