/* Device code that refers to other files' (-rdc=true, -dc).
 *
 * Such an object carries its device code as LLVM bitcode, in the section `.cairn_device`. clang leaves in the host
 * code a table of all kernels and variables, `cuda_offloading_entries`, which the linker joins. Linking, the
 * bitcode of all objects becomes one PTX module, and one more object registers it with that table. */
#define _GNU_SOURCE
#include "tools/cc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *objcopy(void)
{
    const char *named = getenv("CAIRN_OBJCOPY");
    return named ? named : "objcopy";
}

int embed_device_code(const request *r, const char *bitcode, const char *object)
{
    words w = {0};
    char *section = text_print(".cairn_device=%s", bitcode);
    const char *const all[] = {objcopy(), "--add-section", section, "--set-section-flags",
                               ".cairn_device=noload,readonly", object};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        add(&w, all[i]);
    int failed = run_command(r, &w);
    free(section);
    words_free(&w);
    return failed;
}

/* The device code of one object, as a file of its own; false when it has none. */
static bool extract(const request *r, const char *object, const char *bitcode)
{
    words w = {0};
    char *section = text_print(".cairn_device=%s", bitcode);
    struct stat status;
    const char *const all[] = {objcopy(), "--dump-section", section, object, "/dev/null"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        add(&w, all[i]);
    unlink(bitcode);
    bool quiet = !r->verbose;
    int failed = run_command(&(request){.verbose = r->verbose, .dry = r->dry, .silent = quiet}, &w);
    free(section);
    words_free(&w);
    return !failed && stat(bitcode, &status) == 0 && status.st_size > 0;
}

/* Members of archives are taken out, for they too may carry device code. */
static void add_members(const request *r, words *found, const char *archive, int *next)
{
    char *folder = temporary(r, *next, ".members");
    char *command = text_print("mkdir -p '%s' && ar x --output '%s' '%s' && ls '%s'/*.o 2>/dev/null", folder, folder, archive, folder);
    FILE *list = popen(command, "r");
    char line[4096];
    while (list && fgets(line, sizeof line, list)) {
        line[strcspn(line, "\n")] = '\0';
        char *bitcode = temporary(r, (*next)++, ".bc");
        if (extract(r, line, bitcode))
            add(found, bitcode);
        free(bitcode);
        unlink(line);
    }
    if (list)
        pclose(list);
    rmdir(folder);
    free(command);
    free(folder);
}

static words extract_all(const request *r, const words *objects)
{
    words found = {0};
    int next = 1000;
    for (int i = 0; i < objects->count; i++) {
        const char *object = objects->item[i];
        if (ends_with(object, ".a") && access(object, R_OK) == 0) {
            add_members(r, &found, object, &next);
        } else if (object[0] != '-' && ends_with(object, ".o")) {
            char *bitcode = temporary(r, next++, ".bc");
            if (extract(r, object, bitcode))
                add(&found, bitcode);
            free(bitcode);
        }
    }
    return found;
}

/* All modules of bitcode become one, and that PTX. What no kernel uses goes. */
static int link_bitcode(const request *r, const words *modules, const char *ptx)
{
    words w = {0};
    static const char *const options[] = {"-target", "nvptx64-nvidia-cuda", "-Xclang", "-target-cpu", "-Xclang", "sm_80", "-Xclang",
                                          "-target-feature", "-Xclang", "+ptx78", "-O3", "-S", "-nogpulib", "-x", "ir",
                                          "-Wno-override-module"};
    add(&w, clang());
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        add(&w, options[i]);
    for (int i = 1; i < modules->count; i++) {
        add(&w, "-Xclang");
        add(&w, "-mlink-bitcode-file");
        add(&w, "-Xclang");
        add(&w, modules->item[i]);
    }
    add(&w, modules->item[0]);
    add(&w, "-o");
    add(&w, ptx);
    int failed = run_command(r, &w);
    words_free(&w);
    return failed;
}

/* The host's side: one fat binary, registered with all entries before main. */
static int write_registration(const char *file, const char *fatbin)
{
    FILE *out = fopen(file, "w");
    if (!out) {
        fprintf(stderr, "cairn cc: cannot write %s\n", file);
        return 1;
    }
    fprintf(out,
            "__asm__(\".section .nv_fatbin,\\\"a\\\"\\n.balign 16\\ncairn_fatbin:\\n.incbin \\\"%s\\\"\\n.previous\");\n"
            "extern const char cairn_fatbin[] __attribute__((visibility(\"hidden\")));\n"
            "struct entry { char *address, *name; unsigned long bytes; int flags, data; } __attribute__((packed));\n"
            "extern struct entry __start_cuda_offloading_entries[] __attribute__((weak, visibility(\"hidden\")));\n"
            "extern struct entry __stop_cuda_offloading_entries[] __attribute__((weak, visibility(\"hidden\")));\n"
            "static struct { unsigned magic, version; const void *data; void *unused; } wrapper = {0x466243b1, 1, cairn_fatbin, 0};\n"
            "void **__cudaRegisterFatBinary(void *);\n"
            "void __cudaRegisterFatBinaryEnd(void **);\n"
            "void __cudaUnregisterFatBinary(void **);\n"
            "void __cudaRegisterFunction(void **, const char *, char *, const char *, int, void *, void *, void *, void *, int *);\n"
            "void __cudaRegisterVar(void **, char *, char *, const char *, int, unsigned long, int, int);\n"
            "static void **handle;\n"
            "__attribute__((constructor)) static void cairn_register(void)\n{\n"
            "    handle = __cudaRegisterFatBinary(&wrapper);\n"
            "    for (struct entry *e = __start_cuda_offloading_entries; e < __stop_cuda_offloading_entries; e++)\n"
            "        if (e->bytes)\n"
            "            __cudaRegisterVar(handle, e->address, e->name, e->name, 0, e->bytes, 0, 0);\n"
            "        else\n"
            "            __cudaRegisterFunction(handle, e->address, e->name, e->name, -1, 0, 0, 0, 0, 0);\n"
            "    __cudaRegisterFatBinaryEnd(handle);\n}\n"
            "__attribute__((destructor)) static void cairn_unregister(void) { __cudaUnregisterFatBinary(handle); }\n",
            fatbin);
    return fclose(out) != 0;
}

static int compile_registration(const request *r, const char *source, const char *object)
{
    words w = {0};
    const char *const all[] = {clang(), "-x", "c", "-O1", "-fPIC", "-c", source, "-o", object};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        add(&w, all[i]);
    int failed = run_command(r, &w);
    words_free(&w);
    return failed;
}

int link_device_code(const request *r, words *objects)
{
    words modules = extract_all(r, objects);
    if (!modules.count)
        return 0;
    char *ptx = temporary(r, 900, ".ptx"), *fatbin = temporary(r, 900, ".fatbin"), *source = temporary(r, 900, ".c");
    char *object = temporary(r, 900, ".o");
    int failed = link_bitcode(r, &modules, ptx) || write_fatbin(ptx, fatbin) || write_registration(source, fatbin) ||
                 compile_registration(r, source, object);
    if (!failed)
        add(objects, object);
    for (int i = 0; i < modules.count; i++)
        unlink(modules.item[i]);
    const char *const used[] = {ptx, fatbin, source};
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        unlink(used[i]);
    words_free(&modules);
    free(ptx);
    free(fatbin);
    free(source);
    free(object);
    return failed;
}
