/* The emitter's state, shared by the files that turn instructions into LLVM code.
 *
 * Every register is a stack slot, scalar (its base) or <32 x T>, which LLVM promotes. An instruction
 * is emitted in the form of its result's shape: `e->vector`. */
#ifndef RUNTIME_JIT_EMIT_H
#define RUNTIME_JIT_EMIT_H
#include "runtime/exec/warp.h"
#include "runtime/jit/jit.h"
#include <llvm-c/Core.h>

typedef LLVMValueRef value;
typedef LLVMTypeRef llvm_type;

enum { LANES = WARP_LANES, MAX_ROWS = 4 };

/* What an instruction computes: one value for the warp, one for each lane, or the one of row `e->row` (shapes.h). */
typedef enum form { FORM_SCALAR, FORM_LANES, FORM_ROW } form;

typedef struct emitter {
    const ptx_module *m;
    ptx_function *f;
    const ptx_function *kernel; /* itself, or what calls it: whose layout of shared memory holds */
    flow g;
    arena arena;
    block_class c;
    shape *shapes;
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef b;
    value function, warp;
    value (*registers)[MAX_ROWS]; /* slots: the first, or one for each row */
    value carry;                /* slot of the condition code, made when first used */
    value *masks;               /* slots of the blocks' entry masks */
    value *parked, *rounds;     /* slots of the loops: lanes that are parked; rounds in vain */
    LLVMBasicBlockRef *entries;
    LLVMBasicBlockRef *whole;   /* where blocks begin for all lanes, if they have a copy for them */
    LLVMBasicBlockRef prologue; /* holds slots and what is loaded from the warp once */
    value prologue_end;
    value fields[64];           /* of the warp, loaded once, by offset / 4 */
    value tid_rows[3][MAX_ROWS];
    value initial_mask;         /* <32 x i1> */
    value local, *arguments;    /* of a called function */
    /* Where emission stands. */
    const flow_block *block;
    value mask;                 /* <32 x i1> of the lanes that run */
    form vector;                /* in which the instruction computes */
    int row;
    bool guarded;
    bool together;              /* all lanes are here: no entry mask is set, nor needs to be */
    int half;                   /* of packed operands: 0 all of them, 1 the low halves, 2 the high ones */
    cairn_status status;
    LLVMDIBuilderRef debug;     /* NULL: nobody debugs */
    LLVMMetadataRef scope;
} emitter;

typedef value (*emit_instruction)(emitter *e, const ptx_instruction *in);

/* ---- Types and constants ------------------------------------------------------------------------- */
llvm_type scalar_type(emitter *e, ptx_type type);
llvm_type vector_of(llvm_type element);
llvm_type integer(emitter *e, int bits);
bool is_vector(value v);
llvm_type element_of(value v);
/* `type`, or a vector of it when `like` is a vector. */
llvm_type shaped(llvm_type type, value like);
/* A constant of the type of `like`, splat where it is a vector. */
value constant_like(value like, int64_t bits);
value real_like(value like, double x);
value constant_int(emitter *e, int bits, int64_t x);
value splat(emitter *e, value scalar);
value splat_constant(value scalar);
value lane_numbers(emitter *e, int bits);

/* ---- Operands ------------------------------------------------------------------------------------ */
/* Source i of the instruction in its type, scalar or vector as e->vector says. */
value source(emitter *e, const ptx_instruction *in, int i);
/* The same in another type or form. */
value read_operand(emitter *e, const ptx_operand *o, ptx_type type, form want);
/* Writes a result, scalar base or vector, of the given shape into a destination. */
void write_result(emitter *e, const ptx_operand *o, ptx_type type, value v, shape s);
void write_rows(emitter *e, const ptx_operand *o, ptx_type type, const value *rows, shape s);
void write_vector(emitter *e, const ptx_operand *o, ptx_type type, value v);
void write_uniform(emitter *e, const ptx_operand *o, ptx_type type, value v);
shape shape_of(emitter *e, const ptx_operand *o);
int row_count(const emitter *e);
/* All lanes from one value a row. */
value spread_rows(emitter *e, const value *rows, int64_t stride);
/* Base + stride * lane for all lanes. */
value spread(emitter *e, value base, int64_t stride);
/* Source i as its instruction computes with it: 16-bit floats as f32, subnormals flushed where .ftz asks. */
value real_source(emitter *e, const ptx_instruction *in, int i);
/* 16-bit floating point (emit_half.c): computed in f32, rounded once. */
static inline bool is_half(ptx_type t) { return t == PTX_F16 || t == PTX_BF16; }
static inline bool is_packed(ptx_type t) { return t == PTX_F16X2 || t == PTX_BF16X2; }
value widen_half(emitter *e, value x, ptx_type type);
/* f32 or f64 to a 16-bit type; `rounding` is a directed_mode, or -1: to nearest, even. */
value narrow_half(emitter *e, value x, ptx_type type, int rounding);
value half_fma(emitter *e, ptx_type type, value x, value y, value z);
/* Runs an instruction on packed halves as two instructions on single ones. */
void emit_packed(emitter *e, const ptx_instruction *in, emit_instruction emit);
/* The same bits as another type of the same width. */
value reinterpret(emitter *e, value v, ptx_type type);

/* ---- Code ---------------------------------------------------------------------------------------- */
value warp_field(emitter *e, size_t offset, llvm_type type);
#define WARP_FIELD(e, field, type) warp_field(e, offsetof(warp, field), type)
value mask_bits(emitter *e, value mask);
value any_lane(emitter *e, value mask);
value call_intrinsic(emitter *e, const char *name, llvm_type overload, value *arguments, int count);
value unary(emitter *e, const char *intrinsic, value x);
value binary(emitter *e, const char *intrinsic, value x, value y);
value select_value(emitter *e, value condition, value yes, value no);
/* A slot in the prologue. */
value new_slot(emitter *e, llvm_type type, const char *name);
/* Stores v (a scalar is spread first) into a new slot and returns its address, for helpers. */
value in_memory(emitter *e, value v);
value call_helper(emitter *e, const char *name, llvm_type result, value *arguments, int count);
/* Runs `then` code only if any lane of the mask is set: begin, code, end. */
typedef struct conditional { LLVMBasicBlockRef join; } conditional;
conditional begin_if(emitter *e, value condition);
void end_if(emitter *e, conditional c);
void unsupported(emitter *e, const ptx_instruction *in, const char *what);

/* Lanes that a member mask names but that wait elsewhere are reported. */
void check_members(emitter *e, const ptx_instruction *in, value members);
/* The addresses of an instruction's source, spread over the lanes. */
value lane_addresses(emitter *e, const ptx_instruction *in, int source);

/* The instruction of this block that computes a register for another one, when none of the registers it reads is written
 * between them. */
const ptx_instruction *definition(const emitter *e, const ptx_instruction *before, const ptx_operand *o);
/* The comparison that setp or set makes, of two integers. */
value compare_integers(emitter *e, const ptx_instruction *in, value x, value y);

/* Whether all lanes, or none, take a branch, as far as it is cheaply seen: two i1 (emit_agree.c). False: it is not. */
typedef struct agreement { value all, none; } agreement;
bool find_agreement(emitter *e, const ptx_instruction *branch, agreement *out);

/* One function for each row of ops.def. */
#define OP(name, operands, types, modifiers) value emit_##name(emitter *e, const ptx_instruction *in);
#include "runtime/ptx/ops.def"
#undef OP

/* Code that the checks want before an instruction (emit_check.c). */
void emit_check(emitter *e, const ptx_instruction *in);

/* Counters at the begin of the block where emission stands (emit_profile.c). */
void emit_profile(emitter *e);

/* emit_call.c: parameters into their registers at a called function's begin, the result at its end. */
void receive_parameters(emitter *e);
void return_result(emitter *e);
/* The called functions that code emitted so far refers to are `functionN`: the first of them without a body, or -1. */
int missing_function(emitter *e);

/* Debug information of a kernel (emit_debug.c): its function exists; an instruction comes next; all is emitted. */
void debug_begin(emitter *e);
void debug_locate(emitter *e, const ptx_instruction *in);
void debug_end(emitter *e);

/* Emits the whole function: `kernel`, or `functionN`. */
cairn_status emit_function(emitter *e);

#endif
