/* Programs as text: one line an instruction. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/memory.h"
#include "primitives/program/vm.h"

static const char *const op_names[PROGRAM_OP_COUNT] = {
#define X(name, operands, types, result) #name,
    PROGRAM_OPS(X)
#undef X
};
static const char *const type_names[PT_COUNT] = {"f32", "f64", "i32", "i64"};
static const char *const reduction_names[PROGRAM_REDUCTION_COUNT] = {
    "sum", "prod", "min", "max", "any", "all", "argmin", "argmax"};

typedef struct text { char *data; size_t length, room; bool failed; } text;

static void CAIRN_PRINTF(2, 3) put(text *t, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    char line[160];
    size_t n = (size_t)vsnprintf(line, sizeof line, format, list);
    va_end(list);
    n = n < sizeof line ? n : sizeof line - 1;
    if (t->length + n + 1 > t->room) {
        size_t room = 2 * t->room + n + 256;
        char *data = t->failed ? NULL : mem_resize(t->data, room);
        t->failed |= !data;
        if (!data)
            return;
        t->data = data;
        t->room = room;
    }
    memcpy(t->data + t->length, line, n + 1);
    t->length += n;
}

static void put_name(text *t, const vm_node *node)
{
    switch (node->kind) {
    case VM_LOAD: put(t, "load operand %d %s", node->index, cairn_dtype_name(node->dtype)); break;
    case VM_INDEX: put(t, "index operand %d", node->index); break;
    case VM_SCALAR: put(t, "scalar %d", node->index); break;
    case VM_CAST: put(t, "cast"); break;
    case VM_NARROW: put(t, "narrow %s", cairn_dtype_name(node->dtype)); break;
    case VM_SPLAT: put(t, "splat"); break;
    case VM_REDUCE_ROW: put(t, "row %s", reduction_names[node->code]); break;
    case VM_REDUCE_COLUMN: put(t, "column %s", reduction_names[node->code]); break;
    case VM_STORE: put(t, "store operand %d %s", node->index, cairn_dtype_name(node->dtype)); break;
    default:
        for (const char *c = op_names[node->code]; *c; c++)
            put(t, "%c", *c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    }
}

char *program_print(const program *p)
{
    static const char *const classes[] = {"uniform", "row", "block", "column"};
    text t = {0};
    put(&t, "%s", "");
    for (int i = 0; i < p->count; i++) {
        const vm_node *node = &p->nodes[i];
        if (!node->live && p->finished)
            continue;
        if (node->kind == VM_STORE)
            put(&t, "      ");
        else
            put(&t, "%%%d = ", i);
        put_name(&t, node);
        for (int k = 0; k < 3; k++)
            if (node->in[k] >= 0)
                put(&t, " %%%d", node->in[k]);
        if (node->kind != VM_STORE)
            put(&t, " : %s %s", type_names[node->type], classes[node->class]);
        put(&t, "\n");
    }
    if (t.failed) {
        mem_free(t.data);
        return NULL;
    }
    return t.data;
}
