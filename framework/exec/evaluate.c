/* The entry to evaluation, its modes, and what is built on it. */
#include "framework/exec/exec.h"
#include "framework/ops/rules.h"
#include "base/trace.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static exec_modes modes;
static pthread_once_t modes_once = PTHREAD_ONCE_INIT;

static bool is_set(const char *name)
{
    const char *text = getenv(name);
    return text && *text && strcmp(text, "0") != 0;
}

static void read_modes(void)
{
    modes.check_nan = is_set("CAIRN_CHECK_NAN");
    modes.eager = modes.check_nan || is_set("CAIRN_EAGER");
    modes.pending_limit = 20000;
}

const exec_modes *exec_modes_read;

const exec_modes *exec_modes_first(void)
{
    pthread_once(&modes_once, read_modes);
    __atomic_store_n(&exec_modes_read, &modes, __ATOMIC_RELEASE);
    return &modes;
}

static cairn_status evaluate_pending(int count, value *const *targets)
{
    thread_state *t = thread();
    pending *g = thread_pending();
    if (!g)
        return CAIRN_E_MEMORY;
    trace_mark mark = trace_begin();
    cairn_status s = collect(g, count, targets);
    forget_with_next(t);
    if (s || !g->count)
        return s;
    plan *p = plan_find(g);
    trace_end(mark, "plan", "evaluate", 0, 0);
    s = p ? plan_run(p, g) : cairn_error() ? cairn_error() : CAIRN_E_MEMORY;
    t->pending = 0;
    return s;
}

cairn_status evaluate(int count, value *const *targets)
{
    thread_state *t = thread();
    bool done = true;
    for (int i = 0; i < count && done; i++)
        done = value_is_evaluated(targets[i]);
    if (done)
        return CAIRN_OK;
    if (t->evaluating)
        return error_set(CAIRN_E_STATE, "evaluation: asked for within an operation's own function");
    t->evaluating = true;
    cairn_status s = evaluate_pending(count, targets);
    t->evaluating = false;
    return s;
}

int64_t cairn_plan_memory(int count, cairn_tensor *const *x)
{
    pending *g = thread_pending();
    value **targets = mem_array((size_t)(count > 0 ? count : 1), sizeof *targets);
    int64_t bytes = -1;
    bool whole = g && targets;
    for (int i = 0; i < count && whole; i++)
        whole = (targets[i] = handle_value(x[i])) != NULL;
    if (whole && collect(g, count, targets) == CAIRN_OK) {
        plan *p = g->count ? plan_find(g) : NULL;
        bytes = !g->count ? 0 : p ? plan_peak_bytes(p, g) : -1;
    }
    mem_free(targets);
    return bytes;
}

/* ---- Copies, for library operations and for looking */

cairn_status copy_view(const view *from, const view *to)
{
    program *p = program_new();
    if (!p)
        return CAIRN_E_MEMORY;
    program_operand operands[2] = {{.data = from->data}, {.data = to->data}};
    program_call call = {.program = p, .axes = from->shape.rank ? from->shape.rank : 1, .operands = operands};
    call.size[0] = 1;
    for (int i = 0; i < from->shape.rank; i++) {
        call.size[i] = from->shape.size[i];
        operands[0].stride[i] = from->stride[i];
        operands[1].stride[i] = to->stride[i];
    }
    int x = program_load(p, 0, from->type);
    if (to->type == CAIRN_BOOL && from->type != CAIRN_BOOL)
        x = program_op_new(p, P_LNOT, program_op_new(p, P_LNOT, x, -1, -1), -1, -1);
    else if (program_type_of(from->type) != program_type_of(to->type))
        x = program_cast(p, x, program_type_of(to->type));
    program_store(p, 1, to->type, x);
    cairn_status s = program_finish(p);
    int64_t bytes = s ? 0 : program_scratch_bytes(&call);
    void *scratch = bytes ? buffer_alloc(bytes) : NULL;
    if (bytes && !scratch)
        s = CAIRN_E_MEMORY;
    if (!s)
        program_run(&call, scratch);
    if (scratch)
        buffer_free(scratch, bytes);
    program_free(p);
    return s;
}
