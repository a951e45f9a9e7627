/* Class labels, checked. */
#ifndef FRAMEWORK_OPS_LABELS_H
#define FRAMEWORK_OPS_LABELS_H
#include "framework/graph/graph.h"

/* Labels of any integer type as i64, each of them in 0 ... classes - 1, else E_RANGE in the name of `op`: at once
 * when they are known, or when they are computed. With `ignore`, those equal to ignore_index become -1. */
cairn_tensor *checked_labels(const char *op, cairn_tensor *labels, int64_t classes, bool ignore, int64_t ignore_index);

#endif
