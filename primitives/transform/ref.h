/* The oracle of copies. */
#ifndef PRIMITIVES_TRANSFORM_REF_H
#define PRIMITIVES_TRANSFORM_REF_H
#include <cairn/dnn/transform.h>

/* What cairn_copy_run does, index by index; no checks. */
void ref_copy(const cairn_copy *d, const void *from, void *to);

#endif
