/* Lines of the source for a debugger: with one attached, or with CAIRN_CUDA_DEBUG=1, each instruction carries the place that .loc
 * gave it, and exec/object.c shows the code to gdb. */
#include "runtime/jit/emit.h"
#include "runtime/exec/object.h"
#include "runtime/exec/profile.h"
#include <llvm-c/DebugInfo.h>
#include <string.h>

enum { DWARF = 4 };

static LLVMMetadataRef file_of(emitter *e, int number)
{
    const char *path = number < e->m->file_count && e->m->files[number] ? e->m->files[number] : e->m->file;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return LLVMDIBuilderCreateFile(e->debug, name, strlen(name), path, slash ? (size_t)(slash - path) : 0);
}

static const ptx_instruction *first_with_line(const emitter *e)
{
    for (int i = 0; i < e->f->code_count; i++)
        if (e->f->code[i].source_line)
            return &e->f->code[i];
    return NULL;
}

static void add_flag(emitter *e, const char *name, int64_t x)
{
    LLVMMetadataRef number = LLVMValueAsMetadata(constant_int(e, 32, x));
    LLVMAddModuleFlag(e->module, LLVMModuleFlagBehaviorWarning, name, strlen(name), number);
}

void debug_begin(emitter *e)
{
    static const char producer[] = "cairn";
    const ptx_instruction *first = debug_wanted() && e->f->entry ? first_with_line(e) : NULL;
    if (!first)
        return;
    e->debug = LLVMCreateDIBuilder(e->module);
    LLVMMetadataRef file = file_of(e, first->source_file);
    LLVMDIBuilderCreateCompileUnit(e->debug, LLVMDWARFSourceLanguageC_plus_plus, file, producer, strlen(producer), 1, "", 0, 0, "", 0,
                                   LLVMDWARFEmissionFull, 0, 0, 0, "", 0, "", 0);
    LLVMMetadataRef type = LLVMDIBuilderCreateSubroutineType(e->debug, file, NULL, 0, LLVMDIFlagZero);
    char name[PROFILE_NAME];
    readable_name(e->f->name, name, sizeof name);
    size_t length = strcspn(name, "(");
    unsigned line = (unsigned)first->source_line;
    e->scope = LLVMDIBuilderCreateFunction(e->debug, file, name, length, e->f->name, strlen(e->f->name), file, line, type, 0, 1, line,
                                           LLVMDIFlagZero, 1);
    LLVMSetSubprogram(e->function, e->scope);
    add_flag(e, "Debug Info Version", LLVMDebugMetadataVersion());
    add_flag(e, "Dwarf Version", DWARF);
}

void debug_locate(emitter *e, const ptx_instruction *in)
{
    if (!e->debug || !in->source_line)
        return;
    LLVMMetadataRef block = LLVMDIBuilderCreateLexicalBlockFile(e->debug, e->scope, file_of(e, in->source_file), 0);
    LLVMSetCurrentDebugLocation2(e->b, LLVMDIBuilderCreateDebugLocation(e->context, (unsigned)in->source_line, 0, block, NULL));
}

void debug_end(emitter *e)
{
    if (!e->debug)
        return;
    LLVMDIBuilderFinalize(e->debug);
    LLVMDisposeDIBuilder(e->debug);
    e->debug = NULL;
}
