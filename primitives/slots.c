#include "primitives/slots.h"

#include "base/pool.h"

#include <stdatomic.h>

typedef struct runners {
    slot_task fn;
    void *context;
    int64_t tasks;
    atomic_llong next;
} runners;

static void run_slot(void *context, int64_t slot, int worker)
{
    runners *r = context;
    (void)worker;
    for (int64_t task; (task = atomic_fetch_add_explicit(&r->next, 1, memory_order_relaxed)) < r->tasks;)
        r->fn(r->context, task, slot);
}

void slots_run(int64_t tasks, int64_t slots, slot_task fn, void *context)
{
    if (slots <= 1) {
        for (int64_t task = 0; task < tasks; task++)
            fn(context, task, 0);
        return;
    }
    runners r = {.fn = fn, .context = context, .tasks = tasks};
    pool_run(smaller(slots, tasks), run_slot, &r);
}
