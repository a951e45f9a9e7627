/* Programs: instructions of any kind over any values, then a call with any sizes and strides. */
#include "tests/fuzz/descriptor.h"
#include <cairn/dnn.h>

enum { OPERANDS = 6, MOST_VALUES = 24 };

typedef struct built {
    cairn_program *p;
    int values[MOST_VALUES], count;
    cairn_dtype is[MOST_VALUES];            /* the register each value is in */
    cairn_dtype type[OPERANDS];             /* of what an operand holds */
    role role[OPERANDS];
    bool over_rows, used[OPERANDS], conflict;          /* an operand of two types has no array that is right */
} built;

static int value(const built *b) { return next_byte() >= input.wild ? (int)any_number() : b->count ? b->values[next_byte() % b->count] : 0; }

static cairn_dtype register_of(cairn_dtype type)
{
    return type == CAIRN_F32 || type == CAIRN_F16 || type == CAIRN_BF16 ? CAIRN_F32 : type == CAIRN_F64 || type == CAIRN_I64 ? type : CAIRN_I32;
}

/* A value that is in the register, as most instructions want it; or any. */
static int value_in(const built *b, cairn_dtype type)
{
    const int first = b->count ? next_byte() % b->count : 0;
    for (int i = 0; i < b->count; i++)
        if (b->is[(first + i) % b->count] == type)
            return b->values[(first + i) % b->count];
    return value(b);
}

static cairn_dtype type_of(const built *b, int made)
{
    for (int i = 0; i < b->count; i++)
        if (b->values[i] == made)
            return b->is[i];
    return CAIRN_F32;
}

/* An operation that is likely to fit its operands. */
static int add_operation(built *b, cairn_dtype *type)
{
    const int a = value(b);
    int op = choice(CAIRN_P_COUNT);
    *type = type_of(b, a);
    const bool real = *type == CAIRN_F32 || *type == CAIRN_F64;
    if (!real && op < CAIRN_P_ADD && flag())
        op = CAIRN_P_NOT;
    if (real && op >= CAIRN_P_AND && op <= CAIRN_P_SHR)
        op = CAIRN_P_MUL_ADD;
    if (op == CAIRN_P_WHERE)
        return cairn_program_op(b->p, CAIRN_P_WHERE, value_in(b, CAIRN_I32), a, value_in(b, *type));
    const int made = cairn_program_op(b->p, (cairn_program_opcode)op, a, value_in(b, *type), value_in(b, *type));
    if (op == CAIRN_P_ISNAN || op == CAIRN_P_ISINF || op == CAIRN_P_LNOT || (op >= CAIRN_P_EQ && op <= CAIRN_P_GE))
        *type = CAIRN_I32;
    else if (op == CAIRN_P_UNIFORM || op == CAIRN_P_NORMAL)
        *type = CAIRN_F32;
    return made;
}

/* An operand by number; the one that is noted takes the type. */
static int operand(built *b, cairn_dtype type, role role)
{
    const int i = (int)number(0, OPERANDS - 1);
    if (i >= 0 && i < OPERANDS) {
        b->conflict = b->conflict || (b->used[i] && (b->type[i] != type || b->role[i] != role));
        b->used[i] = true, b->type[i] = type, b->role[i] = role;
    } else if (i >= 0 && i < 128) {
        b->conflict = true;
    }
    return i;
}

static cairn_dtype any_type(void) { return flag() ? CAIRN_F32 : (cairn_dtype)choice(CAIRN_DTYPE_COUNT); }

static cairn_dtype register_type(void)
{
    static const cairn_dtype all[] = {CAIRN_F32, CAIRN_F64, CAIRN_I32, CAIRN_I64};
    const int i = choice(4);
    return i >= 0 && i < 4 ? all[i] : (cairn_dtype)i;
}

static void add_instruction(built *b)
{
    int made = -1, from;
    cairn_dtype type = CAIRN_I64;
    const int what = next_byte();
    switch (b->count || what >= input.wild ? what % 8 : what % 2) {
    case 0:
        type = any_type();
        made = cairn_program_load(b->p, operand(b, type, IN), type);
        break;
    case 1: {
        const int i = (int)number(OPERANDS, OPERANDS + 1);      /* without memory */
        b->conflict = b->conflict || i < OPERANDS || i > OPERANDS + 1;
        made = cairn_program_index(b->p, i);
        break;
    }
    case 2:
        type = register_type();
        made = cairn_program_scalar(b->p, choice(3), type);
        break;
    case 3:
        type = register_type();
        made = cairn_program_cast(b->p, value(b), type);
        break;
    case 4:
        from = value(b);
        type = type_of(b, from);
        made = cairn_program_reduce(b->p, (cairn_program_reduction)(next_byte() % 4 ? choice(4) : choice(8)), from, b->over_rows ^ rarely());
        if (made >= 0 && cairn_program_cast(b->p, made, type) != made)
            type = CAIRN_I64;
        break;
    default: made = add_operation(b, &type);
    }
    if (made >= 0) {
        b->is[b->count] = register_of(type);
        b->values[b->count++] = made;
    }
}

/* The types of memory that a register is stored to. */
static cairn_dtype stored_type(const built *b, int made)
{
    static const cairn_dtype narrow[] = {CAIRN_F16, CAIRN_BF16, CAIRN_F32, CAIRN_F32}, whole[] = {CAIRN_BOOL, CAIRN_U8, CAIRN_I8, CAIRN_I16};
    const cairn_dtype type = type_of(b, made);
    if (next_byte() >= input.wild)
        return any_type();
    return flag() ? type : type == CAIRN_F32 ? narrow[next_byte() % 4] : type == CAIRN_I32 ? whole[next_byte() % 4] : type;
}

static cairn_program *build(built *b)
{
    *b = (built){.p = cairn_program_new(), .over_rows = rarely()};
    demand(b->p, "no program");
    for (int i = 0, n = next_byte() % MOST_VALUES; i < n && !cairn_error() && b->count < MOST_VALUES; i++)
        add_instruction(b);
    for (int i = 0, n = 1 + flag(); i < n && !cairn_error() && b->count; i++) {
        const int from = b->values[b->count - 1 - (i ? next_byte() % b->count : 0)];
        const cairn_dtype type = stored_type(b, from);
        cairn_program_store(b->p, operand(b, type, OUT), type, from);
    }
    const cairn_status status = cairn_program_finish(b->p);
    if (status == CAIRN_OK) {
        demand(!cairn_error(), "finished with an error");
        demand(cairn_program_load(b->p, 0, CAIRN_F32) == -1, "a finished program is changed");
        demand_message("change of a finished program");
        return b->p;
    }
    demand_message("program");
    cairn_program_free(b->p);
    return NULL;
}

typedef struct run {
    cairn_program_call call;
    int64_t bytes;
} run;

static void decode_call(cairn_program_call *call, cairn_program_operand *operands, cairn_program_number *numbers)
{
    call->axes = flag() ? 2 : (int)number(1, 4);
    const int axes = call->axes < 0 ? 0 : call->axes > 8 ? 8 : call->axes;
    for (int i = 0; i < axes; i++)
        call->size[i] = number(0, rarely() ? 40 : 5);
    for (int i = 0; i < OPERANDS + 2; i++) {
        uint64_t step = 1;
        for (int k = axes - 1; k >= 0; k--) {
            operands[i].stride[k] = number((int64_t)(step & 0xffff), (int64_t)(step & 0xffff));
            if (rarely() && i % 2)
                operands[i].stride[k] = 0;
            step *= (uint64_t)call->size[k];
        }
        operands[i].start = number(0, 100);
    }
    for (int i = 0; i < 3; i++)
        numbers[i] = flag() ? (cairn_program_number){.i = any_number()} : (cairn_program_number){.f = real()};
    call->operands = operands;
    call->scalars = numbers;
}

/* Of all points of the domain, or of all rows or columns, which have results even where the other ones are none. */
static int64_t array_bytes(int64_t element, int axes, const cairn_program_call *call, int i, int64_t *before)
{
    int64_t size[8], after = span_of(element, axes, call->size, call->operands[i].stride, before) - *before;
    for (int part = 0; part < 2 && after >= 0; part++) {
        int64_t part_before;
        for (int k = 0; k < axes; k++)
            size[k] = (k == axes - 1) == part ? 1 : call->size[k];
        const int64_t bytes = span_of(element, axes, size, call->operands[i].stride, &part_before);
        *before = part_before > *before ? part_before : *before;
        after = bytes < 0 ? -1 : bytes - part_before > after ? bytes - part_before : after;
    }
    return after < 0 ? -1 : after + *before;
}

static bool arm(const built *b, cairn_program_call *call)
{
    const int axes = call->axes < 0 ? 0 : call->axes > 8 ? 8 : call->axes;
    int64_t sizes[8];                       /* rows are worked on even where columns are none */
    for (int i = 0; i < axes; i++)
        sizes[i] = call->size[i] ? call->size[i] : 1;
    bool fits = !b->conflict && product_of(MOST_WORK, axes, sizes) >= 0 && axes == call->axes;
    for (int i = 0; i < OPERANDS && fits; i++) {
        int64_t before, bytes = array_bytes(cairn_dtype_bytes(b->type[i]), axes, call, i, &before);
        fits = bytes >= 0;
        if (fits && b->used[i]) {
            call->operands[i].data = take_at(b->role[i], bytes, before);
            roughen((char *)call->operands[i].data - before, bytes);
        }
    }
    remember();
    return fits;
}

static void fuzz_call(const built *b)
{
    cairn_program_operand operands[128] = {{0}};
    cairn_program_number numbers[256] = {{0}};
    cairn_program_call call = {.program = b->p};
    decode_call(&call, operands, numbers);
    bool memory = false, empty = product_of(INT64_MAX, call.axes < 0 || call.axes > 8 ? 0 : call.axes, call.size) == 0;
    for (int i = 0; i < OPERANDS; i++)
        memory = memory || b->used[i];
    const int64_t bytes = query("program workspace", cairn_program_workspace_bytes(&call));
    refused("program", cairn_program_run(&call, NULL, any_number()));
    char room[64];
    if (bytes < 0)
        refused("program", cairn_program_run(&call, room, (int64_t)1 << 62));
    else if (memory && !empty)
        refused("program without arrays", cairn_program_run(&call, room, (int64_t)1 << 62));
    if (bytes < 0 || bytes > MOST_WORKSPACE || !arm(b, &call))
        return;
    void *workspace = take(WORKSPACE, bytes);
    accepted("program", cairn_program_run(&call, workspace, bytes));
    refused("program with less workspace", cairn_program_run(&call, workspace, too_few(bytes)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    begin_input(data, size);
    built b;
    if (build(&b)) {
        fuzz_call(&b);
        cairn_program_free(b.p);
    }
    release();
    return 0;
}
