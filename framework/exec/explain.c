/* cairn_explain: the plan of an evaluation, in words. */
#include "framework/exec/exec.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const forms[] = {"map", "row", "column", "library", "copy"};

static void say_slot(FILE *f, const plan *p, const pending *g, int32_t index)
{
    const slot *s = &p->slots[index];
    if (s->kind == SLOT_TEMPORARY)
        fprintf(f, " t%" PRId32 "@%" PRId64, index, s->at);
    else
        fprintf(f, " %s%" PRId32, s->kind == SLOT_LEAF ? "leaf" : "out", index);
    if (s->value != NOWHERE)
        fprintf(f, "%s", SHAPE(&g->at[s->value]->shape));
}

static void say_kernel(FILE *f, const plan *p, const pending *g, int32_t index)
{
    const kernel *k = &p->kernels[index];
    fprintf(f, "%3" PRId32 "  %-8s %-40s reads %" PRId64 " B, writes %" PRId64 " B\n     ", index, forms[k->form], k->name, k->read_bytes,
            k->write_bytes);
    for (int32_t i = 0; i < k->input_count; i++)
        say_slot(f, p, g, k->inputs[i].slot);
    for (int32_t i = 0; i < k->operand_count; i++)
        if (k->operands[i].slot != NOWHERE)
            say_slot(f, p, g, k->operands[i].slot);
    const operand *fused[] = {&k->scale, &k->bias, &k->residual};
    for (int i = 0; i < 3 && k->fuses; i++)
        if (fused[i]->slot != NOWHERE)
            say_slot(f, p, g, fused[i]->slot);
    if (k->library != NOWHERE) {
        fprintf(f, " ->");
        say_slot(f, p, g, k->out_operand.slot);
    }
    fprintf(f, "\n");
    char *text = k->program ? program_print(k->program) : NULL;
    if (text) {
        for (const char *c = text; *c; c++) {
            if (c == text || c[-1] == '\n')
                fprintf(f, "        | ");
            fputc(*c, f);
        }
        mem_free(text);
    }
}

static void say_plan(FILE *f, plan *p, pending *g)
{
    int64_t peak = plan_peak_bytes(p, g), read = 0, written = 0;
    for (int32_t i = 0; i < p->kernel_count; i++) {
        read += p->kernels[i].read_bytes;
        written += p->kernels[i].write_bytes;
    }
    fprintf(f, "%" PRId32 " values in %" PRId32 " kernels: %" PRId64 " B read, %" PRId64 " B written; peak %" PRId64 " B, of which %" PRId64
            " B are shared by temporaries\n", g->count, p->kernel_count, read, written, peak, p->arena_bytes);
    for (int32_t i = 0; i < p->kernel_count; i++)
        say_kernel(f, p, g, i);
}

char *cairn_explain(cairn_tensor *x)
{
    value *v = handle_value(x);
    pending *g = v ? thread_pending() : NULL;
    char *text = NULL;
    size_t bytes;
    if (!g || collect(g, 1, &v))
        return NULL;
    plan *p = g->count ? plan_find(g) : NULL;
    if (g->count && !p)
        return NULL;
    FILE *f = open_memstream(&text, &bytes);
    if (!f) {
        error_set(CAIRN_E_MEMORY, "explain: out of memory");
        return NULL;
    }
    if (p)
        say_plan(f, p, g);
    else
        fprintf(f, "nothing to do: the tensor is evaluated\n");
    fclose(f);
    return text;
}
