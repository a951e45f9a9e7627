/* Function bodies: declarations, labels, instructions and their operands. */
#include "runtime/ptx/parse.h"
#include <string.h>

/* ---- Registers, slots, variables ----------------------------------------------------------------- */
static int add_register(parser *p, const char *name, ptx_type type)
{
    ptx_register *r = arena_push(&p->m->arena, p->f->registers, p->f->register_count);
    if (!r)
        return -1;
    *r = (ptx_register){name, type};
    return p->f->register_count - 1;
}

static bool declare_register(parser *p, const char *name, int length, ptx_type type)
{
    char *copy = arena_string(&p->m->arena, name, (size_t)length);
    int index = copy ? add_register(p, copy, type) : -1;
    return index >= 0 && names_add(&p->names, &p->m->arena, copy, length, NAME_REGISTER, index);
}

/* %r<23> declares %r0 to %r22. */
static bool declare_register_range(parser *p, const token *prefix, ptx_type type)
{
    if (p->t.kind != TOKEN_INTEGER || p->t.bits > 1000000)
        return refuse(p, "expected the number of registers before '%.*s'", p->t.length, p->t.start);
    for (int i = 0; i < (int)p->t.bits; i++) {
        char name[160];
        int length = __builtin_snprintf(name, sizeof name, "%.*s%d", prefix->length, prefix->start, i);
        if (length >= (int)sizeof name)
            return refuse(p, "the register name '%.*s' is too long", prefix->length, prefix->start);
        if (!declare_register(p, name, length, type))
            return false;
    }
    advance(p);
    return expect(p, '>');
}

static bool parse_registers(parser *p)
{
    ptx_type type;
    if (!parse_type(p, &type))
        return false;
    do {
        token name = p->t;
        if (name.kind != TOKEN_WORD)
            return refuse(p, "expected a register before '%.*s'", name.length, name.start);
        advance(p);
        if (accept(p, '<') ? !declare_register_range(p, &name, type)
                           : !declare_register(p, name.start, name.length, type))
            return false;
    } while (accept(p, ','));
    return expect(p, ';');
}

bool parse_body_variable(parser *p, ptx_space space)
{
    ptx_variable v = {0};
    if (!parse_variable(p, space, &v))
        return false;
    bool shared = space == SPACE_SHARED;
    if (space == SPACE_LOCAL)
        v.offset = place(&p->f->local_bytes, v.bytes, v.align);
    ptx_variable *slot = shared ? arena_push(&p->m->arena, p->m->variables, p->m->variable_count)
                                : arena_push(&p->m->arena, p->f->locals, p->f->local_count);
    if (!slot)
        return false;
    *slot = v;
    int index = (shared ? p->m->variable_count : p->f->local_count) - 1;
    return names_add(&p->names, &p->m->arena, slot->name, (int)strlen(slot->name),
                     shared ? NAME_VARIABLE : NAME_LOCAL, index) &&
           expect(p, ';');
}

static ptx_type bits_type(int bytes)
{
    return bytes == 1 ? PTX_B8 : bytes == 2 ? PTX_B16 : bytes == 4 ? PTX_B32 : PTX_B64;
}

static int slot_register(parser *p, operand_kind kind, int index, int64_t offset, int bytes)
{
    for (int i = 0; i < p->f->slot_count; i++) {
        const ptx_slot *s = &p->f->slots[i];
        if (s->kind == kind && s->index == index && s->offset == offset) {
            if (type_bytes(p->f->registers[s->reg].type) == bytes)
                return s->reg;
            refuse(p, ".param memory is written and read in pieces of different sizes");
            return -1;
        }
    }
    int reg = add_register(p, "%param", bits_type(bytes));
    ptx_slot *s = reg < 0 ? NULL : arena_push(&p->m->arena, p->f->slots, p->f->slot_count);
    if (!s)
        return -1;
    *s = (ptx_slot){kind, index, reg, offset};
    return reg;
}

/* ---- Labels -------------------------------------------------------------------------------------- */
static int add_label(parser *p, const token *name)
{
    char *copy = arena_string(&p->m->arena, name->start, (size_t)name->length);
    ptx_label *l = copy ? arena_push(&p->m->arena, p->f->labels, p->f->label_count) : NULL;
    if (!l)
        return -1;
    *l = (ptx_label){copy, -1, name->line, -1};
    return p->f->label_count - 1;
}

/* A label of the innermost braces, where labels begin at `scope`. Labels that inner braces already
 * closed over have an instruction or an outer label. */
static int find_label(parser *p, const token *name, int scope)
{
    for (int i = p->f->label_count - 1; i >= scope; i--)
        if (token_is(name, p->f->labels[i].name))
            return i;
    return add_label(p, name);
}

/* Leaves braces: labels that were used but not set in them are the outer scope's. New ones are added
 * behind the closed ones, so a name is looked up there first. */
static bool close_labels(parser *p, int scope, int outer_scope)
{
    int count = p->f->label_count;
    for (int i = scope; i < count; i++) {
        if (p->f->labels[i].at >= 0 || p->f->labels[i].outer >= 0)
            continue;
        token name = {.start = p->f->labels[i].name, .length = (int)strlen(p->f->labels[i].name),
                      .line = p->f->labels[i].line};
        int outer = -1;
        for (int k = outer_scope; k < scope && outer < 0; k++)
            if (token_is(&name, p->f->labels[k].name))
                outer = k;
        if (outer < 0)
            outer = add_label(p, &name);
        if (outer < 0)
            return false;
        p->f->labels[i].outer = outer;
    }
    /* Names set inside must not be found from outside. */
    for (int i = scope; i < count; i++)
        p->f->labels[i].name = "";
    return true;
}

static bool set_label(parser *p, const token *name)
{
    int index = find_label(p, name, p->label_scope);
    if (index < 0)
        return false;
    if (p->f->labels[index].at >= 0)
        return refuse(p, "label '%.*s' is set twice", name->length, name->start);
    p->f->labels[index].at = p->f->code_count;
    return true;
}

static bool resolve_branches(parser *p)
{
    for (int i = 0; i < p->f->code_count; i++) {
        ptx_instruction *in = &p->f->code[i];
        if (in->op != OP_bra)
            continue;
        const ptx_label *l = &p->f->labels[in->target];
        while (l->at < 0 && l->outer >= 0)
            l = &p->f->labels[l->outer];
        if (l->at < 0)
            return refuse_at(p, l->line, "label '%s' is not set", l->name);
        in->target = l->at;
    }
    return true;
}

/* ---- Operands ------------------------------------------------------------------------------------ */
typedef struct operand_list {
    ptx_operand dst[PTX_MAX_DST], src[PTX_MAX_SRC];
    int dst_count, src_count;
} operand_list;

static bool add_operand(parser *p, operand_list *list, bool destination, ptx_operand operand)
{
    int *count = destination ? &list->dst_count : &list->src_count;
    if (*count == (destination ? PTX_MAX_DST : PTX_MAX_SRC))
        return refuse(p, "too many operands");
    (destination ? list->dst : list->src)[(*count)++] = operand;
    return true;
}

static bool parse_special(parser *p, ptx_operand *o)
{
    token word = p->t;
    advance(p);
    const char *end = word.start + word.length;
    if (p->t.kind == TOKEN_DOT_WORD && p->t.start == end + 1) {
        end = p->t.start + p->t.length;
        advance(p);
    }
    word.length = (int)(end - word.start);
    for (int i = 0; i < SPECIAL_COUNT; i++)
        if (token_is(&word, special_name((ptx_special)i))) {
            *o = (ptx_operand){.kind = OPERAND_SPECIAL, .index = i};
            return true;
        }
    return refuse(p, "unknown name '%.*s'", word.length, word.start);
}

static bool parse_word(parser *p, ptx_operand *o)
{
    static const uint8_t kinds[] = {
        [NAME_REGISTER] = OPERAND_REGISTER, [NAME_VARIABLE] = OPERAND_VARIABLE, [NAME_LOCAL] = OPERAND_LOCAL,
        [NAME_PARAM] = OPERAND_PARAM, [NAME_FUNCTION] = OPERAND_FUNCTION};
    if (token_is(&p->t, "_")) {
        o->kind = OPERAND_SINK;
        advance(p);
        return true;
    }
    const name_entry *e = names_find(&p->names, p->t.start, p->t.length);
    if (!e)
        return parse_special(p, o);
    o->kind = kinds[e->kind];
    o->index = e->index;
    advance(p);
    return true;
}

static bool parse_offset(parser *p, int64_t *offset)
{
    bool plus = accept(p, '+');
    bool minus = accept(p, '-');
    if (!plus && !minus)
        return true;
    if (p->t.kind != TOKEN_INTEGER)
        return refuse(p, "expected an offset before '%.*s'", p->t.length, p->t.start);
    *offset = minus ? (int64_t)(0 - p->t.bits) : (int64_t)p->t.bits;
    advance(p);
    return true;
}

/* A register, name, or number, with its sign or negation. */
static bool parse_simple(parser *p, ptx_operand *o)
{
    *o = (ptx_operand){0};
    o->negate = accept(p, '!');
    bool minus = !o->negate && accept(p, '-');
    if (p->t.kind == TOKEN_WORD) {
        o->negate |= minus;
        return parse_word(p, o) && (o->kind < OPERAND_VARIABLE || parse_offset(p, &o->offset));
    }
    if (p->t.kind != TOKEN_INTEGER && p->t.kind != TOKEN_REAL)
        return refuse(p, "expected an operand before '%.*s'", p->t.length, p->t.start);
    o->kind = OPERAND_IMMEDIATE;
    o->real = p->t.real;
    o->offset = (int64_t)p->t.bits;
    if (minus)
        o->offset = o->real == REAL_SINGLE   ? o->offset ^ (int64_t)0x80000000
                    : o->real == REAL_DOUBLE ? o->offset ^ INT64_MIN
                                             : (int64_t)(0 - p->t.bits);
    advance(p);
    return true;
}

static bool parse_address(parser *p, operand_list *list)
{
    ptx_operand o;
    if (!expect(p, '[') || !parse_simple(p, &o))
        return false;
    if (o.kind == OPERAND_SINK || o.kind == OPERAND_SPECIAL || o.kind == OPERAND_FUNCTION || o.negate)
        return refuse(p, "this cannot be an address");
    if (o.kind == OPERAND_REGISTER && !parse_offset(p, &o.offset))
        return false;
    return expect(p, ']') && add_operand(p, list, false, o);
}

static bool parse_vector(parser *p, operand_list *list, bool destination)
{
    do {
        ptx_operand o;
        if (!parse_simple(p, &o) || !add_operand(p, list, destination, o))
            return false;
    } while (accept(p, ','));
    return expect(p, '}');
}

/* [object, {x, y}], [object, x], [object, sampler, {x, y}]; with `alone`: [object]. */
static bool parse_object(parser *p, operand_list *list, bool alone)
{
    ptx_operand o;
    if (!expect(p, '[') || !parse_simple(p, &o) || !add_operand(p, list, false, o))
        return false;
    if (!alone && !expect(p, ','))
        return false;
    for (bool more = !alone; more; more = accept(p, ','))
        if (accept(p, '{') ? !parse_vector(p, list, false) : !parse_simple(p, &o) || !add_operand(p, list, false, o))
            return false;
    return expect(p, ']');
}

static bool parse_operand(parser *p, ptx_instruction *in, operand_list *list, char letter)
{
    ptx_operand o;
    if (letter == 't' || letter == 'o')
        return parse_object(p, list, letter == 'o');
    if (letter == 'm')
        return parse_address(p, list);
    if (letter == 'l') {
        token name = p->t;
        if (name.kind != TOKEN_WORD)
            return refuse(p, "expected a label before '%.*s'", name.length, name.start);
        advance(p);
        in->target = find_label(p, &name, p->label_scope);
        return in->target >= 0;
    }
    bool destination = letter == 'd' || letter == 'e' || letter == 'p';
    if ((letter == 'e' || letter == 'v') && accept(p, '{'))
        return parse_vector(p, list, destination);
    if (!parse_simple(p, &o) || !add_operand(p, list, destination, o))
        return false;
    return letter != 'p' || !accept(p, '|') || (parse_simple(p, &o) && add_operand(p, list, true, o));
}

static bool parse_operands(parser *p, ptx_instruction *in, operand_list *list)
{
    bool optional = false, first = true;
    for (const char *letter = op_describe(in->op)->operands; *letter; letter++) {
        if (*letter == '?') {
            optional = true;
            continue;
        }
        if (!first && !accept(p, ','))
            return (optional && at_punctuation(p, ';')) || refuse(p, "expected ',' before '%.*s'", p->t.length, p->t.start);
        if (!parse_operand(p, in, list, *letter))
            return false;
        first = false;
    }
    return true;
}

/* ---- Calls --------------------------------------------------------------------------------------- */
static bool parse_argument(parser *p, ptx_instruction *in)
{
    const name_entry *e = names_find(&p->names, p->t.start, p->t.length);
    if (!e || e->kind != NAME_LOCAL || p->f->locals[e->index].space != SPACE_PARAM)
        return refuse(p, "'%.*s' is not a .param variable of this function", p->t.length, p->t.start);
    int *slot = arena_push(&p->m->arena, in->arguments, in->argument_count);
    if (!slot)
        return false;
    *slot = e->index;
    advance(p);
    return true;
}

static bool parse_arguments(parser *p, ptx_instruction *in)
{
    while (!at_punctuation(p, ')')) {
        if (!parse_argument(p, in))
            return false;
        if (!accept(p, ','))
            break;
    }
    return expect(p, ')');
}

static bool parse_callee(parser *p, ptx_instruction *in, operand_list *list)
{
    const name_entry *e = names_find(&p->names, p->t.start, p->t.length);
    if (e && e->kind == NAME_REGISTER) {
        in->target = -1;
        if (type_bits(p->f->registers[e->index].type) != 64)
            return refuse(p, "a pointer to a function has 64 bits");
        advance(p);
        return add_operand(p, list, false, (ptx_operand){.kind = OPERAND_REGISTER, .index = e->index});
    }
    if (!e || e->kind != NAME_FUNCTION)
        return refuse(p, "call of '%.*s': this is neither a function nor a register", p->t.length, p->t.start);
    in->target = e->index;
    if (p->m->functions[e->index].has_result != in->has_result)
        return refuse(p, "call of '%s': the declaration %s a result", p->m->functions[e->index].name,
                      in->has_result ? "has not" : "has");
    advance(p);
    return true;
}

/* call (result), name, (arguments); or a register in the place of the name, and then a prototype, which says what the
 * arguments say already. The result and the arguments may be missing. */
static bool parse_call(parser *p, ptx_instruction *in, operand_list *list)
{
    if (accept(p, '(') && (!parse_arguments(p, in) || !expect(p, ',')))
        return false;
    in->has_result = in->argument_count > 0;
    if (!parse_callee(p, in, list))
        return false;
    if (accept(p, ',') && (!expect(p, '(') || !parse_arguments(p, in)))
        return false;
    if (in->target < 0 && accept(p, ','))
        advance(p);
    if (in->target >= 0 && in->argument_count != p->m->functions[in->target].param_count)
        return refuse(p, "call of '%s': %d values for %d parameters", p->m->functions[in->target].name,
                      in->argument_count, p->m->functions[in->target].param_count);
    return true;
}

/* ---- Instructions -------------------------------------------------------------------------------- */
static bool listed(const char *list, const token *word)
{
    for (const char *at = list; *at; at += strcspn(at, " "), at += *at == ' ')
        if (strcspn(at, " ") == (size_t)word->length && memcmp(at, word->start, (size_t)word->length) == 0)
            return true;
    return false;
}

static int find_by_name(const token *word, const char *(*name)(int), int count)
{
    for (int i = 0; i < count; i++)
        if (token_is(word, name(i)))
            return i;
    return -1;
}

static const char *type_at(int i) { return type_name((ptx_type)i); }
static const char *modifier_at(int i) { return modifier_name((ptx_modifier)i); }

/* Hints about caches carry no meaning here: L1::evict_last, L2::128B. shared::cta is shared. */
static token plain_word(token word)
{
    const char *colons = memchr(word.start, ':', (size_t)word.length);
    if (colons)
        word.length = (int)(colons - word.start);
    return word;
}

static bool parse_opcode_word(parser *p, ptx_instruction *in)
{
    const op_info *info = op_describe(in->op);
    token word = plain_word(p->t);
    if (word.length != p->t.length && token_is(&p->t, "shared::cluster"))
        return refuse(p, "%s.shared::cluster is not supported", info->name);
    int type = find_by_name(&word, type_at, PTX_TYPE_COUNT);
    int modifier = find_by_name(&word, modifier_at, MOD_COUNT);
    if (type >= 0 && in->type_count < PTX_MAX_TYPES &&
        (listed(info->types, &word) || in->type_count == 1))
        in->types[in->type_count++] = (uint8_t)type;
    else if (modifier >= 0 && in->modifier_count < PTX_MAX_MODIFIERS && listed(info->modifiers, &word))
        in->modifiers[in->modifier_count++] = (uint8_t)modifier;
    else
        return refuse(p, "%s with '.%.*s' is not supported", info->name, p->t.length, p->t.start);
    advance(p);
    return true;
}

/* The row whose text is the longest that begins the opcode: cp.async.wait_all before cp.async. Leaves the
 * lexer behind its words. */
static int find_op(parser *p)
{
    char text[64] = "";
    int best = OP_COUNT;
    lexer lex = p->lex;
    token t = p->t;
    for (size_t length = 0; length + (size_t)t.length + 2 < sizeof text; t = lex_next(&lex)) {
        if (length && t.kind != TOKEN_DOT_WORD)
            break;
        length += (size_t)__builtin_snprintf(text + length, sizeof text - length, "%s%.*s", length ? "." : "", t.length, t.start);
        bool begins = false;
        for (int op = 0; op < OP_COUNT; op++) {
            const char *name = op_describe((ptx_op)op)->name;
            if (strcmp(name, text) == 0) {
                best = op;
                p->lex = lex;
            }
            begins |= strncmp(name, text, length) == 0 && name[length] == '.';
        }
        if (!begins)
            break;
    }
    return best;
}

static bool parse_opcode(parser *p, ptx_instruction *in)
{
    token word = p->t;
    in->op = (ptx_op)find_op(p);
    if (in->op == OP_COUNT)
        return refuse(p, "instruction '%.*s' is not supported", word.length, word.start);
    in->line = word.line;
    in->source_file = p->source_file;
    in->source_line = p->source_line;
    advance(p);
    while (p->t.kind == TOKEN_DOT_WORD)
        if (!parse_opcode_word(p, in))
            return false;
    return true;
}

static ptx_operand register_operand(int reg) { return (ptx_operand){.kind = OPERAND_REGISTER, .index = reg}; }

static bool append(parser *p, ptx_instruction in, const operand_list *list)
{
    in.dst_count = (uint8_t)list->dst_count;
    in.src_count = (uint8_t)list->src_count;
    in.dst = arena_alloc(&p->m->arena, sizeof *in.dst * (size_t)(list->dst_count + list->src_count));
    ptx_instruction *slot = in.dst ? arena_push(&p->m->arena, p->f->code, p->f->code_count) : NULL;
    if (!slot)
        return false;
    in.src = in.dst + in.dst_count;
    memcpy(in.dst, list->dst, sizeof *in.dst * (size_t)list->dst_count);
    memcpy(in.src, list->src, sizeof *in.src * (size_t)list->src_count);
    *slot = in;
    return true;
}

/* A register may be wider than what is passed: a load extends by the instruction's type, a store drops the upper bits. */
static void widen_move(const parser *p, ptx_instruction *mov, bool load, ptx_type type, const ptx_operand *operand)
{
    if (operand->kind != OPERAND_REGISTER)
        return;
    ptx_type has = p->f->registers[operand->index].type;
    if (type_bits(has) <= type_bits(type) || type_kind(has) == KIND_FLOAT || type_kind(type) == KIND_FLOAT)
        return;
    ptx_type wide = unsigned_type(type_bits(has)), narrow = type_kind(type) == KIND_SIGNED ? type : unsigned_type(type_bits(type));
    mov->op = OP_cvt;
    mov->type_count = 2;
    mov->types[0] = (uint8_t)(load ? wide : narrow);
    mov->types[1] = (uint8_t)(load ? narrow : wide);
}

/* ld.param and st.param of what calls pass become moves between registers, one for each element. */
static bool append_slot_moves(parser *p, const ptx_instruction *in, const operand_list *list)
{
    bool load = in->op == OP_ld;
    ptx_operand where = list->src[0];
    int bytes = type_bytes((ptx_type)in->types[0]);
    int count = load ? list->dst_count : list->src_count - 1;
    for (int i = 0; i < count; i++) {
        int reg = slot_register(p, (operand_kind)where.kind, where.index, where.offset + (int64_t)i * bytes, bytes);
        if (reg < 0)
            return false;
        ptx_instruction mov = *in;
        mov.op = OP_mov;
        mov.types[0] = (uint8_t)bits_type(bytes);
        mov.modifier_count = 0;
        operand_list pair = {.dst_count = 1, .src_count = 1};
        pair.dst[0] = load ? list->dst[i] : register_operand(reg);
        pair.src[0] = load ? register_operand(reg) : list->src[1 + i];
        widen_move(p, &mov, load, (ptx_type)in->types[0], load ? &pair.dst[0] : &pair.src[0]);
        if (!append(p, mov, &pair))
            return false;
    }
    return true;
}

static bool uses_slots(const parser *p, const ptx_instruction *in, const operand_list *list)
{
    if ((in->op != OP_ld && in->op != OP_st) || space_of(in) != SPACE_PARAM || !in->type_count)
        return false;
    const ptx_operand *where = &list->src[0];
    return where->kind == OPERAND_LOCAL || (where->kind == OPERAND_PARAM && !p->f->entry);
}

/* A guarded call is a branch around one. What it reads and writes, besides a pointer, is in slots: inline.c knows them all. */
static bool append_call(parser *p, ptx_instruction *in, const operand_list *list)
{
    static const token no_name = {.start = "", .length = 0};
    int around = -1;
    if (in->guard >= 0) {
        ptx_instruction skip = {.op = OP_bra, .line = in->line, .guard = in->guard, .guard_negated = !in->guard_negated};
        skip.target = around = add_label(p, &no_name);
        if (around < 0 || !append(p, skip, &(operand_list){0}))
            return false;
        in->guard = -1;
    }
    if (!append(p, *in, list))
        return false;
    if (around >= 0)
        p->f->labels[around].at = p->f->code_count;
    return true;
}

static bool parse_instruction(parser *p)
{
    ptx_instruction in = {.guard = -1};
    if (accept(p, '@')) {
        in.guard_negated = accept(p, '!');
        const name_entry *e = names_find(&p->names, p->t.start, p->t.length);
        if (!e || e->kind != NAME_REGISTER)
            return refuse(p, "'%.*s' is not a register", p->t.length, p->t.start);
        in.guard = e->index;
        advance(p);
    }
    operand_list list = {0};
    if (!parse_opcode(p, &in))
        return false;
    if (in.op == OP_call)
        return parse_call(p, &in, &list) && append_call(p, &in, &list) && expect(p, ';');
    if (!parse_operands(p, &in, &list))
        return false;
    return (uses_slots(p, &in, &list) ? append_slot_moves(p, &in, &list) : append(p, in, &list)) && expect(p, ';');
}

/* ---- Bodies -------------------------------------------------------------------------------------- */
/* .loc file line column[, function_name ..., inlined_at ...] */
static bool parse_location(parser *p)
{
    int line = p->t.line;
    p->source_file = p->t.kind == TOKEN_INTEGER ? (int)p->t.bits : 0;
    advance(p);
    p->source_line = p->t.kind == TOKEN_INTEGER ? (int)p->t.bits : 0;
    while (p->t.line == line && p->t.kind != TOKEN_END)
        advance(p);
    return true;
}

static bool parse_block(parser *p);

static bool parse_body_directive(parser *p)
{
    if (accept_dot(p, "reg"))
        return parse_registers(p);
    if (accept_dot(p, "local"))
        return parse_body_variable(p, SPACE_LOCAL);
    if (accept_dot(p, "shared"))
        return parse_body_variable(p, SPACE_SHARED);
    if (accept_dot(p, "param"))
        return parse_body_variable(p, SPACE_PARAM);
    if (accept_dot(p, "loc"))
        return parse_location(p);
    if (accept_dot(p, "pragma") || accept_dot(p, "callprototype") || accept_dot(p, "calltargets")) {
        while (!at_punctuation(p, ';') && p->t.kind != TOKEN_END)
            advance(p);
        return expect(p, ';');
    }
    return refuse(p, "directive '.%.*s' is not supported here", p->t.length, p->t.start);
}

static bool parse_body_statement(parser *p)
{
    if (p->t.kind == TOKEN_DOT_WORD)
        return parse_body_directive(p);
    if (at_punctuation(p, '{'))
        return parse_block(p);
    if (accept(p, ';'))
        return true;
    if (p->t.kind == TOKEN_WORD) {
        lexer ahead = p->lex;
        token next = lex_next(&ahead);
        if (next.kind == TOKEN_PUNCTUATION && next.punctuation == ':') {
            token name = p->t;
            advance(p);
            advance(p);
            return set_label(p, &name);
        }
    }
    return parse_instruction(p);
}

static bool parse_block(parser *p)
{
    if (++p->depth > 32)
        return refuse(p, "braces nest too deeply");
    int outer_scope = p->label_scope, names = p->names.count, scope = p->f->label_count;
    bool body = p->depth == 1;
    p->label_scope = body ? 0 : scope;
    if (!expect(p, '{'))
        return false;
    while (!at_punctuation(p, '}')) {
        if (p->t.kind == TOKEN_END)
            return refuse(p, "the body of '%s' has no end", p->f->name);
        if (!parse_body_statement(p))
            return false;
    }
    advance(p);
    p->depth--;
    p->label_scope = outer_scope;
    names_shrink(&p->names, names);
    return body || close_labels(p, scope, outer_scope);
}

bool parse_body(parser *p)
{
    p->depth = 0;
    p->label_scope = 0;
    p->source_file = p->source_line = 0;
    if (!parse_block(p))
        return false;
    return resolve_branches(p);
}
