/* gdb's interface for code made at run time ("JIT Compilation Interface" in its manual): a list of objects in memory, and a
 * function in which it keeps a breakpoint to hear of changes. LLVM's library has both. */
#include "runtime/exec/object.h"
#include "base/memory.h"
#include <elf.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct jit_code_entry {
    struct jit_code_entry *next, *previous;
    const char *object;
    uint64_t bytes;
};

struct jit_descriptor {
    uint32_t version, action;
    struct jit_code_entry *relevant, *first;
};

extern struct jit_descriptor __jit_debug_descriptor;
void __jit_debug_register_code(void);
enum { JIT_REGISTER = 1, JIT_UNREGISTER = 2 };

struct shown_code {
    struct jit_code_entry entry;
    uint8_t object[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool wanted;

/* "TracerPid: 1234" */
static bool is_traced(void)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[256];
    int tracer = 0;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "TracerPid: %d", &tracer) == 1)
            break;
    if (f)
        fclose(f);
    return tracer != 0;
}

static void look(void)
{
    const char *text = getenv("CAIRN_CUDA_DEBUG");
    wanted = text && *text ? strcmp(text, "0") != 0 : is_traced();
}

bool debug_wanted(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, look);
    return wanted;
}

static void tell(struct shown_code *s, uint32_t action)
{
    __jit_debug_descriptor.relevant = &s->entry;
    __jit_debug_descriptor.action = action;
    __jit_debug_register_code();
}

/* A relocatable object whose sections say where they lie: gdb relocates its debug information itself. */
struct shown_code *debug_show(const uint8_t *object, size_t bytes, const uint64_t *places)
{
    struct shown_code *s = mem_new(sizeof *s + bytes);
    if (!s)
        return NULL;
    memcpy(s->object, object, bytes);
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)s->object;
    Elf64_Shdr *sections = (Elf64_Shdr *)(s->object + header->e_shoff);
    for (int i = 0; i < header->e_shnum; i++)
        if (sections[i].sh_flags & SHF_ALLOC)
            sections[i].sh_addr = places[i];
    s->entry.object = (const char *)s->object;
    s->entry.bytes = bytes;
    pthread_mutex_lock(&lock);
    s->entry.next = __jit_debug_descriptor.first;
    if (s->entry.next)
        s->entry.next->previous = &s->entry;
    __jit_debug_descriptor.first = &s->entry;
    tell(s, JIT_REGISTER);
    pthread_mutex_unlock(&lock);
    return s;
}

void debug_hide(struct shown_code *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&lock);
    if (s->entry.previous)
        s->entry.previous->next = s->entry.next;
    else
        __jit_debug_descriptor.first = s->entry.next;
    if (s->entry.next)
        s->entry.next->previous = s->entry.previous;
    tell(s, JIT_UNREGISTER);
    pthread_mutex_unlock(&lock);
    mem_free(s);
}
