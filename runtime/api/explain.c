/* cairn_ptx_explain: what the passes make of each kernel of a PTX text, for `cairn ptx`. */
#include "runtime/api/explain.h"
#include "runtime/jit/jit.h"

cairn_status cairn_ptx_explain(const char *name, const char *text, size_t bytes, const unsigned block[3], bool llvm, FILE *to)
{
    ptx_module *m = ptx_parse(name, text, bytes);
    if (!m)
        return cairn_error();
    text_buffer out = {0};
    cairn_status status = ptx_inline(m);
    for (int i = 0; i < m->function_count && !status; i++)
        if (m->functions[i].entry)
            status = jit_explain(m, &m->functions[i], class_of_block(block), llvm, &out);
    if (!status && out.text)
        fputs(out.text, to);
    text_free(&out);
    ptx_free(m);
    return status;
}
