/* `cairn ptx FILE`: what the passes of libcairn-cuda make of the kernels of a PTX file. The library is loaded when asked for, so that
 * the tool does not need LLVM. */
#include "tools/tool.h"
#include "runtime/api/explain.h"
#include "tools/cc.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ptx_main(int argc, char **argv);

static const char usage[] =
    "usage: cairn ptx FILE [--block X[,Y[,Z]]] [--llvm]\n\n"
    "  FILE     PTX text, as cairn cc --ptx writes it; - is standard input\n"
    "  --block  threads of a block, 256 if not given: rows shorter than a warp (16,16) change how memory is accessed\n"
    "  --llvm   the LLVM code too\n\n"
    "Prints for each kernel its blocks in the order of execution, where lanes wait for others, how each register varies over a warp\n"
    "(uniform, growing by a stride, any), and how each access to memory is done, with the reason when it is not one vector access.\n";

/* All of a file; NULL with errno. */
static char *read_all(FILE *file, size_t *bytes)
{
    char *text = NULL;
    size_t room = 0;
    *bytes = 0;
    for (;;) {
        if (*bytes == room) {
            char *more = realloc(text, room = room ? 2 * room : 1 << 16);
            if (!more)
                break;
            text = more;
        }
        size_t n = fread(text + *bytes, 1, room - *bytes, file);
        *bytes += n;
        if (n == 0 && !ferror(file))
            return text;
        if (n == 0)
            break;
    }
    free(text);
    return NULL;
}

static char *read_named(const char *name, size_t *bytes)
{
    bool standard = strcmp(name, "-") == 0;
    FILE *file = standard ? stdin : fopen(name, "rb");
    char *text = file ? read_all(file, bytes) : NULL;
    if (!text)
        fprintf(stderr, "cairn ptx: %s: %s\n", name, strerror(errno));
    if (file && !standard)
        fclose(file);
    return text;
}

static ptx_explain_function *find_explain(void)
{
    char *folder = library_folder(), *path = text_print("%s/libcairn-cuda.so", folder);
    void *library = dlopen(path, RTLD_NOW);
    ptx_explain_function *explain = library ? (ptx_explain_function *)dlsym(library, "cairn_ptx_explain") : NULL;
    if (!explain)
        fprintf(stderr, "cairn ptx: %s: this Cairn was built without the CUDA runtime, which needs LLVM 19\n", dlerror());
    free(path);
    free(folder);
    return explain;
}

/* 16,16 -> {16, 16, 1}; false when it is no size of a block. */
static bool parse_block(const char *text, unsigned block[3])
{
    char *end = (char *)text;
    block[1] = block[2] = 1;
    for (int i = 0; i < 3; i++) {
        unsigned long n = strtoul(text, &end, 10);
        if (end == text || n < 1 || n > 1024)
            return false;
        block[i] = (unsigned)n;
        if (*end != ',')
            break;
        text = end + 1;
    }
    return *end == '\0' && block[0] * block[1] * block[2] <= 1024;
}

int ptx_main(int argc, char **argv)
{
    const char *name = NULL;
    unsigned block[3] = {256, 1, 1};
    bool llvm = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return fputs(usage, stdout) < 0;
        if (strcmp(argv[i], "--llvm") == 0)
            llvm = true;
        else if (strcmp(argv[i], "--block") == 0) {
            if (++i == argc || !parse_block(argv[i], block))
                return usage_error("ptx", "--block takes up to three numbers, at most 1024 threads together: 256 or 16,16, not '%s'",
                                   i < argc ? argv[i] : "");
        } else if ((argv[i][0] == '-' && argv[i][1]) || name)
            return usage_error("ptx", "what is '%s'? cairn ptx --help lists the options", argv[i]);
        else
            name = argv[i];
    }
    if (!name) {
        fputs(usage, stderr);
        return EXIT_ARGUMENTS;
    }
    ptx_explain_function *explain = find_explain();
    size_t bytes = 0;
    char *text = explain ? read_named(name, &bytes) : NULL;
    bool done = text && explain(name, text, bytes, block, llvm, stdout) == CAIRN_OK;
    if (text && !done)
        fprintf(stderr, "cairn ptx: %s\n", cairn_error_message());
    free(text);
    return done ? EXIT_FINE : EXIT_FAILED;
}
