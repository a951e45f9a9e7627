/* PTX in memory: modules, functions, instructions, and the passes over them.
 *
 *     PTX text -> ptx_parse -> verify_function -> flow_build -> shapes_find -> jit
 *
 * The representation keeps PTX's own registers, which may be written many times: masks decide which
 * lanes a write reaches, and LLVM builds the SSA form. Everything a module holds lives in its arena. */
#ifndef RUNTIME_PTX_H
#define RUNTIME_PTX_H
#include "runtime/ptx/arena.h"

/* ---- Types: X(NAME, spelling, bits, kind) -------------------------------------------------------- */
#define PTX_TYPES(X)                                                                                  \
    X(B8, "b8", 8, BITS) X(B16, "b16", 16, BITS) X(B32, "b32", 32, BITS) X(B64, "b64", 64, BITS)      \
    X(U8, "u8", 8, UNSIGNED) X(U16, "u16", 16, UNSIGNED) X(U32, "u32", 32, UNSIGNED)                  \
    X(U64, "u64", 64, UNSIGNED) X(S8, "s8", 8, SIGNED) X(S16, "s16", 16, SIGNED)                      \
    X(S32, "s32", 32, SIGNED) X(S64, "s64", 64, SIGNED) X(F16, "f16", 16, FLOAT)                      \
    X(F16X2, "f16x2", 32, FLOAT) X(BF16, "bf16", 16, FLOAT) X(BF16X2, "bf16x2", 32, FLOAT)            \
    X(TF32, "tf32", 32, FLOAT) X(F32, "f32", 32, FLOAT) X(F64, "f64", 64, FLOAT) X(PRED, "pred", 1, PREDICATE)

typedef enum ptx_kind { KIND_BITS, KIND_UNSIGNED, KIND_SIGNED, KIND_FLOAT, KIND_PREDICATE } ptx_kind;

typedef enum ptx_type {
#define X(name, text, bits, kind) PTX_##name,
    PTX_TYPES(X)
#undef X
    PTX_TYPE_COUNT,
    PTX_NO_TYPE = PTX_TYPE_COUNT
} ptx_type;

const char *type_name(ptx_type type);
int type_bits(ptx_type type);
ptx_kind type_kind(ptx_type type);
static inline int type_bytes(ptx_type type) { return (type_bits(type) + 7) / 8; }

/* ---- Modifiers: the dotted words of an opcode that are not types --------------------------------- */
#define PTX_MODIFIERS(X)                                                                              \
    X(rn) X(rz) X(rm) X(rp) X(rna) X(rni) X(rzi) X(rmi) X(rpi) X(ftz) X(sat) X(approx) X(full) X(cc)  \
    X(eq) X(ne) X(lt) X(le) X(gt) X(ge) X(lo) X(ls) X(hi) X(hs) X(equ) X(neu) X(ltu) X(leu) X(gtu)    \
    X(geu) X(num) X(nan) X(and) X(or) X(xor) X(wide) X(add) X(min) X(max) X(inc) X(dec) X(cas)        \
    X(exch) X(global) X(shared) X(local) X(const) X(param) X(to) X(v2) X(v4) X(volatile) X(relaxed)   \
    X(acquire) X(release) X(acq_rel) X(sc) X(weak) X(cta) X(gpu) X(sys) X(gl) X(ca) X(cg) X(cs) X(lu) \
    X(cv) X(wb) X(wt) X(nc) X(uni) X(sync) X(up) X(down) X(bfly) X(idx) X(all) X(any) X(ballot)       \
    X(arrive) X(red) X(popc) X(warp) X(aligned) X(l) X(r) X(wrap) X(clamp) X(f4e) X(b4e) X(rc8)       \
    X(ecl) X(ecr) X(rc16) X(finite) X(infinite) X(number) X(notanumber) X(normal) X(subnormal)        \
    X(shiftamt) X(L1) X(L2) X(relu) X(NaN) X(noftz) X(noComplete) X(noinc) X(parity)   \
    X(m8n8k4) X(m16n8k4) X(m16n8k8) X(m16n8k16) X(m8n8k16) X(m16n8k32) X(m16n16k16) X(m32n8k16)       \
    X(m8n32k16) X(m16n16k8) X(row) X(col) X(satfinite) X(m8n8) X(x1) X(x2) X(x4) X(trans) \
    X(1d) X(2d) X(3d) X(a1d) X(a2d) X(g) X(b) X(a) X(trap) X(zero) X(width) X(height) X(depth)        \
    X(channel_data_type) X(channel_order) X(normalized_coords) X(array_size) X(num_mipmap_levels)     \
    X(num_samples) X(force_unnormalized_coords) X(filter_mode) X(addr_mode_0) X(addr_mode_1)          \
    X(addr_mode_2) X(memory_layout)

typedef enum ptx_modifier {
#define X(name) MOD_##name,
    PTX_MODIFIERS(X)
#undef X
    MOD_COUNT,
    MOD_NONE = MOD_COUNT
} ptx_modifier;

/* ---- Special registers: X(NAME, spelling) -------------------------------------------------------- */
#define PTX_SPECIALS(X)                                                                               \
    X(TID_X, "%tid.x") X(TID_Y, "%tid.y") X(TID_Z, "%tid.z")                                          \
    X(NTID_X, "%ntid.x") X(NTID_Y, "%ntid.y") X(NTID_Z, "%ntid.z")                                    \
    X(CTAID_X, "%ctaid.x") X(CTAID_Y, "%ctaid.y") X(CTAID_Z, "%ctaid.z")                              \
    X(NCTAID_X, "%nctaid.x") X(NCTAID_Y, "%nctaid.y") X(NCTAID_Z, "%nctaid.z")                        \
    X(LANEID, "%laneid") X(WARPID, "%warpid") X(NWARPID, "%nwarpid") X(SMID, "%smid")                 \
    X(NSMID, "%nsmid") X(GRIDID, "%gridid") X(CLOCK, "%clock") X(CLOCK_HI, "%clock_hi")               \
    X(CLOCK64, "%clock64") X(GLOBALTIMER, "%globaltimer") X(WARP_SZ, "WARP_SZ")                       \
    X(LANEMASK_EQ, "%lanemask_eq") X(LANEMASK_LT, "%lanemask_lt") X(LANEMASK_LE, "%lanemask_le")      \
    X(LANEMASK_GT, "%lanemask_gt") X(LANEMASK_GE, "%lanemask_ge")                                     \
    X(DYNAMIC_SMEM, "%dynamic_smem_size") X(TOTAL_SMEM, "%total_smem_size")

typedef enum ptx_special {
#define X(name, text) SPECIAL_##name,
    PTX_SPECIALS(X)
#undef X
    SPECIAL_COUNT
} ptx_special;

const char *special_name(ptx_special special);

/* ---- Instructions -------------------------------------------------------------------------------- */
typedef enum ptx_op {
#define OP(name, operands, types, modifiers) OP_##name,
#include "runtime/ptx/ops.def"
#undef OP
    OP_COUNT
} ptx_op;

typedef struct op_info {
    const char *name, *operands, *types, *modifiers;
} op_info;
const op_info *op_describe(ptx_op op);

typedef enum operand_kind {
    OPERAND_NONE,
    OPERAND_SINK,      /* _ */
    OPERAND_REGISTER,  /* index; .offset inside an address */
    OPERAND_IMMEDIATE, /* bits; floats in their own format, see `real` */
    OPERAND_SPECIAL,   /* index: a ptx_special */
    OPERAND_VARIABLE,  /* index into the module's variables, + offset */
    OPERAND_LOCAL,     /* index into the function's variables, + offset */
    OPERAND_PARAM,     /* index into the function's parameters, + offset */
    OPERAND_FUNCTION,  /* index into the module's functions */
    OPERAND_LABEL      /* index into the function's labels */
} operand_kind;

typedef enum real_kind { REAL_NONE, REAL_SINGLE, REAL_DOUBLE } real_kind;

typedef struct ptx_operand {
    uint8_t kind, real;    /* operand_kind, real_kind of an immediate */
    bool negate;           /* !%p or -%r */
    int32_t index;
    int64_t offset;        /* addresses; the bits of an immediate */
} ptx_operand;

enum { PTX_MAX_TYPES = 4, PTX_MAX_MODIFIERS = 10, PTX_MAX_DST = 8, PTX_MAX_SRC = 32 };

/* Destinations and sources in the order of the text; vectors {a, b} are laid flat. */
typedef struct ptx_instruction {
    ptx_op op;
    int line;
    uint8_t type_count, modifier_count, dst_count, src_count;
    uint8_t types[PTX_MAX_TYPES], modifiers[PTX_MAX_MODIFIERS];
    int guard;             /* register of @%p, or -1 */
    bool guard_negated;
    int target;            /* bra: the label; call: the function, or -1: what the last source points to */
    bool has_result;       /* call */
    int *arguments;        /* call: the .param locals, result first where there is one */
    int argument_count;
    int source_file, source_line; /* of .loc; 0: none */
    ptx_operand *dst, *src;
} ptx_instruction;

bool has_modifier(const ptx_instruction *in, ptx_modifier modifier);
/* The first of the instruction's modifiers that the space-separated list names, or MOD_NONE. */
ptx_modifier modifier_among(const ptx_instruction *in, const char *list);
const char *modifier_name(ptx_modifier modifier);

/* ---- Variables, functions, modules --------------------------------------------------------------- */
typedef enum ptx_space {
    SPACE_GENERIC, SPACE_GLOBAL, SPACE_CONST, SPACE_SHARED, SPACE_LOCAL, SPACE_PARAM, SPACE_COUNT
} ptx_space;
const char *space_name(ptx_space space);
ptx_space space_of(const ptx_instruction *in);

/* An address inside an initialiser. */
typedef struct ptx_relocation {
    int64_t offset, addend;
    int variable, function;    /* one of them >= 0 */
} ptx_relocation;

/* .texref, .surfref, .samplerref: global memory that begins with a cairn_texture, so that its address serves as a handle. */
typedef enum ptx_opaque { OPAQUE_NONE, OPAQUE_TEXTURE, OPAQUE_SURFACE, OPAQUE_SAMPLER } ptx_opaque;
enum { OPAQUE_BYTES = 256 };

typedef struct ptx_variable {
    const char *name;
    ptx_space space;
    ptx_opaque opaque;
    ptx_type type;
    int align;
    int64_t bytes;             /* 0 for an array without size: extern shared memory */
    bool external, visible, weak;
    uint8_t *initial;          /* NULL: zeros */
    ptx_relocation *relocations;
    int relocation_count;
    int64_t offset;            /* shared, local, parameters: place in their memory */
} ptx_variable;

typedef struct ptx_register {
    const char *name;
    ptx_type type;
} ptx_register;

/* A piece of a .param variable, kept in a register: arguments and results of calls never touch memory. */
typedef struct ptx_slot {
    operand_kind kind;         /* OPERAND_LOCAL or OPERAND_PARAM */
    int index, reg;
    int64_t offset;
} ptx_slot;

typedef struct ptx_label {
    const char *name;
    int at, line;              /* index of the instruction it stands before, -1 while unknown; first use */
    int outer;                 /* unresolved in its braces: the label of the outer scope, else -1 */
} ptx_label;

typedef struct ptx_function {
    const char *name;
    int index, line;
    bool entry, external, visible, weak, has_result;
    bool called;               /* its code stands by itself: calls were left, or its address is taken */
    bool address_taken;
    ptx_variable *params;      /* parameters, the result first where there is one */
    int param_count;
    int64_t param_bytes, local_bytes;
    ptx_variable *locals;      /* .local and .param variables of the body */
    int local_count;
    ptx_slot *slots;
    int slot_count;
    ptx_register *registers;
    int register_count;
    ptx_label *labels;
    int label_count;
    ptx_instruction *code;
    int code_count;
    int max_threads;           /* .maxntid, 0: none */
    int64_t shared_bytes;      /* entries: of the static shared variables that they, and what they call, use */
    int64_t *shared_at;        /* where each of the module's variables is in them; -1: not there */
} ptx_function;

typedef struct ptx_module {
    arena arena;
    const char *file;
    const char **files;        /* by the number that .file gives; NULL where there is none */
    int file_count;
    int version;               /* 7.8 is 78 */
    int sm;
    ptx_variable *variables;   /* global, const and shared */
    int variable_count;
    ptx_function *functions;
    int function_count;
} ptx_module;

/* Parses and verifies `bytes` of PTX text. Several modules in one text, each with its .version, are linked: what is .visible is
 * known to all, .extern names meet their definitions, and of .weak definitions the first counts. `file` names it in messages. NULL, with the error
 * "FILE:LINE: ..." recorded, when the text is not valid or uses what is not supported. */
ptx_module *ptx_parse(const char *file, const char *text, size_t bytes);
void ptx_free(ptx_module *module);

/* The type in which an instruction reads source i (or writes destination i); PTX_NO_TYPE for addresses
 * and the operands of calls. */
ptx_type source_type(const ptx_instruction *in, int i);
ptx_type destination_type(const ptx_instruction *in, int i);
/* The unsigned type of so many bits. */
ptx_type unsigned_type(int bits);

/* Checks operands, types and labels of a parsed function; ptx_parse calls it. */
cairn_status verify_function(const ptx_module *m, const ptx_function *f);

/* Puts the bodies of functions in the place of their calls, in every entry. Recursion, and code that would grow beyond bounds,
 * leave calls; functions that are still called then are marked. */
cairn_status ptx_inline(ptx_module *m);

/* What a pointer to function number `index` holds. */
static inline int64_t function_address(int index) { return (int64_t)0xCA1 << 32 | (int64_t)(index + 1) << 4; }

ptx_function *module_find(const ptx_module *m, const char *name);

/* ---- Printing ------------------------------------------------------------------------------------ */
typedef struct text_buffer {
    char *text;
    size_t length, capacity;
    bool failed;
} text_buffer;
/* At most 511 bytes at once. */
void text_add(text_buffer *out, const char *format, ...) CAIRN_PRINTF(2, 3);
void text_append(text_buffer *out, const char *text, size_t bytes);
void text_free(text_buffer *out);
void print_instruction(text_buffer *out, const ptx_module *m, const ptx_function *f, const ptx_instruction *in);

#endif
