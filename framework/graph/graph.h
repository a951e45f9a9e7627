/* The graph: values, handles, operations. Everything in framework/ is written against this page.
 *
 * A `value` is immutable once built: operation, inputs, shape, type, attributes. It gets a buffer when it is
 * evaluated. A `cairn_tensor` is a handle: it points to its current value, which an in-place operation replaces.
 * Values are counted by references from handles, from other values and from plans; handles by their scope and
 * by cairn_keep. */
#ifndef FRAMEWORK_GRAPH_H
#define FRAMEWORK_GRAPH_H
#include <stdatomic.h>
#include <cairn/dnn/common.h>
#include <cairn/tensor.h>
#include "base/error.h"
#include "base/memory.h"
#include "primitives/program/program.h"

typedef struct value value;
typedef struct cairn_shape shape;

/* ---- Operations: ops.def ------------------------------------------------------------------------- */
typedef enum op_kind {
    LEAF,        /* has a buffer from birth */
    CONSTANT,    /* one number, in `param`, not in the plan's key: a learning rate may change at every step */
    INDEX,       /* i64 made of the position: attr_index */
    POINTWISE,   /* program instruction of the same name; inputs broadcast to the output's shape */
    REDUCTION,   /* over attr_axes; the reduced axes stay with size 1 */
    VIEW,        /* other strides on the input's buffer */
    LIBRARY      /* a function of its own: `run` in the table */
} op_kind;

typedef enum op_id {
#define OP(name, text, kind, inputs, infer, gradient, run, workspace, flags) OP_##name,
#include "framework/ops/ops.def"
#undef OP
    OP_COUNT
} op_id;

/* What infer fills in. */
typedef struct spec {
    shape shape;
    cairn_dtype type;
    bool channels_last;     /* memory order n h w c of a rank-4 result */
} spec;

/* A strided look at memory, as library operations get it. Strides in elements. */
typedef struct view {
    void *data;
    cairn_dtype type;
    shape shape;
    int64_t stride[CAIRN_MAX_RANK];
} view;

/* What a library operation flagged EPILOGUE calls on each finished block: see cairn_epilogue in <cairn/dnn.h>. */
typedef struct epilogue {
    void (*run)(void *context, int64_t batch, int64_t row0, int64_t rows, int64_t col0, int64_t cols);
    void *context;
} epilogue;

typedef struct op_run {
    const value *v;
    view *in;               /* v->n_in of them */
    view out;               /* dense: row-major, or channels last when the spec says so */
    void *workspace;        /* what the operation's workspace function asked for */
    int64_t workspace_bytes;
    const epilogue *epilogue;            /* only for operations flagged EPILOGUE; or NULL */
    const cairn_fused *fused;            /* likewise: what can be said as data; or NULL */
    struct buffer *weight;               /* of the second input, where that is a whole leaf as it lies; or NULL */
} op_run;

enum op_flags {
    DENSE = 1,              /* inputs arrive dense and row-major (the executor copies if they are not) */
    CHANNELS_LAST_IN = 2,   /* rank-4 inputs arrive dense in channels-last order */
    EPILOGUE = 4,           /* can run a pointwise program on each finished block of its output, and takes cairn_fused */
    NO_INPUT_GRADIENT = 8   /* integer or boolean result: no gradient by nature */
};

typedef struct op_info {
    const char *name;
    op_kind kind;
    int inputs;             /* -1: any number */
    cairn_status (*infer)(const value *v, spec *out);
    /* Fills dx[i] for the inputs that want one (wants_gradient(v, i)), by public operations on
     * input(v, i), output(v) and dy. NULL: not differentiable. A dx may have the broadcast shape: the caller sums. */
    void (*gradient)(const value *v, cairn_tensor *dy, cairn_tensor **dx);
    cairn_status (*run)(const op_run *r);
    int64_t (*workspace)(const op_run *r);  /* bytes; NULL: none. r as in run, but without data; epilogue NULL or not */
    int flags;
    void (*release)(value *v);              /* of what attr holds; NULL: nothing */
} op_info;
extern const op_info ops[OP_COUNT];

/* ---- Attributes, by operation. Zero-filled before use: they are compared as bytes. ------------------ */
typedef struct attr_axes { uint32_t mask; } attr_axes;
typedef struct attr_index { int64_t stride[CAIRN_MAX_RANK]; } attr_index;    /* start is `param` */
typedef struct attr_permute { int8_t axis[CAIRN_MAX_RANK]; } attr_permute;
typedef struct attr_slice { int64_t start[CAIRN_MAX_RANK], step[CAIRN_MAX_RANK], size[CAIRN_MAX_RANK]; } attr_slice;
typedef struct attr_diagonal { int64_t offset; int32_t axis1, axis2; } attr_diagonal;
typedef struct attr_axis { int32_t axis; } attr_axis;                             /* cat and others along one axis */
typedef struct attr_cast { int32_t type; } attr_cast;
typedef struct attr_shape { shape to; } attr_shape;                           /* reshape, expand */

typedef struct attr_write {                                                    /* view_write: the view written through */
    int64_t op;
    union { attr_permute permute; attr_slice slice; attr_shape shape; attr_diagonal diagonal; } of;
} attr_write;

/* ---- Values ---------------------------------------------------------------------------------------- */
typedef struct buffer {
    _Atomic int64_t refs;
    void *data;
    int64_t bytes;
    void (*release)(void *context);      /* of borrowed memory; NULL: from buffer_alloc */
    void *context;
    uint8_t owner;                       /* the operation in whose account its bytes are */
    bool wants_packed;                   /* a weight that stays: see framework/ops/packed.h */
    struct packed_weight *_Atomic packed;
} buffer;

enum value_flags {
    V_REQUIRES_GRAD = 1,   /* a leaf that wants a gradient, or depends on one */
    V_CHANNELS_LAST = 2,
    V_WEAK = 4,            /* a number: takes part in promotion only by its kind */
    V_BACKWARD_DONE = 8,   /* its gradient has been built: nobody will ask for its buffer again for that */
    V_HISTORY_CUT = 16     /* its gradient was built and its inputs are gone */
};

enum { VALUE_INLINE_INPUTS = 4, VALUE_INLINE_ATTR = 64 };

struct value {
    _Atomic int32_t refs;
    _Atomic int32_t handles;             /* how many handles point here */
    uint8_t op, type, flags, reserved;
    uint16_t n_in, attr_bytes;
    shape shape;
    value **in;                          /* inline_in, or allocated */
    void *attr;                          /* inline_attr, or allocated; zero-filled to attr_bytes */
    program_value param;                 /* CONSTANT: the number; INDEX: the start */

    buffer *data;                        /* NULL until evaluated */
    int64_t offset;                      /* elements */
    int64_t stride[CAIRN_MAX_RANK];

    cairn_tensor *leaf;                  /* the handle that collects this leaf's gradient (not counted) */
    cairn_gradient_hook hook;
    void *hook_context;
    const char *file;                    /* the user's line that built it; or NULL */
    int line;
    int32_t index, exec_index;           /* scratch of a walk for gradients, and of one for evaluation: */
    uint64_t mark, exec_mark;            /* valid while the mark is the walk's */

    value *inline_in[VALUE_INLINE_INPUTS];
    _Alignas(8) char inline_attr[VALUE_INLINE_ATTR];
};

/* Counts of references. A pending value is its thread's own (a tensor may be shared once it is evaluated), so its counts
 * need no locked instruction; nor does the count of the last holder. */
static inline void count_up(_Atomic int32_t *count, bool own)
{
    if (own)
        atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
    else
        atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
}
/* True when that was the last one. */
static inline bool count_down(_Atomic int32_t *count, bool own)
{
    int32_t now = atomic_load_explicit(count, memory_order_acquire);
    if (now == 1)
        return true;
    if (!own)
        return atomic_fetch_sub_explicit(count, 1, memory_order_acq_rel) == 1;
    atomic_store_explicit(count, now - 1, memory_order_relaxed);
    return false;
}

value *value_ref(value *v);
void value_unref(value *v);              /* NULL is allowed; never recurses */
static inline bool value_is_evaluated(const value *v) { return v->data != NULL; }
int64_t shape_numel(const shape *s);
int64_t value_bytes(const value *v);
/* Drops the inputs of an evaluated value unless a gradient may still need them. */
void value_cut(value *v);
void value_set_data(value *v, buffer *b, int64_t offset, const int64_t *stride);   /* takes a reference of b */
void dense_strides(const shape *s, bool channels_last, int64_t *stride);
/* The strides and offset (elements) of a VIEW operation's result on its input's memory: false when that memory
 * order cannot show it (a reshape across a gap). `from` and `to` are the shapes before and after. */
bool view_layout(op_id op, const void *attr, const shape *from, const int64_t *from_stride, const shape *to,
                 int64_t *stride, int64_t *offset);
bool value_is_dense(const value *v, bool channels_last);

buffer *buffer_new(int64_t bytes);
/* Of a weight as kernels read it: nothing when the buffer is to hold something else. */
void buffer_forget_packed(buffer *b);
/* Puts the bytes into an operation's account (cairn_memory_by_operation); a new buffer is in that of leaves. */
void buffer_account(buffer *b, op_id op);
buffer *buffer_wrap(void *data, int64_t bytes, void (*release)(void *), void *context);
void buffer_ref(buffer *b);
void buffer_unref(buffer *b);

/* ---- Handles ----------------------------------------------------------------------------------------- */
struct cairn_tensor {
    _Atomic int32_t refs;
    value *v;
    cairn_tensor *base;                  /* of a view; counted */
    uint64_t version, base_version;
    value *recipe;                       /* the VIEW value that made it from base's value at base_version */
    cairn_tensor *grad;                  /* counted */
    value *host;                         /* cairn_data's row-major copy of v, when v itself is not dense */
};

/* A new handle in the current scope for v, whose reference it takes; NULL when v is NULL or memory is out. */
cairn_tensor *handle_new(value *v);
/* The value of x as of now (a view is brought up to date first); NULL with x NULL. */
value *handle_value(cairn_tensor *x);
/* Gives x the value v (takes its reference), writing through to its base when x is a view. NULL v: returns false. */
bool handle_assign(cairn_tensor *x, value *v);

/* A value of an operation on values: infers, builds, takes part in no_grad. NULL with the error set. */
value *value_build(op_id op, int count, value *const *in, const void *attr, size_t attr_bytes);
/* A CONSTANT of any shape; an evaluated leaf. */
value *value_constant(const shape *s, cairn_dtype type, program_value number);
value *value_leaf(const shape *s, cairn_dtype type, buffer *b);      /* dense row-major; takes a reference of b */

/* An i64 made of the position: sum of index * stride. Costs no memory where it is fused. */
cairn_tensor *index_tensor(const shape *s, const int64_t *stride);

/* ---- Building ---------------------------------------------------------------------------------------- */
/* The general way: checks NULL operands, infers, builds, wraps in a handle of the current scope. */
cairn_tensor *op_build(op_id op, int count, cairn_tensor *const *in, const void *attr, size_t attr_bytes);
cairn_tensor *op_build1(op_id op, cairn_tensor *x, const void *attr, size_t attr_bytes);
cairn_tensor *op_build2(op_id op, cairn_tensor *x, cairn_tensor *y, const void *attr, size_t attr_bytes);
/* A VIEW operation: the result remembers x as its base. */
cairn_tensor *op_build_view(op_id op, cairn_tensor *x, const void *attr, size_t attr_bytes);
/* Pointwise, after promotion and broadcasting; `name` is for messages. */
cairn_tensor *pointwise1(op_id op, cairn_tensor *x);
cairn_tensor *pointwise2(op_id op, cairn_tensor *x, cairn_tensor *y);

/* Gradient rules' view of a value. */
cairn_tensor *input(const value *v, int i);
cairn_tensor *output(const value *v);
bool wants_gradient(const value *v, int i);
/* Sums dy over the axes that broadcasting added, to `s`. */
cairn_tensor *sum_to(cairn_tensor *dy, const shape *s);

/* ---- Checks and messages ---------------------------------------------------------------------------- */
bool shape_equal(const shape *a, const shape *b);
bool shape_broadcast(const shape *a, const shape *b, shape *out);
/* Text of a shape, "[4, 3]", in one of eight thread-local rings: for messages. */
const char *shape_text(const shape *s);
#define SHAPE(s) shape_text(s)
/* -rank <= axis < rank to 0 ... rank - 1; -1 with the error "OP: axis A is out of range for [..]". */
int axis_check(const char *op, int axis, int rank);
/* The set as a mask; all axes when the set is empty; -1 (all ones) with the error set. */
bool axes_check(const char *op, const cairn_axes *axes, int rank, uint32_t *mask);
bool shape_check(const char *op, const shape *s, cairn_dtype type);     /* rank, sizes, overflow of bytes */
bool type_is_float(cairn_dtype t);
bool type_is_integer(cairn_dtype t);                                    /* without bool */

/* ---- The thread ------------------------------------------------------------------------------------- */
typedef struct thread_state {
    bool registered;
    _Atomic int64_t alive;               /* handles made here less those dropped here; may be negative */
    struct thread_state *next;           /* in the list of all threads */
    cairn_tensor **scope;                /* all handles of all open scopes, oldest first */
    int64_t scope_count, scope_capacity;
    int no_grad;                         /* depth */
    int autocast;                        /* CAIRN_F16 or CAIRN_BF16; 0: off */
    bool strict_broadcasting;
    bool evaluating;
    value **with;                        /* the last backward's loss and gradients: evaluated with what comes next */
    int64_t with_count, with_capacity;
    void *walk_stack;                    /* kept from walk to walk */
    int64_t walk_capacity;
    struct plan_cache *plans;
    int64_t pending;                     /* values built and not yet evaluated or released, roughly */
} thread_state;
extern _Thread_local thread_state thread_self;
thread_state *thread_register(void);
static inline thread_state *thread(void)
{
    return thread_self.registered ? &thread_self : thread_register();
}

/* Has v evaluated together with what is evaluated next, if a handle still points to it then. */
bool evaluate_with_next(value *v);
void forget_with_next(thread_state *t);

/* ---- Evaluation (framework/exec) ---------------------------------------------------------------------- */
cairn_status evaluate(int count, value *const *targets);
/* CAIRN_EAGER=1, CAIRN_CHECK_NAN=1 (implies eager) */
typedef struct exec_modes { bool eager, check_nan; int64_t pending_limit; } exec_modes;
extern const exec_modes *exec_modes_read;            /* NULL until the environment has been read */
const exec_modes *exec_modes_first(void);
static inline const exec_modes *exec_mode(void)
{
    const exec_modes *read = __atomic_load_n(&exec_modes_read, __ATOMIC_ACQUIRE);
    return read ? read : exec_modes_first();
}

#endif
