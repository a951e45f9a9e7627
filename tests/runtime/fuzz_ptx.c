/* The PTX loader and the passes behind it must end with a module or an error, whatever they are given. */
#include "base/error.h"
#include "runtime/ptx/shapes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void analyse(const ptx_module *m, ptx_function *f)
{
    static const block_class classes[] = {{true, true}, {false, false}};
    for (int i = 0; i < 2; i++) {
        arena a = {0};
        flow g;
        shape *shapes = arena_alloc(&a, sizeof *shapes * (size_t)(f->register_count + 1));
        if (shapes && !flow_build(&g, &a, m, f))
            shapes_find(&g, classes[i], shapes);
        arena_free(&a);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ptx_module *m = ptx_parse("fuzz.ptx", (const char *)data, size);
    if (m && !ptx_inline(m))
        for (int i = 0; i < m->function_count; i++)
            if (m->functions[i].code_count)
                analyse(m, &m->functions[i]);
    ptx_free(m);
    cairn_error_clear();
    return 0;
}
