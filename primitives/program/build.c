/* Building programs: nodes in SSA form, with their types and classes checked as they come. */
#include <string.h>
#include "base/error.h"
#include "base/memory.h"
#include "primitives/program/vm.h"

/* What an instruction takes and gives, from the X-macro. */
typedef enum op_types { TYPES_F, TYPES_I, TYPES_A } op_types;
typedef enum op_result { RESULT_SAME, RESULT_BOOL, RESULT_F32 } op_result;
static const struct op_info {
    const char *name;
    uint8_t operands, types, result;
} ops[PROGRAM_OP_COUNT] = {
#define X(name, operands, types, result) {#name, operands, TYPES_##types, RESULT_##result},
    PROGRAM_OPS(X)
#undef X
};
static const char *const type_names[PT_COUNT] = {"f32", "f64", "i32", "i64"};

program_type program_type_of(cairn_dtype dtype)
{
    switch (dtype) {
    case CAIRN_F64: return PT_F64;
    case CAIRN_I64: return PT_I64;
    case CAIRN_F32: case CAIRN_F16: case CAIRN_BF16: return PT_F32;
    default: return PT_I32;
    }
}

int program_type_bytes(program_type type) { return type == PT_F64 || type == PT_I64 ? 8 : 4; }

program *program_new(void)
{
    program *p = mem_new(sizeof *p);
    if (p)
        p->table = vm_table_best();
    return p;
}

void program_free(program *p)
{
    if (!p)
        return;
    vm_plan_free(&p->keep);
    vm_plan_free(&p->again);
    mem_free(p->uniform_steps);
    mem_free(p->nodes);
    mem_free(p);
}

int program_instruction_count(const program *p)
{
    int n = 0;
    for (int i = 0; i < p->count; i++)
        n += p->nodes[i].live;
    return n;
}

/* ---- Appending ---------------------------------------------------------------------------------- */

static int fail(program *p, cairn_status status)
{
    (void)status;
    p->failed = true;
    return -1;
}

static int append(program *p, vm_node node)
{
    if (p->finished)
        return fail(p, error_set(CAIRN_E_STATE, "program: it is finished"));
    if (p->count == VM_MAX_NODES)
        return fail(p, error_set(CAIRN_E_ARGUMENT, "program: more than %d instructions", VM_MAX_NODES));
    if (p->count == p->room) {
        int room = p->room ? 2 * p->room : 32;
        vm_node *nodes = mem_resize(p->nodes, (size_t)room * sizeof *nodes);
        if (!nodes)
            return fail(p, CAIRN_E_MEMORY);
        p->nodes = nodes;
        p->room = room;
    }
    p->nodes[p->count] = node;
    return p->count++;
}

/* The node of an operand, or NULL after an error: -1 is one that was reported already. */
static const vm_node *operand_of(program *p, int a)
{
    if (a >= 0 && a < p->count && p->nodes[a].kind != VM_STORE)
        return &p->nodes[a];
    if (a != -1 || !p->failed)
        error_set(CAIRN_E_ARGUMENT, "program: %d is not a value", a);
    p->failed = true;
    return NULL;
}

static bool check_operand_number(program *p, int operand)
{
    if (operand >= 0 && operand < PROGRAM_MAX_OPERANDS) {
        p->operand_count = operand >= p->operand_count ? operand + 1 : p->operand_count;
        return true;
    }
    fail(p, error_set(CAIRN_E_ARGUMENT, "program: operand %d is not below %d", operand, PROGRAM_MAX_OPERANDS));
    return false;
}

static bool check_dtype(program *p, cairn_dtype dtype)
{
    if ((int)dtype >= 0 && dtype < CAIRN_DTYPE_COUNT)
        return true;
    fail(p, error_set(CAIRN_E_TYPE, "program: element type %d does not exist", (int)dtype));
    return false;
}

#define NO_INPUTS {-1, -1, -1}

int program_load(program *p, int operand, cairn_dtype dtype)
{
    if (!check_operand_number(p, operand) || !check_dtype(p, dtype))
        return -1;
    int cost = dtype == CAIRN_F16 || dtype == CAIRN_BF16 ? 2 : dtype < CAIRN_I32 ? 1 : 0;
    return append(p, (vm_node){.kind = VM_LOAD, .type = program_type_of(dtype), .class = VM_BLOCK_CLASS, .dtype = dtype,
                               .index = (int16_t)operand, .in = NO_INPUTS, .cost = cost});
}

int program_index(program *p, int operand)
{
    if (!check_operand_number(p, operand))
        return -1;
    return append(p, (vm_node){.kind = VM_INDEX, .type = PT_I64, .class = VM_BLOCK_CLASS, .dtype = CAIRN_I64,
                               .index = (int16_t)operand, .in = NO_INPUTS, .cost = 1});
}

int program_scalar(program *p, int slot, program_type type)
{
    if (slot < 0 || slot >= PROGRAM_MAX_SCALARS)
        return fail(p, error_set(CAIRN_E_ARGUMENT, "program: scalar %d is not below %d", slot, PROGRAM_MAX_SCALARS));
    if ((int)type < 0 || type >= PT_COUNT)
        return fail(p, error_set(CAIRN_E_TYPE, "program: register type %d does not exist", (int)type));
    p->scalar_count = slot >= p->scalar_count ? slot + 1 : p->scalar_count;
    return append(p, (vm_node){.kind = VM_SCALAR, .type = type, .class = VM_UNIFORM, .index = (int16_t)slot,
                               .in = NO_INPUTS});
}

/* ---- Arithmetic --------------------------------------------------------------------------------- */

static bool is_float(int type) { return type == PT_F32 || type == PT_F64; }
static bool is_random(program_op op) { return op == P_UNIFORM || op == P_NORMAL || op == P_BITS; }

static int cost_of(program_op op)
{
    if ((op >= P_EXP && op <= P_DIGAMMA) || op == P_EXP_SUB)
        return 12;
    if (is_random(op) || op == P_POW || op == P_ATAN2 || op == P_FMOD || op == P_REMAINDER || op == P_DIV_FLOOR)
        return 20;
    return op == P_DIV || op == P_SQRT || op == P_RSQRT || op == P_RECIPROCAL ? 3 : 1;
}

/* Adds operand x to the node: its class and cost. */
static bool absorb(program *p, vm_node *node, int k, int x)
{
    const vm_node *a = operand_of(p, x);
    if (!a)
        return false;
    bool columns = node->class == VM_COLUMN || a->class == VM_COLUMN;
    int wider = a->class > node->class ? a->class : node->class, other = a->class < node->class ? a->class : node->class;
    if (columns && other != VM_COLUMN && other != VM_UNIFORM) {
        fail(p, error_set(CAIRN_E_ARGUMENT, "program: a column reduction's result is combined with elements or rows"));
        return false;
    }
    node->class = (uint8_t)wider;
    node->in[k] = (int16_t)x;
    node->cost += a->class == VM_BLOCK_CLASS ? a->cost : 0;
    node->cost = node->cost > 100000 ? 100000 : node->cost;
    return true;
}

static int type_error(program *p, const char *what, int type)
{
    return fail(p, error_set(CAIRN_E_TYPE, "program: %s of %s", what, type_names[type]));
}

/* The type that the instruction works in, or -1 when the operands' types do not fit it. */
static int working_type(const program *p, program_op op, const int16_t *in)
{
    int n = ops[op].operands, type = p->nodes[in[n - 1]].type;
    if (op == P_WHERE)
        return p->nodes[in[0]].type == PT_I32 && p->nodes[in[1]].type == type ? type : -1;
    for (int k = 0; k < n - 1; k++)
        if (p->nodes[in[k]].type != type)
            return -1;
    if (is_random(op))
        return type == PT_I64 ? type : -1;
    bool fits = ops[op].types == TYPES_A || is_float(type) == (ops[op].types == TYPES_F);
    return fits ? type : -1;
}

int program_op_new(program *p, program_op op, int a, int b, int c)
{
    if ((int)op < 0 || op >= PROGRAM_OP_COUNT)
        return fail(p, error_set(CAIRN_E_ARGUMENT, "program: instruction %d does not exist", (int)op));
    vm_node node = {.kind = VM_OP, .code = op, .in = NO_INPUTS, .cost = cost_of(op)};
    const int operands[3] = {a, b, c};
    for (int k = 0; k < ops[op].operands; k++)
        if (!absorb(p, &node, k, operands[k]))
            return -1;
    int type = working_type(p, op, node.in);
    if (type < 0)
        return type_error(p, ops[op].name, p->nodes[node.in[ops[op].operands - 1]].type);
    node.dtype = (uint8_t)type;             /* of the operands: the block function's type */
    node.type = ops[op].result == RESULT_BOOL ? PT_I32 : ops[op].result == RESULT_F32 ? PT_F32 : type;
    return append(p, node);
}

int program_cast(program *p, int a, program_type to)
{
    vm_node node = {.kind = VM_CAST, .type = to, .in = NO_INPUTS, .cost = 1};
    if (!absorb(p, &node, 0, a))
        return -1;
    if ((int)to < 0 || to >= PT_COUNT)
        return fail(p, error_set(CAIRN_E_TYPE, "program: register type %d does not exist", (int)to));
    return p->nodes[a].type == to ? a : append(p, node);
}

int program_narrow(program *p, int a, cairn_dtype dtype)
{
    vm_node node = {.kind = VM_NARROW, .dtype = dtype, .in = NO_INPUTS, .cost = 2};
    if (!check_dtype(p, dtype) || !absorb(p, &node, 0, a))
        return -1;
    node.type = p->nodes[a].type;
    if (!p->table->narrow[node.type][dtype])
        return fail(p, error_set(CAIRN_E_TYPE, "program: narrow %s to %s", type_names[node.type],
                                 cairn_dtype_name(dtype)));
    return append(p, node);
}

/* ---- Reductions and stores ---------------------------------------------------------------------- */

static int splat(program *p, int a)
{
    vm_node node = {.kind = VM_SPLAT, .type = p->nodes[a].type, .in = NO_INPUTS, .cost = 1};
    if (!absorb(p, &node, 0, a))
        return -1;
    node.class = VM_BLOCK_CLASS;
    return append(p, node);
}

static int reduce(program *p, vm_kind kind, program_reduction code, int a)
{
    const vm_node *x = operand_of(p, a);
    if (!x)
        return -1;
    if ((int)code < 0 || code >= PROGRAM_REDUCTION_COUNT || !p->table->reduce_row[code][x->type])
        return type_error(p, code == PR_ANY || code == PR_ALL ? "ANY or ALL" : "a reduction", x->type);
    if (x->class == VM_COLUMN)
        return fail(p, error_set(CAIRN_E_ARGUMENT, "program: a reduction of a column reduction's result"));
    p->has_row_reduction |= kind == VM_REDUCE_ROW;
    p->has_column_reduction |= kind == VM_REDUCE_COLUMN;
    if (p->has_row_reduction && p->has_column_reduction)
        return fail(p, error_set(CAIRN_E_ARGUMENT, "program: row and column reductions together"));
    int type = code == PR_ARGMIN || code == PR_ARGMAX ? PT_I64 : x->type;
    if (x->class != VM_BLOCK_CLASS && (a = splat(p, a)) < 0)
        return -1;
    return append(p, (vm_node){.kind = kind, .code = code, .type = type, .dtype = p->nodes[a].type,
                               .class = kind == VM_REDUCE_ROW ? VM_ROW : VM_COLUMN, .in = {(int16_t)a, -1, -1}});
}

int program_reduce_row(program *p, program_reduction kind, int a) { return reduce(p, VM_REDUCE_ROW, kind, a); }
int program_reduce_column(program *p, program_reduction kind, int a) { return reduce(p, VM_REDUCE_COLUMN, kind, a); }

void program_store(program *p, int operand, cairn_dtype dtype, int a)
{
    const vm_node *x = operand_of(p, a);
    if (!x || !check_operand_number(p, operand) || !check_dtype(p, dtype))
        return;
    if (program_type_of(dtype) != x->type) {
        fail(p, error_set(CAIRN_E_TYPE, "program: store of %s to %s", type_names[x->type], cairn_dtype_name(dtype)));
        return;
    }
    if (x->class == VM_UNIFORM && (a = splat(p, a)) < 0)
        return;
    append(p, (vm_node){.kind = VM_STORE, .type = p->nodes[a].type, .class = p->nodes[a].class, .dtype = dtype,
                        .index = (int16_t)operand, .in = {(int16_t)a, -1, -1}});
}

/* ---- Finishing ---------------------------------------------------------------------------------- */

/* Live is what a store needs. Operands come before their users, so one sweep from the end suffices. */
static void mark_live(program *p)
{
    for (int i = p->count - 1; i >= 0; i--) {
        vm_node *node = &p->nodes[i];
        node->live |= node->kind == VM_STORE;
        for (int k = 0; node->live && k < 3; k++)
            if (node->in[k] >= 0) {
                p->nodes[node->in[k]].live = true;
                p->nodes[node->in[k]].uses++;
            }
    }
}

/* Operand k of a node, when it is the result of `op` on elements and only this node reads it; or NULL. */
static vm_node *only_operand(program *p, const vm_node *node, int k, program_op op)
{
    vm_node *x = &p->nodes[node->in[k]];
    return x->kind == VM_OP && x->code == op && x->uses == 1 && x->class == VM_BLOCK_CLASS ? x : NULL;
}

static void become(vm_node *node, program_op op, int a, int b, int c)
{
    node->code = (uint8_t)op;
    node->in[0] = (int16_t)a;
    node->in[1] = (int16_t)b;
    node->in[2] = (int16_t)c;
}

/* a * b + c, a * b - c, c - a * b; and a + (b - a) * c, where the product is one with a difference. */
static void join_sum(program *p, vm_node *sum)
{
    for (int k = 1; k >= 0; k--) {
        vm_node *product = only_operand(p, sum, k, P_MUL), *difference;
        if (!product)
            continue;
        product->live = false;
        become(sum, sum->code == P_ADD ? P_MUL_ADD : k ? P_SUB_MUL : P_MUL_SUB, product->in[0], product->in[1], sum->in[1 - k]);
        for (int i = 0; i < 2 && sum->code == P_MUL_ADD; i++)
            if ((difference = only_operand(p, sum, i, P_SUB)) && difference->in[1] == sum->in[2] &&
                p->nodes[sum->in[2]].class == VM_BLOCK_CLASS) {
                difference->live = false;
                become(sum, P_LERP, sum->in[2], difference->in[0], sum->in[1 - i]);
            }
        return;
    }
}

/* a / (sqrt(b) + c) */
static void join_quotient(program *p, vm_node *quotient)
{
    vm_node *sum = only_operand(p, quotient, 1, P_ADD), *root = NULL;
    for (int k = 0; k < 2 && sum && !root; k++)
        if ((root = only_operand(p, sum, k, P_SQRT)) && p->nodes[quotient->in[0]].class == VM_BLOCK_CLASS) {
            sum->live = root->live = false;
            become(quotient, P_DIV_ROOT, quotient->in[0], root->in[0], sum->in[1 - k]);
        }
}

/* exp(a - b), b one number for a row: softmax. */
static void join_exponential(program *p, vm_node *exponential)
{
    vm_node *difference = only_operand(p, exponential, 0, P_SUB);
    if (difference && p->nodes[difference->in[0]].class == VM_BLOCK_CLASS && p->nodes[difference->in[1]].class != VM_BLOCK_CLASS) {
        difference->live = false;
        become(exponential, P_EXP_SUB, difference->in[0], difference->in[1], -1);
    }
}

/* Several instructions become one where nothing else reads what lies between: the same operations with the same
 * roundings, but their results stay in the processor's registers. */
static void join(program *p)
{
    for (int i = 0; i < p->count; i++) {
        vm_node *node = &p->nodes[i];
        if (!node->live || node->kind != VM_OP || !is_float(node->type))
            continue;
        if (node->code == P_ADD || node->code == P_SUB)
            join_sum(p, node);
        else if (node->code == P_DIV)
            join_quotient(p, node);
        else if (node->code == P_EXP)
            join_exponential(p, node);
    }
}

/* The phase in which a value can be computed first: a row reduction's result is there after its operand's phase. */
static void find_levels(program *p)
{
    for (int i = 0; i < p->count; i++) {
        vm_node *node = &p->nodes[i];
        int level = 0;
        for (int k = 0; k < 3; k++)
            if (node->in[k] >= 0 && p->nodes[node->in[k]].level > level)
                level = p->nodes[node->in[k]].level;
        node->level = (int16_t)(level + (node->kind == VM_REDUCE_ROW));
    }
}

static void add_costs(program *p)
{
    for (int i = 0; i < p->count; i++) {
        const vm_node *node = &p->nodes[i];
        if (node->live && node->class != VM_UNIFORM)
            p->cost += node->kind == VM_OP ? cost_of(node->code) : node->kind == VM_LOAD || node->kind == VM_STORE ? 2 : 1;
    }
}

cairn_status program_finish(program *p)
{
    if (p->failed)
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_STATE, "program: its building failed");
    if (p->finished)
        return CAIRN_OK;
    mark_live(p);
    join(p);
    cairn_status status = vm_gather_moments(p);
    find_levels(p);
    add_costs(p);
    status = status ? status : vm_plan_build(p);
    p->finished = status == CAIRN_OK;
    p->failed = !p->finished;
    return status;
}
