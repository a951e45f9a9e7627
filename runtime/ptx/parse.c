/* Modules: versions, variables with their initialisers, functions with their parameters. */
#include "runtime/ptx/parse.h"
#include <cuda/cairn_texture.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- Tokens -------------------------------------------------------------------------------------- */
void advance(parser *p) { p->t = lex_next(&p->lex); }
bool at_punctuation(const parser *p, char c) { return p->t.kind == TOKEN_PUNCTUATION && p->t.punctuation == c; }

bool accept(parser *p, char c)
{
    bool found = at_punctuation(p, c);
    if (found)
        advance(p);
    return found;
}

bool expect(parser *p, char c)
{
    return accept(p, c) || refuse(p, "expected '%c' before '%.*s'", c, p->t.length, p->t.start);
}

bool accept_dot(parser *p, const char *word)
{
    bool found = p->t.kind == TOKEN_DOT_WORD && token_is(&p->t, word);
    if (found)
        advance(p);
    return found;
}

static bool refuse_with(parser *p, int line, const char *format, va_list args)
{
    char text[300];
    vsnprintf(text, sizeof text, format, args);
    error_set(CAIRN_E_FORMAT, "%s:%d: %s", p->m->file, line, text);
    return false;
}

bool refuse(parser *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    refuse_with(p, p->t.line, format, args);
    va_end(args);
    return false;
}

bool refuse_at(parser *p, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    refuse_with(p, line, format, args);
    va_end(args);
    return false;
}

static bool parse_integer(parser *p, int64_t *value)
{
    if (p->t.kind != TOKEN_INTEGER)
        return refuse(p, "expected a number before '%.*s'", p->t.length, p->t.start);
    *value = (int64_t)p->t.bits;
    advance(p);
    return true;
}

static void skip_to_end_of_statement(parser *p)
{
    while (p->t.kind != TOKEN_END && !accept(p, ';'))
        advance(p);
}

/* ---- Variables ----------------------------------------------------------------------------------- */
int64_t place(int64_t *total, int64_t bytes, int align)
{
    int64_t at = (*total + align - 1) / align * align;
    *total = at + bytes;
    return at;
}

bool parse_type(parser *p, ptx_type *type)
{
    if (p->t.kind == TOKEN_DOT_WORD)
        for (int i = 0; i < PTX_TYPE_COUNT; i++)
            if (token_is(&p->t, type_name((ptx_type)i))) {
                *type = (ptx_type)i;
                advance(p);
                return true;
            }
    return refuse(p, "unknown type '.%.*s'", p->t.length, p->t.start);
}

static void store_bits(ptx_variable *v, int64_t offset, uint64_t bits)
{
    memcpy(v->initial + offset, &bits, (size_t)type_bytes(v->type));
}

/* The bits of a numeric token as an element of `type`. */
static uint64_t element_bits(const token *t, ptx_type type, bool negative)
{
    uint64_t bits = t->bits;
    if (t->kind == TOKEN_REAL && t->real == REAL_DOUBLE && type == PTX_F32) {
        double wide;
        memcpy(&wide, &bits, sizeof wide);
        float narrow = (float)wide;
        bits = 0;
        memcpy(&bits, &narrow, sizeof narrow);
    }
    return negative ? (t->kind == TOKEN_REAL ? bits ^ 1ull << (type_bits(type) - 1) : 0 - bits) : bits;
}

/* name, name+4, generic(name): the address of a variable or function. */
static bool parse_initial_address(parser *p, ptx_variable *v, int64_t offset)
{
    bool wrapped = token_is(&p->t, "generic");
    if (wrapped) {
        advance(p);
        if (!expect(p, '('))
            return false;
    }
    const name_entry *e = names_find(&p->names, p->t.start, p->t.length);
    if (!e || (e->kind != NAME_VARIABLE && e->kind != NAME_FUNCTION))
        return refuse(p, "unknown name '%.*s' in an initialiser", p->t.length, p->t.start);
    if (type_bytes(v->type) != 8)
        return refuse(p, "an address does not fit an element of type .%s", type_name(v->type));
    ptx_relocation *r = arena_push(&p->m->arena, v->relocations, v->relocation_count);
    if (!r)
        return false;
    *r = (ptx_relocation){offset, 0, e->kind == NAME_VARIABLE ? e->index : -1,
                          e->kind == NAME_FUNCTION ? e->index : -1};
    advance(p);
    if (wrapped && !expect(p, ')'))
        return false;
    return !accept(p, '+') || parse_integer(p, &r->addend);
}

static bool parse_initial_element(parser *p, ptx_variable *v, int64_t *offset)
{
    if (*offset + type_bytes(v->type) > v->bytes)
        return refuse(p, "the initialiser of '%s' is longer than its %lld bytes", v->name, (long long)v->bytes);
    if (p->t.kind == TOKEN_WORD) {
        if (!parse_initial_address(p, v, *offset))
            return false;
    } else {
        bool negative = accept(p, '-');
        if (p->t.kind != TOKEN_INTEGER && p->t.kind != TOKEN_REAL)
            return refuse(p, "expected a value before '%.*s'", p->t.length, p->t.start);
        store_bits(v, *offset, element_bits(&p->t, v->type, negative));
        advance(p);
    }
    *offset += type_bytes(v->type);
    return true;
}

static bool parse_initial(parser *p, ptx_variable *v, int64_t *offset, int depth)
{
    if (depth > 8)
        return refuse(p, "the initialiser of '%s' nests too deeply", v->name);
    if (!accept(p, '{'))
        return parse_initial_element(p, v, offset);
    while (!at_punctuation(p, '}')) {
        if (!parse_initial(p, v, offset, depth + 1))
            return false;
        if (!accept(p, ','))
            break;
    }
    return expect(p, '}');
}

/* [4][5], or [] for memory whose size comes with the launch. */
static bool parse_extents(parser *p, ptx_variable *v)
{
    for (bool first = true; accept(p, '['); first = false) {
        int64_t extent = 0;
        if (at_punctuation(p, ']')) {
            if (!first)
                return refuse(p, "only the first extent of '%s' may be left out", v->name);
        } else if (!parse_integer(p, &extent)) {
            return false;
        }
        if (extent < 0 || __builtin_mul_overflow(v->bytes, extent, &v->bytes) || v->bytes > (int64_t)1 << 40)
            return refuse(p, "'%s' is too large", v->name);
        if (!expect(p, ']'))
            return false;
    }
    return true;
}

static bool parse_alignment(parser *p, ptx_variable *v)
{
    int64_t align = 0;
    if (!parse_integer(p, &align))
        return false;
    if (align < 1 || align > 4096 || (align & (align - 1)))
        return refuse(p, "alignment %lld is not a power of two up to 4096", (long long)align);
    v->align = (int)align;
    return true;
}

/* The words between space and type: alignment, vectors, .ptr of kernel parameters. */
static bool parse_variable_words(parser *p, ptx_variable *v, int *elements)
{
    for (;;) {
        if (accept_dot(p, "align")) {
            if (!parse_alignment(p, v))
                return false;
        } else if (accept_dot(p, "v2")) {
            *elements = 2;
        } else if (accept_dot(p, "v4")) {
            *elements = 4;
        } else if (accept_dot(p, "attribute")) {
            while (!at_punctuation(p, ')') && p->t.kind != TOKEN_END)
                advance(p);
            accept(p, ')');
        } else {
            return true;
        }
    }
}

static bool skip_pointer_words(parser *p)
{
    if (!accept_dot(p, "ptr"))
        return true;
    for (;;) {
        int64_t ignored;
        if (accept_dot(p, "align")) {
            if (!parse_integer(p, &ignored))
                return false;
        } else if (!accept_dot(p, "global") && !accept_dot(p, "shared") && !accept_dot(p, "local") &&
                   !accept_dot(p, "const")) {
            return true;
        }
    }
}

/* ---- References to textures and surfaces --------------------------------------------------------- */
static bool accept_opaque(parser *p, ptx_variable *v)
{
    v->opaque = accept_dot(p, "texref") ? OPAQUE_TEXTURE : accept_dot(p, "surfref") ? OPAQUE_SURFACE
              : accept_dot(p, "samplerref") ? OPAQUE_SAMPLER : OPAQUE_NONE;
    v->type = PTX_B8;
    return v->opaque != OPAQUE_NONE;
}

/* clamp_ogl, which takes half a border's color at the edge, is nearest to clamp_to_edge. */
static bool parse_opaque_value(parser *p, int *value)
{
    static const struct { const char *name; int value; } words[] = {
        {"nearest", 0}, {"linear", 1}, {"wrap", 0}, {"mirror", 2}, {"clamp_ogl", 1}, {"clamp_to_edge", 1}, {"clamp_to_border", 3}};
    for (size_t i = 0; i < sizeof words / sizeof *words && p->t.kind == TOKEN_WORD; i++)
        if (token_is(&p->t, words[i].name)) {
            *value = words[i].value;
            advance(p);
            return true;
        }
    int64_t number = 0;
    if (!parse_integer(p, &number))
        return false;
    *value = number != 0;
    return true;
}

static bool parse_opaque_field(parser *p, cairn_texture *t)
{
    token name = p->t;
    int value;
    advance(p);
    if (!expect(p, '=') || !parse_opaque_value(p, &value))
        return false;
    if (token_is(&name, "filter_mode"))
        t->filter = value;
    else if (token_is(&name, "normalized_coords"))
        t->normalized = value;
    else if (token_is(&name, "force_unnormalized_coords"))
        t->normalized = !value;
    else if (name.length == 11 && memcmp(name.start, "addr_mode_", 10) == 0 && name.start[10] >= '0' && name.start[10] <= '2')
        t->address[name.start[10] - '0'] = value;
    else
        return refuse(p, "the field '%.*s' cannot be initialised", name.length, name.start);
    return true;
}

/* A sampler says how to read from its begin; textures and surfaces are bound by the program (cuTexRefSetArray). */
static bool parse_opaque(parser *p, ptx_variable *v)
{
    cairn_texture t = {.normalized = v->opaque == OPAQUE_SAMPLER, .tag = v->opaque == OPAQUE_SAMPLER ? CAIRN_SAMPLER_TAG : 0};
    _Static_assert(sizeof t <= OPAQUE_BYTES, "");
    v->bytes = OPAQUE_BYTES;
    v->align = 16;
    if (v->space != SPACE_GLOBAL || at_punctuation(p, '['))
        return refuse(p, "'%s': a reference is one variable in .global", v->name);
    if (accept(p, '=')) {
        if (!expect(p, '{'))
            return false;
        do
            if (!parse_opaque_field(p, &t))
                return false;
        while (accept(p, ','));
        if (!expect(p, '}'))
            return false;
    }
    v->initial = arena_alloc(&p->m->arena, OPAQUE_BYTES);
    if (v->initial)
        memcpy(v->initial, &t, sizeof t);
    return v->initial != NULL;
}

bool parse_variable(parser *p, ptx_space space, ptx_variable *v)
{
    int elements = 1;
    v->space = space;
    if (!parse_variable_words(p, v, &elements) || (!accept_opaque(p, v) && !parse_type(p, &v->type)) || !skip_pointer_words(p))
        return false;
    if (p->t.kind != TOKEN_WORD)
        return refuse(p, "expected a name before '%.*s'", p->t.length, p->t.start);
    v->name = arena_string(&p->m->arena, p->t.start, (size_t)p->t.length);
    if (!v->name)
        return false;
    advance(p);
    if (v->opaque)
        return parse_opaque(p, v);
    v->bytes = (int64_t)elements * type_bytes(v->type);
    if (!v->align)
        v->align = (int)v->bytes;
    if (!parse_extents(p, v))
        return false;
    if (!accept(p, '='))
        return true;
    if (space != SPACE_GLOBAL && space != SPACE_CONST)
        return refuse(p, "'%s' is in .%s and cannot have an initialiser", v->name, space_name(space));
    int64_t offset = 0;
    v->initial = arena_alloc(&p->m->arena, (size_t)v->bytes + 8);
    return v->initial && parse_initial(p, v, &offset, 0);
}

typedef struct linkage {
    bool external, visible, weak;
} linkage;

/* A name that is known already: a declaration meets its definition, in any order; of weak definitions the first counts. */
static bool merge_variable(parser *p, ptx_variable *known, const ptx_variable *v)
{
    bool sizes = known->bytes && v->bytes && known->bytes != v->bytes;
    if (known->space != v->space || known->opaque != v->opaque || sizes)
        return refuse(p, "'%s' is declared differently before", v->name);
    if (v->external || (!known->external && (v->weak || known->weak)))
        return true;
    if (!known->external)
        return refuse(p, "'%s' is declared twice", v->name);
    *known = *v;
    return true;
}

static bool add_module_variable(parser *p, ptx_variable v)
{
    const name_entry *e = names_find(&p->names, v.name, (int)strlen(v.name));
    if (e && e->kind != NAME_VARIABLE)
        return refuse(p, "'%s' is declared twice", v.name);
    if (e)
        return merge_variable(p, &p->m->variables[e->index], &v) && expect(p, ';');
    ptx_variable *slot = arena_push(&p->m->arena, p->m->variables, p->m->variable_count);
    if (!slot)
        return false;
    *slot = v;
    return names_add(&p->names, &p->m->arena, slot->name, (int)strlen(slot->name), NAME_VARIABLE,
                     p->m->variable_count - 1) &&
           expect(p, ';');
}

static bool parse_module_variable(parser *p, ptx_space space, linkage l)
{
    ptx_variable v = {.external = l.external, .visible = l.visible, .weak = l.weak};
    return parse_variable(p, space, &v) && add_module_variable(p, v);
}

static bool parse_old_texture(parser *p, linkage l)
{
    ptx_variable v = {.external = l.external, .visible = l.visible, .weak = l.weak, .space = SPACE_GLOBAL, .opaque = OPAQUE_TEXTURE};
    if (!parse_type(p, &v.type))
        return false;
    v.type = PTX_B8;
    v.name = arena_string(&p->m->arena, p->t.start, (size_t)p->t.length);
    advance(p);
    return v.name && parse_opaque(p, &v) && add_module_variable(p, v);
}

/* ---- Functions ----------------------------------------------------------------------------------- */
static bool parse_parameter(parser *p, ptx_function *f)
{
    ptx_variable v = {0};
    if (accept_dot(p, "reg")) /* .func parameters in registers are like .param scalars */
        ;
    else if (!accept_dot(p, "param"))
        return refuse(p, "expected .param before '%.*s'", p->t.length, p->t.start);
    if (!parse_variable(p, SPACE_PARAM, &v))
        return false;
    v.offset = place(&f->param_bytes, v.bytes, v.align);
    ptx_variable *slot = arena_push(&p->m->arena, f->params, f->param_count);
    if (!slot)
        return false;
    *slot = v;
    return names_add(&p->names, &p->m->arena, slot->name, (int)strlen(slot->name), NAME_PARAM, f->param_count - 1);
}

static bool parse_parameters(parser *p, ptx_function *f)
{
    if (!expect(p, '('))
        return false;
    while (!at_punctuation(p, ')')) {
        if (!parse_parameter(p, f))
            return false;
        if (!accept(p, ','))
            break;
    }
    return expect(p, ')');
}

/* .maxntid 256, 1, 1 and its like; .reqntid and .maxntid bound the threads of a block. */
static bool parse_tuning(parser *p, ptx_function *f)
{
    while (p->t.kind == TOKEN_DOT_WORD) {
        bool bounds = token_is(&p->t, "maxntid") || token_is(&p->t, "reqntid");
        bool known = bounds || token_is(&p->t, "minnctapersm") || token_is(&p->t, "maxnctapersm") ||
                     token_is(&p->t, "maxnreg");
        bool plain = token_is(&p->t, "noreturn");
        if (!known && !plain)
            return refuse(p, "directive '.%.*s' is not supported", p->t.length, p->t.start);
        advance(p);
        int64_t product = 1, value = 1;
        for (bool more = known; more; more = accept(p, ',')) {
            if (!parse_integer(p, &value))
                return false;
            product *= value;
        }
        if (bounds)
            f->max_threads = (int)product;
    }
    return true;
}

/* A function may be declared many times and defined once; the definition wins. */
static ptx_function *find_or_add_function(parser *p, const token *name)
{
    const name_entry *e = names_find(&p->names, name->start, name->length);
    if (e && e->kind != NAME_FUNCTION) {
        refuse(p, "'%.*s' is not a function", name->length, name->start);
        return NULL;
    }
    if (e)
        return &p->m->functions[e->index];
    ptx_function *f = arena_push(&p->m->arena, p->m->functions, p->m->function_count);
    if (!f)
        return NULL;
    f->index = p->m->function_count - 1;
    f->name = arena_string(&p->m->arena, name->start, (size_t)name->length);
    if (!f->name || !names_add(&p->names, &p->m->arena, f->name, name->length, NAME_FUNCTION, f->index))
        return NULL;
    return f;
}

/* Parameters are names of the body only, so the function's own name is added first, outside them. */
static bool parse_function_rest(parser *p, ptx_function *f, const ptx_function *defined, bool entry, linkage l)
{
    f->entry = entry;
    f->external = l.external;
    f->visible |= l.visible || l.external;
    f->weak = l.weak;
    f->line = p->t.line;
    if (at_punctuation(p, '(') && !parse_parameters(p, f))
        return false;
    if (!parse_tuning(p, f))
        return false;
    if (accept(p, ';'))
        return true;
    if (defined && !defined->weak && !l.weak)
        return refuse(p, "'%s' is defined twice", f->name);
    f->external = false;
    p->f = f;
    return parse_body(p) && verify_function(p->m, f) == CAIRN_OK;
}

static bool parse_function(parser *p, bool entry, linkage l)
{
    ptx_function head = {0};
    int scope = p->names.count;
    if (!entry && at_punctuation(p, '(')) {
        if (!parse_parameters(p, &head))
            return false;
        head.has_result = head.param_count > 0;
    }
    if (p->t.kind != TOKEN_WORD)
        return refuse(p, "expected a function's name before '%.*s'", p->t.length, p->t.start);
    names_shrink(&p->names, scope);
    ptx_function *f = find_or_add_function(p, &p->t), *defined = NULL, again = {0};
    if (!f)
        return false;
    if (f->code_count) { /* what comes now is checked and forgotten */
        defined = f;
        again = (ptx_function){.name = f->name, .index = f->index};
        f = &again;
    }
    scope = p->names.count;
    for (int i = 0; i < head.param_count; i++)
        if (!names_add(&p->names, &p->m->arena, head.params[i].name, (int)strlen(head.params[i].name), NAME_PARAM, i))
            return false;
    f->has_result = head.has_result;
    f->params = head.params;
    f->param_count = head.param_count;
    f->param_bytes = head.param_bytes;
    advance(p);
    bool done = parse_function_rest(p, f, defined, entry, l);
    names_shrink(&p->names, scope);
    return done;
}

/* ---- The module ---------------------------------------------------------------------------------- */
/* Another module begins: what is not visible in the last one is forgotten. */
static void leave_module(parser *p)
{
    for (int i = p->module_names; i < p->names.count; i++) {
        name_entry *e = &p->names.entries[i];
        bool visible = e->kind == NAME_VARIABLE ? p->m->variables[e->index].visible || p->m->variables[e->index].external
                                                : p->m->functions[e->index].visible;
        if (!visible)
            e->length = -1;
    }
    p->module_names = p->names.count;
}

static bool parse_version(parser *p)
{
    if (p->m->version)
        leave_module(p);
    double version = 0;
    if (p->t.kind == TOKEN_REAL)
        memcpy(&version, &p->t.bits, sizeof version);
    p->m->version = version < 100 ? (int)(version * 10 + 0.5) : 1000;
    if (p->m->version < 10 || p->m->version > 89)
        return refuse(p, ".version %.*s is not supported (1.0 to 8.9 are)", p->t.length, p->t.start);
    advance(p);
    return true;
}

static bool parse_target(parser *p)
{
    if (p->t.kind != TOKEN_WORD || p->t.length < 4 || memcmp(p->t.start, "sm_", 3))
        return refuse(p, "expected .target sm_NN before '%.*s'", p->t.length, p->t.start);
    p->m->sm = 0;
    for (int i = 3; i < p->t.length && p->t.start[i] >= '0' && p->t.start[i] <= '9' && p->m->sm < 1000; i++)
        p->m->sm = p->m->sm * 10 + p->t.start[i] - '0';
    advance(p);
    while (accept(p, ','))
        advance(p);
    return true;
}

static bool parse_address_size(parser *p)
{
    int64_t bits = 0;
    if (!parse_integer(p, &bits))
        return false;
    return bits == 64 || refuse(p, ".address_size %lld is not supported (64 is)", (long long)bits);
}

/* .file 1 "name", .file 1 "name", time, size */
/* .file 1 "saxpy.cu"[, time, size]: numbers that are no index are left unnamed. */
static bool parse_file(parser *p)
{
    enum { FILES = 4096 };
    ptx_module *m = p->m;
    uint64_t number = p->t.kind == TOKEN_INTEGER ? p->t.bits : FILES;
    advance(p);
    if (number < FILES && p->t.length >= 2) {
        while (m->file_count <= (int)number) {
            const char **next = arena_push(&m->arena, m->files, m->file_count);
            if (!next)
                return false;
            *next = NULL;
        }
        m->files[number] = arena_string(&m->arena, p->t.start + 1, (size_t)p->t.length - 2);
    }
    advance(p);
    while (accept(p, ','))
        advance(p);
    return true;
}

static bool skip_section(parser *p)
{
    while (!at_punctuation(p, '{') && p->t.kind != TOKEN_END)
        advance(p);
    while (!at_punctuation(p, '}') && p->t.kind != TOKEN_END)
        advance(p);
    return expect(p, '}');
}

static bool parse_declaration(parser *p)
{
    linkage l = {0};
    for (;;) {
        if (accept_dot(p, "visible"))
            l.visible = true;
        else if (accept_dot(p, "weak") || accept_dot(p, "common"))
            l.visible = l.weak = true;
        else if (accept_dot(p, "extern"))
            l.external = true;
        else
            break;
    }
    if (accept_dot(p, "entry"))
        return parse_function(p, true, l);
    if (accept_dot(p, "func"))
        return parse_function(p, false, l);
    if (accept_dot(p, "global"))
        return parse_module_variable(p, SPACE_GLOBAL, l);
    if (accept_dot(p, "const"))
        return parse_module_variable(p, SPACE_CONST, l);
    if (accept_dot(p, "shared"))
        return parse_module_variable(p, SPACE_SHARED, l);
    if (accept_dot(p, "tex")) /* .tex .u64 name: as .global .texref was written before */
        return parse_old_texture(p, l);
    return refuse(p, "'%.*s' is not supported here", p->t.length, p->t.start);
}

static bool parse_statement(parser *p)
{
    if (accept_dot(p, "version"))
        return parse_version(p);
    if (accept_dot(p, "target"))
        return parse_target(p);
    if (accept_dot(p, "address_size"))
        return parse_address_size(p);
    if (accept_dot(p, "file"))
        return parse_file(p);
    if (accept_dot(p, "section"))
        return skip_section(p);
    if (accept_dot(p, "pragma")) {
        skip_to_end_of_statement(p);
        return true;
    }
    return accept(p, ';') || parse_declaration(p);
}

static bool parse_module(parser *p)
{
    advance(p);
    while (p->t.kind != TOKEN_END)
        if (!parse_statement(p))
            return false;
    return p->m->version != 0 || refuse(p, "a module begins with .version");
}

ptx_module *ptx_parse(const char *file, const char *text, size_t bytes)
{
    ptx_module *m = mem_new(sizeof *m);
    parser *p = m ? mem_new(sizeof *p) : NULL;
    if (!p) {
        mem_free(m);
        return NULL;
    }
    m->file = arena_string(&m->arena, file, strlen(file));
    p->m = m;
    p->lex = (lexer){text, text + bytes, 1};
    bool done = m->file && parse_module(p);
    mem_free(p);
    if (!done) {
        ptx_free(m);
        return NULL;
    }
    return m;
}

void ptx_free(ptx_module *module)
{
    if (!module)
        return;
    arena_free(&module->arena);
    mem_free(module);
}
