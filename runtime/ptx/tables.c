/* The names behind the enums of ptx.h. */
#include "runtime/ptx/ptx.h"
#include <string.h>

static const struct { const char *name; int bits; ptx_kind kind; } types[] = {
#define X(id, text, width, of_kind) {text, width, KIND_##of_kind},
    PTX_TYPES(X)
#undef X
};

const char *type_name(ptx_type type) { return type < PTX_TYPE_COUNT ? types[type].name : "untyped"; }
int type_bits(ptx_type type) { return types[type].bits; }
ptx_kind type_kind(ptx_type type) { return types[type].kind; }

static const char *const modifiers[] = {
#define X(name) #name,
    PTX_MODIFIERS(X)
#undef X
};

const char *modifier_name(ptx_modifier modifier) { return modifiers[modifier]; }

static const char *const specials[] = {
#define X(name, text) text,
    PTX_SPECIALS(X)
#undef X
};

const char *special_name(ptx_special special) { return specials[special]; }

static const op_info ops[] = {
#define OP(name, operands, types, modifiers) {#name, operands, types, modifiers},
#define OP_AS(name, text, operands, types, modifiers) {text, operands, types, modifiers},
#include "runtime/ptx/ops.def"
#undef OP
};

const op_info *op_describe(ptx_op op) { return &ops[op]; }

const char *space_name(ptx_space space)
{
    static const char *const names[] = {"generic", "global", "const", "shared", "local", "param"};
    return names[space];
}

ptx_space space_of(const ptx_instruction *in)
{
    switch (modifier_among(in, "global shared local const param")) {
    case MOD_global: return SPACE_GLOBAL;
    case MOD_shared: return SPACE_SHARED;
    case MOD_local: return SPACE_LOCAL;
    case MOD_const: return SPACE_CONST;
    case MOD_param: return SPACE_PARAM;
    default: return SPACE_GENERIC;
    }
}

bool has_modifier(const ptx_instruction *in, ptx_modifier modifier)
{
    return memchr(in->modifiers, modifier, in->modifier_count) != NULL;
}

ptx_modifier modifier_among(const ptx_instruction *in, const char *list)
{
    for (int i = 0; i < in->modifier_count; i++) {
        const char *name = modifiers[in->modifiers[i]];
        size_t length = strlen(name);
        for (const char *at = strstr(list, name); at; at = strstr(at + 1, name))
            if ((at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
                return in->modifiers[i];
    }
    return MOD_NONE;
}

ptx_function *module_find(const ptx_module *m, const char *name)
{
    for (int i = 0; i < m->function_count; i++)
        if (strcmp(m->functions[i].name, name) == 0)
            return &m->functions[i];
    return NULL;
}
