/* The table of block functions: one for each instruction set, baseline first, better sets laid over it. */
#include <pthread.h>
#include <string.h>
#include "base/cpu.h"
#include "primitives/program/vm.h"

#define DECLARE(isa, family) void vm_fill_##family##_##isa(vm_table *t);
#define FILL(isa, family) vm_fill_##family##_##isa(t);
#define SET(isa)                                                 \
    DECLARE(isa, arith) DECLARE(isa, math) DECLARE(isa, memory)  \
    DECLARE(isa, reduce) DECLARE(isa, random)                    \
    static void fill_##isa(vm_table *t)                          \
    {                                                            \
        FILL(isa, arith) FILL(isa, math) FILL(isa, memory)       \
        FILL(isa, reduce) FILL(isa, random)                      \
    }

typedef void (*fill_fn)(vm_table *);
#define X(name, suffix, text) SET(suffix)
CPU_WHOLE_ISAS(X)
#undef X

static const fill_fn fills[ISA_COUNT] = {
#define X(name, suffix, text) [ISA_##name] = HAVE_ISA_##name ? fill_##suffix : NULL,
    CPU_WHOLE_ISAS(X)
#undef X
};

static vm_table tables[ISA_COUNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local int forced = -1;

/* The partial sets have no block functions of their own. */
static int best_whole(void)
{
    return isa_is_whole(cpu()->isa) ? (int)cpu()->isa : ISA_AVX512;
}

/* A set that the machine lacks keeps an empty table. On a machine of one family the sets up to the best are usable. */
static void fill_tables(void)
{
    for (int isa = ISA_GENERIC; isa <= best_whole(); isa++) {
        if (!fills[isa])
            continue;
        for (int lower = ISA_GENERIC; lower <= isa; lower++)
            if (fills[lower])
                fills[lower](&tables[isa]);
    }
}

const vm_table *vm_table_of(int isa)
{
    pthread_once(&once, fill_tables);
    return isa >= 0 && isa < ISA_COUNT && tables[isa].index ? &tables[isa] : NULL;
}

const vm_table *vm_table_best(void) { return vm_table_of(forced >= 0 ? forced : best_whole()); }
void vm_table_force(int isa) { forced = isa; }
