/* Instructions as text, for messages and for `cairn ptx`. */
#include "runtime/ptx/ptx.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_append(text_buffer *out, const char *text, size_t bytes)
{
    if (out->failed)
        return;
    if (out->length + bytes + 1 > out->capacity) {
        size_t capacity = (out->length + bytes + 1) * 2;
        char *grown = mem_resize(out->text, capacity);
        out->failed = !grown;
        if (!grown)
            return;
        out->text = grown;
        out->capacity = capacity;
    }
    memcpy(out->text + out->length, text, bytes);
    out->length += bytes;
    out->text[out->length] = '\0';
}

void text_add(text_buffer *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char line[512];
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n >= 0)
        text_append(out, line, n < (int)sizeof line ? (size_t)n : sizeof line - 1);
}

void text_free(text_buffer *out)
{
    mem_free(out->text);
    *out = (text_buffer){0};
}

static void print_immediate(text_buffer *out, const ptx_operand *o)
{
    if (o->real == REAL_SINGLE)
        text_add(out, "0f%08X", (unsigned)o->offset);
    else if (o->real == REAL_DOUBLE)
        text_add(out, "0d%016llX", (unsigned long long)o->offset);
    else
        text_add(out, "%lld", (long long)o->offset);
}

static const char *symbol_of(const ptx_module *m, const ptx_function *f, const ptx_operand *o)
{
    switch (o->kind) {
    case OPERAND_REGISTER: return f->registers[o->index].name;
    case OPERAND_SPECIAL: return special_name((ptx_special)o->index);
    case OPERAND_VARIABLE: return m->variables[o->index].name;
    case OPERAND_LOCAL: return f->locals[o->index].name;
    case OPERAND_PARAM: return f->params[o->index].name;
    case OPERAND_FUNCTION: return m->functions[o->index].name;
    default: return "_";
    }
}

static void print_operand(text_buffer *out, const ptx_module *m, const ptx_function *f, const ptx_operand *o)
{
    if (o->kind == OPERAND_IMMEDIATE) {
        print_immediate(out, o);
        return;
    }
    text_add(out, "%s%s", o->negate ? "!" : "", symbol_of(m, f, o));
    if (o->offset)
        text_add(out, "%+lld", (long long)o->offset);
}

static bool is_address(const ptx_instruction *in, int source)
{
    return in->op != OP_call && source_type(in, source) == PTX_NO_TYPE;
}

void print_instruction(text_buffer *out, const ptx_module *m, const ptx_function *f, const ptx_instruction *in)
{
    if (in->guard >= 0)
        text_add(out, "@%s%s ", in->guard_negated ? "!" : "", f->registers[in->guard].name);
    text_add(out, "%s", op_describe(in->op)->name);
    for (int i = 0; i < in->modifier_count; i++)
        text_add(out, ".%s", modifier_name((ptx_modifier)in->modifiers[i]));
    for (int i = 0; i < in->type_count; i++)
        text_add(out, ".%s", type_name((ptx_type)in->types[i]));
    const char *comma = " ";
    for (int i = 0; i < in->dst_count; i++, comma = ", ") {
        text_add(out, "%s", comma);
        print_operand(out, m, f, &in->dst[i]);
    }
    if (in->op == OP_call)
        text_add(out, "%s%s", comma, in->target < 0 ? "(pointer)" : m->functions[in->target].name);
    for (int i = 0; i < in->src_count; i++, comma = ", ") {
        bool address = is_address(in, i);
        text_add(out, "%s%s", comma, address ? "[" : "");
        print_operand(out, m, f, &in->src[i]);
        text_add(out, "%s", address ? "]" : "");
    }
}
