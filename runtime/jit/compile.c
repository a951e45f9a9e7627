/* From the emitter's code to an object in memory, and what `cairn ptx` prints of the way there. */
#include "runtime/jit/emit.h"
#include "base/cpu.h"
#include <llvm-c/Analysis.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The machine --------------------------------------------------------------------------------- */
typedef struct machine {
    char *triple, *name, *features;
    char description[512];
    bool ready;
} machine;

static machine host;
static pthread_once_t host_once = PTHREAD_ONCE_INIT;

/* CAIRN_ISA=avx2 compiles for a machine without AVX-512, to test that code anywhere. */
static const char *processor_name(char *found)
{
    return cpu()->isa == ISA_AVX2 ? "x86-64-v3" : cpu()->isa == ISA_V2 ? "x86-64-v2" : found;
}

static void find_host(void)
{
    if (LLVMInitializeNativeTarget() || LLVMInitializeNativeAsmPrinter())
        return;
    host.triple = LLVMGetDefaultTargetTriple();
    host.name = LLVMGetHostCPUName();
    host.features = LLVMGetHostCPUFeatures();
    const char *name = processor_name(host.name);
    bool whole = name == host.name;
    snprintf(host.description, sizeof host.description, "%s%s", name, whole && cpu()->isa >= ISA_AVX512 ? " 512" : "");
    host.ready = true;
}

const char *jit_target(void)
{
    pthread_once(&host_once, find_host);
    return host.description;
}

static LLVMTargetMachineRef target_machine(void)
{
    LLVMTargetRef kind;
    char *message = NULL;
    pthread_once(&host_once, find_host);
    if (!host.ready || LLVMGetTargetFromTriple(host.triple, &kind, &message)) {
        error_set(CAIRN_E_UNSUPPORTED, "jit: LLVM has no code generator for this machine");
        LLVMDisposeMessage(message);
        return NULL;
    }
    const char *name = processor_name(host.name);
    return LLVMCreateTargetMachine(kind, host.triple, name, name == host.name ? host.features : "",
                                   LLVMCodeGenLevelDefault, LLVMRelocPIC, LLVMCodeModelSmall);
}

/* ---- Passes -------------------------------------------------------------------------------------- */
/* Promotion, simplification and loop-invariant motion; vectorisers would find nothing. */
static const char passes[] = "function(simplifycfg,sroa,early-cse,simplifycfg,instcombine<no-verify-fixpoint>,gvn,simplifycfg,"
                             "loop-mssa(licm),instcombine<no-verify-fixpoint>,early-cse,adce,simplifycfg)";

static cairn_status run_passes(LLVMModuleRef module, LLVMTargetMachineRef target)
{
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef failed = LLVMRunPasses(module, passes, target, options);
    LLVMDisposePassBuilderOptions(options);
    if (!failed)
        return CAIRN_OK;
    char *message = LLVMGetErrorMessage(failed);
    cairn_status status = error_set(CAIRN_E_STATE, "jit: %s", message);
    LLVMDisposeErrorMessage(message);
    return status;
}

/* 512-bit registers where the processor has them: LLVM prefers 256 by default. */
static void set_attributes(emitter *e)
{
    static const char *const pairs[][2] = {{"prefer-vector-width", "512"}, {"min-legal-vector-width", "512"},
                                           {"no-trapping-math", "true"}};
    bool wide = cpu()->isa >= ISA_AVX512;
    for (size_t i = wide ? 0 : 2; i < sizeof pairs / sizeof *pairs; i++)
        LLVMAddAttributeAtIndex(e->function, LLVMAttributeFunctionIndex,
                                LLVMCreateStringAttribute(e->context, pairs[i][0], (unsigned)strlen(pairs[i][0]),
                                                          pairs[i][1], (unsigned)strlen(pairs[i][1])));
}

static cairn_status check_module(LLVMModuleRef module)
{
    char *message = NULL;
    cairn_status status = CAIRN_OK;
    if (LLVMVerifyModule(module, LLVMReturnStatusAction, &message))
        status = error_set(CAIRN_E_STATE, "jit: emitted code is not valid: %.300s", message);
    LLVMDisposeMessage(message);
    return status;
}

static cairn_status write_object(LLVMModuleRef module, LLVMTargetMachineRef target, object_code *out)
{
    LLVMMemoryBufferRef buffer = NULL;
    char *message = NULL;
    if (LLVMTargetMachineEmitToMemoryBuffer(target, module, LLVMObjectFile, &message, &buffer)) {
        cairn_status status = error_set(CAIRN_E_STATE, "jit: %s", message);
        LLVMDisposeMessage(message);
        return status;
    }
    out->count = LLVMGetBufferSize(buffer);
    out->bytes = mem_new(out->count);
    if (out->bytes)
        memcpy(out->bytes, LLVMGetBufferStart(buffer), out->count);
    LLVMDisposeMemoryBuffer(buffer);
    return out->bytes ? CAIRN_OK : CAIRN_E_MEMORY;
}

/* ---- Compiling ----------------------------------------------------------------------------------- */
static cairn_status analyse(emitter *e)
{
    cairn_status status = flow_build(&e->g, &e->arena, e->m, e->f);
    if (status)
        return status;
    e->shapes = arena_alloc(&e->arena, sizeof *e->shapes * (size_t)(e->f->register_count + 1));
    if (!e->shapes)
        return CAIRN_E_MEMORY;
    shapes_find(&e->g, e->c, e->shapes);
    return CAIRN_OK;
}

static cairn_status begin(emitter *e, const ptx_module *m, ptx_function *f, block_class c)
{
    *e = (emitter){.m = m, .f = f, .kernel = f, .c = c};
    cairn_status status = analyse(e);
    if (status)
        return status;
    e->context = LLVMContextCreate();
    e->module = LLVMModuleCreateWithNameInContext(f->name, e->context);
    e->b = LLVMCreateBuilderInContext(e->context);
    return CAIRN_OK;
}

static void end(emitter *e)
{
    if (e->b)
        LLVMDisposeBuilder(e->b);
    if (e->module)
        LLVMDisposeModule(e->module);
    if (e->context)
        LLVMContextDispose(e->context);
    arena_free(&e->arena);
}

/* A function that the kernel calls, into the same module. Any of a warp's lanes may call it. */
static cairn_status emit_callee(emitter *e, ptx_function *f)
{
    emitter own = {.m = e->m, .f = f, .kernel = e->kernel, .c = e->c, .context = e->context, .module = e->module};
    own.c.full = false;
    cairn_status status = analyse(&own);
    own.b = LLVMCreateBuilderInContext(own.context);
    if (!status)
        status = emit_function(&own);
    set_attributes(&own);
    LLVMDisposeBuilder(own.b);
    arena_free(&own.arena);
    return status;
}

static cairn_status build(emitter *e, LLVMTargetMachineRef target)
{
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(target);
    LLVMSetModuleDataLayout(e->module, layout);
    LLVMSetTarget(e->module, host.triple);
    LLVMDisposeTargetData(layout);
    cairn_status status = emit_function(e);
    for (int callee; !status && (callee = missing_function(e)) >= 0;)
        status = emit_callee(e, &e->m->functions[callee]);
    if (status)
        return status;
    set_attributes(e);
    status = check_module(e->module);
    return status ? status : run_passes(e->module, target);
}

cairn_status jit_compile(const ptx_module *m, ptx_function *f, block_class c, object_code *out)
{
    emitter e;
    LLVMTargetMachineRef target = target_machine();
    if (!target)
        return CAIRN_E_UNSUPPORTED;
    cairn_status status = begin(&e, m, f, c);
    if (!status)
        status = build(&e, target);
    if (!status)
        status = write_object(e.module, target, out);
    end(&e);
    LLVMDisposeTargetMachine(target);
    return status;
}

bool jit_stores_rows(const ptx_module *m, ptx_function *f, block_class c)
{
    enum { NEAR = 32 };
    emitter e = {.m = m, .f = f, .kernel = f, .c = c};
    bool rows = analyse(&e) == CAIRN_OK;
    for (int i = 0; i < f->code_count && rows; i++) {
        const ptx_instruction *in = &f->code[i];
        bool stores = in->op == OP_st || in->op == OP_atom || in->op == OP_red;
        shape s = stores ? operand_shape(&e.g, c, e.shapes, &in->src[0]) : (shape){0};
        rows = !stores || (s.kind == SHAPE_VECTOR ? s.likely > 0 && s.likely <= NEAR : s.stride >= 0 && s.stride <= NEAR);
    }
    arena_free(&e.arena);
    return rows;
}

/* ---- Explaining ---------------------------------------------------------------------------------- */
static void explain_shape(text_buffer *out, shape s)
{
    if (s.kind == SHAPE_VECTOR)
        text_add(out, "vector");
    else if (is_uniform(s))
        text_add(out, "uniform");
    else if (s.kind == SHAPE_ROWS)
        text_add(out, is_level(s) ? "one for each row" : "rows, stride %lld", (long long)s.stride);
    else
        text_add(out, "affine, stride %lld", (long long)s.stride);
}

static const char *explain_access(shape s, const ptx_instruction *in)
{
    int64_t bytes = (int64_t)type_bytes((ptx_type)in->types[0]) * (in->op == OP_st ? in->src_count - 1 : in->dst_count);
    int64_t most = bytes > 32 ? bytes : 32;
    bool rows = s.kind == SHAPE_ROWS;
    if (is_level(s))
        return rows ? "one scalar access for each row" : "one scalar access";
    if (s.kind != SHAPE_VECTOR && s.stride >= bytes && s.stride <= most)
        return rows ? "one vector access for each row" : "one vector access";
    if (s.kind != SHAPE_VECTOR)
        return "gather: the stride is too large";
    if (s.likely == bytes && space_of(in) != SPACE_SHARED)
        return "one vector access, if no index wrapped at 32 bits";
    return "gather: the address is no multiple of the lane plus a base";
}

static void explain_instruction(const emitter *e, text_buffer *out, const ptx_instruction *in)
{
    text_add(out, "    ");
    print_instruction(out, e->m, e->f, in);
    if (in->dst_count && in->dst[0].kind == OPERAND_REGISTER) {
        text_add(out, "    // ");
        explain_shape(out, e->shapes[in->dst[0].index]);
    }
    if (in->op == OP_ld || in->op == OP_st)
        text_add(out, "%s%s", in->op == OP_ld ? "; " : "    // ",
                 explain_access(operand_shape(&e->g, e->c, e->shapes, &in->src[0]), in));
    text_add(out, "\n");
}

static void explain_block(const emitter *e, text_buffer *out, int index)
{
    const flow_block *b = &e->g.blocks[index];
    text_add(out, "  block %d:%s", index, b->checked ? " if any lane" : "");
    for (int w = 0, first = 1; w < e->g.count; w++)
        if (bit_test(b->waiting, w)) {
            text_add(out, "%s %d", first ? "  waiting at" : ",", w);
            first = 0;
        }
    text_add(out, "\n");
    for (int i = 0; i < b->count; i++)
        explain_instruction(e, out, &e->f->code[b->first + i]);
    text_add(out, "    ->");
    for (int s = 0; s < b->succ_count; s++)
        text_add(out, " %d", b->succ[s]);
    text_add(out, "%s\n", b->divergent ? "  (divergent)" : "");
}

cairn_status jit_explain(const ptx_module *m, ptx_function *f, block_class c, bool llvm, text_buffer *out)
{
    emitter e;
    LLVMTargetMachineRef target = target_machine();
    if (!target)
        return CAIRN_E_UNSUPPORTED;
    cairn_status status = begin(&e, m, f, c);
    if (!status) {
        text_add(out, "%s%s\n", f->entry ? ".entry " : ".func ", f->name);
        for (int i = 0; i < e.g.count - 1; i++)
            explain_block(&e, out, i);
    }
    if (!status && llvm)
        status = build(&e, target);
    if (!status && llvm) {
        char *text = LLVMPrintModuleToString(e.module);
        for (const char *at = text; *at; at += strnlen(at, 256)) /* text_add's lines are bounded, LLVM's are not */
            text_add(out, "%.256s", at);
        LLVMDisposeMessage(text);
    }
    end(&e);
    LLVMDisposeTargetMachine(target);
    return status;
}
