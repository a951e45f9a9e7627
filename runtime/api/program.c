#define _GNU_SOURCE
#include "runtime/api/program.h"
#include "runtime/exec/check.h"
#include "runtime/exec/library.h"
#include "runtime/exec/profile.h"
#include "runtime/jit/jit.h"
#include <dlfcn.h>
#include <string.h>
#include <sys/stat.h>

/* ---- Variables ----------------------------------------------------------------------------------- */
static bool has_memory(const ptx_variable *v) { return v->space == SPACE_GLOBAL || v->space == SPACE_CONST; }

static cairn_status allocate_variables(program *p)
{
    p->symbols = mem_array((size_t)p->m->variable_count + 1, sizeof *p->symbols);
    p->bound = mem_array((size_t)p->m->variable_count + 1, sizeof *p->bound);
    if (!p->symbols || !p->bound)
        return CAIRN_E_MEMORY;
    for (int i = 0; i < p->m->variable_count; i++) {
        const ptx_variable *v = &p->m->variables[i];
        if (!has_memory(v))
            continue;
        p->symbols[i] = buffer_alloc(v->bytes);
        if (!p->symbols[i])
            return CAIRN_E_MEMORY;
        if (v->initial)
            memcpy(p->symbols[i], v->initial, (size_t)v->bytes);
        else
            memset(p->symbols[i], 0, (size_t)v->bytes);
        if (checks_wanted())
            check_allocated(p->symbols[i], (size_t)v->bytes, CHECK_VARIABLE, v->name);
    }
    return CAIRN_OK;
}

static cairn_status relocate_variables(program *p)
{
    for (int i = 0; i < p->m->variable_count; i++) {
        const ptx_variable *v = &p->m->variables[i];
        for (int k = 0; k < v->relocation_count && p->symbols[i]; k++) {
            const ptx_relocation *r = &v->relocations[k];
            if (r->function < 0 && !p->symbols[r->variable])
                return error_set(CAIRN_E_UNSUPPORTED, "%s: '%s' holds the address of shared memory", p->m->file, v->name);
            uint64_t address = r->function < 0 ? (uint64_t)p->symbols[r->variable] + (uint64_t)r->addend
                                               : (uint64_t)function_address(r->function);
            memcpy((uint8_t *)p->symbols[i] + r->offset, &address, sizeof address);
        }
    }
    return CAIRN_OK;
}

void *program_variable(const program *p, const char *name, size_t *bytes)
{
    for (int i = 0; i < p->m->variable_count; i++)
        if (p->symbols[i] && !p->m->variables[i].opaque && strcmp(p->m->variables[i].name, name) == 0) {
            if (bytes)
                *bytes = (size_t)p->m->variables[i].bytes;
            return p->symbols[i];
        }
    return NULL;
}

static void release_variable(program *p, int i)
{
    if (!p->symbols[i])
        return;
    if (checks_wanted())
        check_forgotten(p->symbols[i]);
    if (!p->bound[i])
        buffer_free(p->symbols[i], p->m->variables[i].bytes);
}

bool program_bind(program *p, const char *name, void *memory, size_t bytes)
{
    for (int i = 0; i < p->m->variable_count; i++) {
        if (!p->symbols[i] || strcmp(p->m->variables[i].name, name) != 0)
            continue;
        if ((size_t)p->m->variables[i].bytes != bytes)
            return false;
        memcpy(memory, p->symbols[i], bytes);
        release_variable(p, i);
        p->symbols[i] = memory;
        p->bound[i] = true;
        if (checks_wanted())
            check_allocated(memory, bytes, CHECK_VARIABLE, p->m->variables[i].name);
        return relocate_variables(p) == CAIRN_OK;
    }
    return true;
}

void *program_reference(const program *p, const char *name, ptx_opaque kind)
{
    for (int i = 0; i < p->m->variable_count; i++)
        if (p->m->variables[i].opaque == kind && strcmp(p->m->variables[i].name, name) == 0)
            return p->symbols[i];
    return NULL;
}

/* ---- Kernels ------------------------------------------------------------------------------------- */
static bool waits_for_warps(const ptx_instruction *in)
{
    return (in->op >= OP_bar && in->op <= OP_cp_async_mbarrier_arrive && !has_modifier(in, MOD_warp)) ||
           in->op == OP_nanosleep;
}

/* Or in spins (ptx/spin.c): then, too, each warp needs a stack. */
static bool has_barriers(const ptx_module *m, const ptx_function *f)
{
    bool calls = false, waits = false, asks = false, loops = false;
    for (int i = 0; i < f->code_count; i++) {
        waits |= waits_for_warps(&f->code[i]);
        asks |= may_ask(&f->code[i]);
        loops |= f->code[i].op == OP_bra && f->code[i].target <= i;
        calls |= f->code[i].op == OP_call;
    }
    for (int i = 0; i < m->function_count && calls && f->entry; i++)
        waits |= m->functions[i].called && has_barriers(m, &m->functions[i]);
    return waits || (asks && loops);
}

/* No loops, and no functions that may have some. */
static bool is_brief(const ptx_module *m, const ptx_function *f)
{
    bool brief = !f->shared_bytes;
    for (int i = 0; i < f->code_count; i++) {
        const ptx_instruction *in = &f->code[i];
        brief &= in->op != OP_bra || in->target > i;
        brief &= in->op != OP_call || (in->target >= 0 && !m->functions[in->target].code_count);
    }
    return brief;
}

static cairn_status describe_kernels(program *p)
{
    enum { DYNAMIC_DEFAULT = 48 << 10 };
    p->kernels = mem_array((size_t)p->m->function_count + 1, sizeof *p->kernels);
    if (!p->kernels)
        return CAIRN_E_MEMORY;
    for (int i = 0; i < p->m->function_count; i++)
        p->kernels[i] = (kernel){.program = p, .f = &p->m->functions[i], .dynamic_limit = DYNAMIC_DEFAULT,
                                 .barriers = has_barriers(p->m, &p->m->functions[i]),
                                 .brief = is_brief(p->m, &p->m->functions[i])};
    return CAIRN_OK;
}

static cairn_status check_variables(const ptx_module *m)
{
    for (int i = 0; i < m->variable_count; i++)
        if (m->variables[i].external && m->variables[i].space != SPACE_SHARED)
            return error_set(CAIRN_E_UNSUPPORTED, "%s: '%s' is external, and no module defines it", m->file, m->variables[i].name);
    return CAIRN_OK;
}

/* Calls that are left name functions of the device library. */
static cairn_status check_calls(const ptx_module *m)
{
    for (int i = 0; i < m->function_count; i++) {
        const ptx_function *f = &m->functions[i];
        for (int k = 0; k < f->code_count && (f->entry || f->called); k++)
            if (f->code[k].op == OP_call && f->code[k].target >= 0 && !m->functions[f->code[k].target].code_count &&
                !library_find(m->functions[f->code[k].target].name))
                return error_set(CAIRN_E_UNSUPPORTED, "%s:%d: call of %s, which is neither defined in the module nor known",
                                 m->file, f->code[k].line, m->functions[f->code[k].target].name);
    }
    return CAIRN_OK;
}

program *program_load(const char *name, const char *text, size_t bytes)
{
    program *p = mem_new(sizeof *p);
    if (!p)
        return NULL;
    pthread_mutex_init(&p->lock, NULL);
    cache_fold(&p->key, text, bytes);
    p->m = ptx_parse(name, text, bytes);
    if (!p->m || ptx_inline(p->m) || check_calls(p->m) || check_variables(p->m) || describe_kernels(p) || allocate_variables(p) || relocate_variables(p)) {
        program_free(p);
        return NULL;
    }
    return p;
}

void program_free(program *p)
{
    if (!p)
        return;
    for (int i = 0; p->kernels && i < p->m->function_count; i++)
        for (int k = 0; k < CLASS_COUNT; k++)
            object_unload(&p->kernels[i].code[k]);
    for (int i = 0; p->symbols && p->bound && i < p->m->variable_count; i++)
        release_variable(p, i);
    mem_free(p->bound);
    mem_free(p->symbols);
    mem_free(p->kernels);
    ptx_free(p->m);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

kernel *program_kernel(program *p, const char *name)
{
    const ptx_function *f = module_find(p->m, name);
    return f && f->entry ? &p->kernels[f->index] : NULL;
}

/* All that machine code depends on: the text, the kernel, the kind of block, the processor, and this very
 * library. */
static cache_key key_of(const kernel *k, block_class c)
{
    cache_key key = k->program->key;
    struct stat status = {0};
    Dl_info self;
    cache_fold(&key, k->f->name, strlen(k->f->name));
    cache_fold(&key, &c, sizeof c);
    cache_fold(&key, jit_target(), strlen(jit_target()));
    unsigned checks = (checks_wanted() & CHECK_CODE) | (profile_wanted() ? 1u << 31 : 0) | (debug_wanted() ? 1u << 30 : 0);
    cache_fold(&key, &checks, sizeof checks);
    if (dladdr((const void *)&program_load, &self) && stat(self.dli_fname, &status) == 0) {
        cache_fold(&key, &status.st_mtim, sizeof status.st_mtim);
        cache_fold(&key, &status.st_size, sizeof status.st_size);
    }
    return key;
}

static cairn_status compile(kernel *k, block_class c, loaded_code *out)
{
    object_code object = {0};
    cache_key key = key_of(k, c);
    k->by_rows[class_index(c)] = k->brief && jit_stores_rows(k->program->m, k->f, c);
    if (cache_get(key, &object)) {
        cairn_status loaded = object_load(object.bytes, object.count, out);
        mem_free(object.bytes);
        return loaded;
    }
    cairn_status status = jit_compile(k->program->m, k->f, c, &object);
    if (!status)
        status = object_load(object.bytes, object.count, out);
    if (!status)
        cache_put(key, &object);
    mem_free(object.bytes);
    return status;
}

cairn_status kernel_code_for(kernel *k, block_class c, kernel_code *code)
{
    loaded_code *slot = &k->code[class_index(c)];
    pthread_mutex_lock(&k->program->lock);
    cairn_status status = slot->kernel ? CAIRN_OK : compile(k, c, slot);
    *code = slot->kernel;
    pthread_mutex_unlock(&k->program->lock);
    return status;
}
