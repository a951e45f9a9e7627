/* `cairn-ptx FILE [--llvm] [--square]`: what the passes make of each kernel of a PTX file: its blocks in the
 * order of execution, where lanes wait, how registers vary over a warp, and how memory is accessed.
 * --square: for blocks whose rows are shorter than a warp, such as 16 x 16. */
#include "runtime/jit/jit.h"
#include <stdio.h>
#include <string.h>

static char *read_file(const char *name, size_t *bytes)
{
    FILE *file = fopen(name, "rb");
    long size = -1;
    if (file && fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    char *text = size >= 0 ? mem_new((size_t)size + 1) : NULL;
    if (text) {
        rewind(file);
        *bytes = fread(text, 1, (size_t)size, file);
    }
    if (file)
        fclose(file);
    return text;
}

static cairn_status explain(ptx_module *m, block_class c, bool llvm)
{
    text_buffer out = {0};
    cairn_status status = ptx_inline(m);
    for (int i = 0; i < m->function_count && !status; i++)
        if (m->functions[i].entry)
            status = jit_explain(m, &m->functions[i], c, llvm, &out);
    if (!status && out.text)
        fputs(out.text, stdout);
    text_free(&out);
    return status;
}

int main(int argc, char **argv)
{
    const char *name = NULL;
    bool llvm = false, square = false;
    for (int i = 1; i < argc; i++) {
        llvm |= strcmp(argv[i], "--llvm") == 0;
        square |= strcmp(argv[i], "--square") == 0;
        if (argv[i][0] != '-')
            name = argv[i];
    }
    if (!name) {
        fprintf(stderr, "usage: cairn-ptx FILE [--llvm] [--square]\n");
        return 2;
    }
    size_t bytes = 0;
    char *text = read_file(name, &bytes);
    if (!text) {
        fprintf(stderr, "cairn-ptx: cannot read %s\n", name);
        return 1;
    }
    ptx_module *m = ptx_parse(name, text, bytes);
    bool failed = !m || explain(m, class_of_block((unsigned[]){square ? 16 : 256, square ? 16 : 1, 1}), llvm);
    ptx_free(m);
    mem_free(text);
    return failed;
}
