/* Lanes: the lines of elements along one axis of a tensor, which operations along an axis go over in parallel.
 *
 * A lane is all coordinates but the one on the axis. Lanes are cut into tasks by shape alone, and each lane is gone
 * over in order by one thread: results never depend on the number of threads. */
#ifndef FRAMEWORK_OPS_LANES_H
#define FRAMEWORK_OPS_LANES_H
#include "framework/graph/graph.h"

enum { LANES_MAX = 128, LANES_LINE = 32 }; /* lanes of one task: at most; at least where neighbours share cache lines */

/* fn(context, count, offset): the lanes' first elements, offset[view][lane], in elements of each view. */
typedef void (*lanes_fn)(void *context, int64_t count, int64_t (*offset)[LANES_MAX]);

enum { LANES_VIEWS = 4 };

/* Goes over the lanes of `over` along `axis`; views[k]'s strides (which may be larger tensors) give offset[k]. */
void lanes_run(const shape *over, int axis, int count, const view *const *views, lanes_fn fn, void *context);

/* Elements of (at least) this many bytes of work make a task. */
enum { LANES_GRAIN = 16384 };

/* The types that arithmetic along an axis is written for; others are cast there and back: f16 and bf16 to f32, small
 * integers and bool to i64. */
cairn_tensor *in_arithmetic_type(cairn_tensor *x);
/* An index as i64; NULL with the error set when it is no integer. */
cairn_tensor *in_index_type(const char *op, cairn_tensor *index);

/* The first index out of range that a task met, and how it is told. */
typedef struct bad_index {
    _Atomic int seen;
    _Atomic int64_t value;
} bad_index;
void bad_index_note(bad_index *b, int64_t value);
/* CAIRN_OK, or E_RANGE: "OP: index I is out of range for axis A of [..]". */
cairn_status bad_index_status(const bad_index *b, const char *op, const shape *s, int axis);

/* A leaf whose elements the caller fills at once: for results whose shape depends on data. */
cairn_tensor *leaf_new(const shape *s, cairn_dtype type, void **data);
/* A scalar of x's type; the positions 0 ... n - 1 along axis `axis` of `rank`, as i64. */
cairn_tensor *scalar_like(cairn_tensor *x, double number);
cairn_tensor *iota(int64_t n, int axis, int rank);

/* body with T and the letters of a C type for each arithmetic type. */
#define ARITHMETIC_SWITCH(dtype, CASE)         \
    switch (dtype) {                           \
    case CAIRN_F32: CASE(float) break;         \
    case CAIRN_F64: CASE(double) break;        \
    case CAIRN_I32: CASE(int32_t) break;       \
    default: CASE(int64_t) break;              \
    }
/* The same for moving elements, by their size. */
#define SIZE_SWITCH(bytes, CASE)               \
    switch (bytes) {                           \
    case 1: CASE(uint8_t) break;               \
    case 2: CASE(uint16_t) break;              \
    case 4: CASE(uint32_t) break;              \
    default: CASE(uint64_t) break;             \
    }

#endif
