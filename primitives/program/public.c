/* Programs as a public primitive: names and checks around program.h. */
#include "base/error.h"
#include "base/memory.h"
#include "primitives/program/program.h"
#include "primitives/slots.h"
#include <cairn/dnn/program.h>

#include <math.h>

struct cairn_program {
    program *p;
    int operands, scalars;                  /* how many it names */
    bool reads[PROGRAM_MAX_OPERANDS], writes[PROGRAM_MAX_OPERANDS], indexes[PROGRAM_MAX_OPERANDS]; /* what for */
    bool row_results, column_results;       /* of reductions */
    bool finished, failed;
};

static const program_op internal[CAIRN_P_COUNT] = {
#define X(name, operands) [CAIRN_P_##name] = P_##name,
    CAIRN_PROGRAM_OPS(X)
#undef X
};
static const program_reduction reductions[] = {PR_SUM, PR_PROD, PR_MIN, PR_MAX, PR_ANY, PR_ALL, PR_ARGMIN, PR_ARGMAX};

cairn_program *cairn_program_new(void)
{
    cairn_program *p = mem_new(sizeof *p);
    if (p && !(p->p = program_new())) {
        mem_free(p);
        return NULL;
    }
    return p;
}

void cairn_program_free(cairn_program *p)
{
    if (p)
        program_free(p->p);
    mem_free(p);
}

/* What was made; an error is the program's, whether or not the value is used. */
static int note(cairn_program *p, int made)
{
    if (p && made < 0)
        p->failed = true;
    return made;
}

/* Whether p can still be added to; else the error is set. */
static bool open(const cairn_program *p)
{
    if (p && !p->finished)
        return true;
    if (!cairn_error())
        error_set(CAIRN_E_STATE, "program: %s", p ? "it is finished" : "NULL");
    return false;
}

static bool in_range(const char *what, int i, int most)
{
    if (i >= 0 && i < most)
        return true;
    error_set(CAIRN_E_RANGE, "program: %s %d, of %d", what, i, most);
    return false;
}

/* Whether the number of an operand may be used; then it counts, and is noted in `uses`. */
static bool operand_ok(cairn_program *p, int operand, bool *uses)
{
    if (!open(p) || !in_range("operand", operand, PROGRAM_MAX_OPERANDS))
        return false;
    p->operands = operand >= p->operands ? operand + 1 : p->operands;
    uses[operand] = true;
    return true;
}

static bool type_ok(cairn_dtype type)
{
    if (cairn_dtype_bytes(type))
        return true;
    error_set(CAIRN_E_TYPE, "program: there is no type %d", (int)type);
    return false;
}

/* A type that registers have. */
static bool register_ok(cairn_dtype type)
{
    if (type == CAIRN_F32 || type == CAIRN_F64 || type == CAIRN_I32 || type == CAIRN_I64)
        return true;
    error_set(CAIRN_E_TYPE, "program: a register of %s (f32, f64, i32, i64)", cairn_dtype_name(type));
    return false;
}

int cairn_program_load(cairn_program *p, int operand, cairn_dtype type)
{
    return note(p, type_ok(type) && operand_ok(p, operand, p ? p->reads : NULL) ? program_load(p->p, operand, type) : -1);
}

int cairn_program_index(cairn_program *p, int operand)
{
    return note(p, operand_ok(p, operand, p ? p->indexes : NULL) ? program_index(p->p, operand) : -1);
}

int cairn_program_scalar(cairn_program *p, int slot, cairn_dtype type)
{
    if (!open(p) || !in_range("scalar", slot, PROGRAM_MAX_SCALARS) || !register_ok(type))
        return note(p, -1);
    p->scalars = slot >= p->scalars ? slot + 1 : p->scalars;
    return note(p, program_scalar(p->p, slot, program_type_of(type)));
}

int cairn_program_op(cairn_program *p, cairn_program_opcode op, int a, int b, int c)
{
    return note(p, open(p) && in_range("operation", (int)op, CAIRN_P_COUNT) ? program_op_new(p->p, internal[op], a, b, c) : -1);
}

int cairn_program_cast(cairn_program *p, int a, cairn_dtype type)
{
    return note(p, open(p) && register_ok(type) ? program_cast(p->p, a, program_type_of(type)) : -1);
}

int cairn_program_reduce(cairn_program *p, cairn_program_reduction kind, int a, bool over_rows)
{
    if (!open(p) || !in_range("reduction", (int)kind, (int)(sizeof reductions / sizeof *reductions)))
        return note(p, -1);
    *(over_rows ? &p->column_results : &p->row_results) = true;
    return note(p, over_rows ? program_reduce_column(p->p, reductions[kind], a) : program_reduce_row(p->p, reductions[kind], a));
}

void cairn_program_store(cairn_program *p, int operand, cairn_dtype type, int a)
{
    if (type_ok(type) && operand_ok(p, operand, p ? p->writes : NULL))
        program_store(p->p, operand, type, a);
    else
        note(p, -1);
}

cairn_status cairn_program_finish(cairn_program *p)
{
    if (!open(p))
        return cairn_error();
    if (p->failed)
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_STATE, "program: its building failed");
    const cairn_status status = program_finish(p->p);
    p->finished = status == CAIRN_OK;
    return status;
}

/* ---- Running ------------------------------------------------------------------------------------*/

/* That no offset of an operand overflows. */
static cairn_status check_strides(const cairn_program_call *call)
{
    for (int i = 0; i < call->program->operands; i++) {
        const cairn_program_operand *o = &call->operands[i];
        double reach = call->program->indexes[i] ? fabs((double)o->start) : 0;
        for (int k = 0; k < call->axes; k++)
            reach += fabs((double)o->stride[k]) * (double)larger(call->size[k], 1);
        const bool memory = call->program->reads[i] || call->program->writes[i];
        if ((memory || call->program->indexes[i]) && reach >= (memory ? 0x1p56 : 0x1p62))
            return error_set(CAIRN_E_SHAPE, "program: the strides of operand %d overflow", i);
    }
    return CAIRN_OK;
}

/* The sizes that plans are made for: of elements, of the sums of columns. */
#define MOST_ELEMENTS 0x1p44

static cairn_status check(const cairn_program_call *call)
{
    if (!call || !call->program || !call->program->finished)
        return error_set(CAIRN_E_STATE, "program: %s", call && call->program ? "it is not finished" : "NULL");
    if (call->axes < 1 || call->axes > PROGRAM_MAX_AXES)
        return error_set(CAIRN_E_SHAPE, "program: %d axes (1 ... %d)", call->axes, PROGRAM_MAX_AXES);
    double count = 1;
    for (int i = 0; i < call->axes; i++) {
        if (call->size[i] < 0)
            return error_set(CAIRN_E_SHAPE, "program: size %lld of axis %d", (long long)call->size[i], i);
        count *= (double)larger(call->size[i], 1);
    }
    if (count >= MOST_ELEMENTS)
        return error_set(CAIRN_E_SHAPE, "program: sizes overflow");
    if ((call->program->operands && !call->operands) || (call->program->scalars && !call->scalars))
        return error_set(CAIRN_E_ARGUMENT, "program: operands %p, scalars %p", (void *)call->operands, (const void *)call->scalars);
    return check_strides(call);
}

/* For the run: that what is read and written is there. Sums of nothing are written. */
static cairn_status check_memory(const cairn_program_call *call)
{
    const cairn_program *p = call->program;
    bool rows = true, columns = call->size[call->axes - 1] > 0;
    for (int i = 0; i < call->axes - 1; i++)
        rows = rows && call->size[i] > 0;
    const bool written = p->row_results ? rows : p->column_results ? columns : rows && columns;
    for (int i = 0; i < p->operands; i++)
        if (!call->operands[i].data && ((p->reads[i] && rows && columns) || (p->writes[i] && written)))
            return error_set(CAIRN_E_ARGUMENT, "program: operand %d is NULL", i);
    return CAIRN_OK;
}

/* The call as the machine has it; `room` for the operands. */
static program_call internal_call(const cairn_program_call *call, program_operand *room)
{
    program_call c = {.program = call->program->p, .axes = call->axes, .operands = room, .scalars = (const program_value *)call->scalars};
    for (int i = 0; i < call->axes; i++)
        c.size[i] = call->size[i];
    for (int i = 0; i < call->program->operands; i++) {
        room[i] = (program_operand){.data = call->operands[i].data, .start = call->operands[i].start};
        for (int k = 0; k < call->axes; k++)
            room[i].stride[k] = call->operands[i].stride[k];
    }
    return c;
}

int64_t cairn_program_workspace_bytes(const cairn_program_call *call)
{
    program_operand room[PROGRAM_MAX_OPERANDS];
    if (check(call) != CAIRN_OK)
        return 0;
    const program_call c = internal_call(call, room);
    return program_scratch_bytes(&c) + 64;
}

cairn_status cairn_program_run(const cairn_program_call *call, void *workspace, int64_t workspace_bytes)
{
    program_operand room[PROGRAM_MAX_OPERANDS];
    cairn_status status = check(call);
    status = status ? status : check_memory(call);
    if (status != CAIRN_OK)
        return status;
    const program_call c = internal_call(call, room);
    const int64_t needed = program_scratch_bytes(&c) + 64;
    if (!workspace || workspace_bytes < needed)
        return error_set(CAIRN_E_ARGUMENT, "program: the workspace is too small: %lld bytes of %lld",
                         (long long)(workspace ? workspace_bytes : 0), (long long)needed);
    program_run(&c, (void *)round_up((int64_t)(intptr_t)workspace, 64));
    return CAIRN_OK;
}
