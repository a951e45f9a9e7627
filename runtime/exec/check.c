/* The checks of CAIRN_CUDA_CHECK: see check.h.
 *
 * Time is a counter: each access of a warp, barrier, fence and warp operation takes the next number. Two accesses of
 * threads of one block are ordered when a barrier of the block (or, within a warp, an operation of the warp) lies between
 * them. A block publishes what it did before its last fence with the next atomic or volatile write, and has seen what was
 * published once it makes an atomic or volatile access: that is how "the last block adds up" is correct. */
#include "runtime/exec/check.h"
#include "base/memory.h"
#include "runtime/exec/run.h"
#include "runtime/exec/shadow.h"
#include "runtime/ptx/ptx.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WARPS = GRID_MAX_THREADS / WARP_LANES, FINDINGS = 512 };
static const size_t quarantine_most = (size_t)256 << 20;

/* What is known of a block, beyond its threads' accesses. */
typedef struct block_order {
    uint32_t fence;              /* time of its last fence */
    uint32_t published;          /* the fence that its last atomic or volatile write published */
    bool acquired;               /* it has seen what others published */
} block_order;

/* Shared memory of the block that runs; of each, where blocks run together. */
typedef struct shared_memory {
    shadow memory;
    uint32_t launch, block;      /* whose `memory` it is; 0: nobody's yet */
} shared_memory;

static struct {
    pthread_mutex_t lock;
    unsigned wanted;
    /* Findings */
    uint64_t found[FINDINGS];    /* hashes of (kind, kernel, line): names may go with their module */
    int found_count;
    long total;
    /* Freed memory that is kept */
    size_t quarantine;
    uint32_t frees;
    /* The kernel that runs */
    const grid_launch *launch;
    uint32_t launch_number, time, begin, barrier, warp_sync[WARPS];   /* begin: of the kernel; <= barrier */
    block_order *blocks;
    size_t block_count, shared_count;
    shared_memory *shared;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- What is wanted ------------------------------------------------------------------------------ */
static void report_at_exit(void);

static unsigned word_of(const char *text, size_t length)
{
    static const struct { const char *name; unsigned what; } words[] = {
        {"memory", CHECK_MEMORY}, {"race", CHECK_RACE}, {"init", CHECK_INIT}, {"host", CHECK_HOST}, {"fail", CHECK_FAIL},
        {"all", CHECK_CODE | CHECK_HOST}, {"1", CHECK_CODE | CHECK_HOST}, {"0", 0}, {"off", 0},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].name) == length && memcmp(words[i].name, text, length) == 0)
            return words[i].what;
    fprintf(stderr, "cairn: CAIRN_CUDA_CHECK: '%.*s' is none of memory, race, init, host, fail, all\n", (int)length, text);
    return 0;
}

static void read_environment(void)
{
    const char *text = getenv("CAIRN_CUDA_CHECK");
    while (text && *text) {
        size_t length = strcspn(text, ",");
        if (length)
            state.wanted |= word_of(text, length);
        text += length + (text[length] == ',');
    }
    if (state.wanted)
        atexit(report_at_exit);
}

unsigned checks_wanted(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_environment);
    return state.wanted;
}

/* ---- Findings ------------------------------------------------------------------------------------ */
static uint64_t hash_text(uint64_t h, const char *text)
{
    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * 0x100000001b3u;
    return h;
}

static bool is_new(const char *kind, const char *where, uint32_t line)
{
    uint64_t h = hash_text(hash_text(0xcbf29ce484222325u ^ line, kind) * 31, where);
    state.total++;
    for (int i = 0; i < state.found_count; i++)
        if (state.found[i] == h)
            return false;
    if (state.found_count == FINDINGS)
        return false;
    state.found[state.found_count++] = h;
    return true;
}

void check_report(const char *kind, const char *where, uint32_t line, const char *format, ...)
{
    if (!is_new(kind, where, line))
        return;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(stderr, "cairn: check: %s: %s\n", kind, text);
}

static const char *file_of(const ptx_module *m, const ptx_instruction *in)
{
    const char *file = in->source_line && in->source_file < m->file_count ? m->files[in->source_file] : NULL;
    const char *name = file ? strrchr(file, '/') : NULL;
    name = name ? name + 1 : file;
    return name && strncmp(name, "cairn_", 6) && strncmp(name, "__clang_", 8) ? file : NULL;
}

/* "saxpy.cu:12 (PTX line 45)". What was inlined from a header of the compiler's or Cairn's is at the line before it. */
static const char *place(uint32_t line, char *out, size_t size)
{
    const ptx_function *f = state.launch->f;
    int at = f ? f->code_count - 1 : -1;
    while (at >= 0 && (uint32_t)f->code[at].line != line)
        at--;
    while (at >= 0 && !file_of(state.launch->m, &f->code[at]))
        at--;
    if (at < 0)
        snprintf(out, size, "PTX line %u", line);
    else
        snprintf(out, size, "%s:%d (PTX line %u)", file_of(state.launch->m, &f->code[at]), f->code[at].source_line, line);
    return out;
}

/* "block (1,0,0), thread (33,0,0)" */
static const char *thread_name(uint32_t block, uint32_t thread, char *out, size_t size)
{
    const uint32_t *g = state.launch->grid, *b = state.launch->block;
    snprintf(out, size, "block (%u,%u,%u), thread (%u,%u,%u)", block % g[0], block / g[0] % g[1], block / g[0] / g[1],
             thread % b[0], thread / b[0] % b[1], thread / b[0] / b[1]);
    return out;
}

static const char *describe(const shadow *s, uintptr_t address, char *out, size_t size)
{
    static const char *const kinds[] = {"cudaMalloc", "cudaMallocHost", "cudaMallocManaged", "", "malloc in a kernel"};
    char what[160];
    if (!s) {
        snprintf(out, size, "which is in no memory of the device (a pointer of the host?)");
        return out;
    }
    if (s->name)
        snprintf(what, sizeof what, "the %zu bytes of the variable '%s'", s->bytes, s->name);
    else
        snprintf(what, sizeof what, "%zu bytes of %s at %#llx", s->bytes, kinds[s->kind], (unsigned long long)s->base);
    if (address >= s->base + s->bytes)
        snprintf(out, size, "%llu bytes behind the end of %s%s", (unsigned long long)(address - s->base - s->bytes), what,
                 s->freed ? " (freed)" : "");
    else
        snprintf(out, size, "at offset %llu of %s%s", (unsigned long long)(address - s->base), what, s->freed ? ", which were freed" : "");
    return out;
}

/* ---- Memory of the API --------------------------------------------------------------------------- */
void check_allocated(const void *base, size_t bytes, check_kind kind, const char *name)
{
    pthread_mutex_lock(&state.lock);
    shadow_add((uintptr_t)base, bytes, kind, name, state.wanted);
    pthread_mutex_unlock(&state.lock);
}

static void take_oldest(void **base, size_t *bytes)
{
    shadow *oldest = shadow_oldest_freed();
    *base = (void *)oldest->base;
    *bytes = oldest->bytes;
    state.quarantine -= oldest->bytes;
    shadow_remove(oldest);
}

void check_freed(const void *address, void **base, size_t *bytes)
{
    *base = NULL;
    pthread_mutex_lock(&state.lock);
    shadow *s = shadow_find((uintptr_t)address);
    if (s && s->base == (uintptr_t)address && !s->freed) {
        s->freed = ++state.frees;
        state.quarantine += s->bytes;
    }
    if (state.quarantine > quarantine_most)
        take_oldest(base, bytes);
    pthread_mutex_unlock(&state.lock);
}

void check_forgotten(const void *base)
{
    pthread_mutex_lock(&state.lock);
    shadow *s = shadow_find((uintptr_t)base);
    if (s && s->base == (uintptr_t)base)
        shadow_remove(s);
    pthread_mutex_unlock(&state.lock);
}

void check_bad_free(const void *address)
{
    char what[256];
    pthread_mutex_lock(&state.lock);
    shadow *s = shadow_find((uintptr_t)address);
    bool inside = s && (uintptr_t)address < s->base + s->bytes;
    check_report("invalid free", "host", (uint32_t)(uintptr_t)address, "%p is freed, %s", address,
                 describe(inside ? s : NULL, (uintptr_t)address, what, sizeof what));
    pthread_mutex_unlock(&state.lock);
}

void check_written(const void *to, const void *from, size_t bytes)
{
    pthread_mutex_lock(&state.lock);
    shadow *target = shadow_find((uintptr_t)to), *source = from ? shadow_find((uintptr_t)from) : NULL;
    if (shadow_holds(target, (uintptr_t)to, bytes)) {
        if (shadow_holds(source, (uintptr_t)from, bytes) && source->written)
            shadow_copy_marks(target, (uintptr_t)to, source, (uintptr_t)from, bytes);
        else
            shadow_mark(target, (uintptr_t)to, bytes, true);
    }
    pthread_mutex_unlock(&state.lock);
}

static void report_leak(shadow *s, void *context)
{
    long *count = context;
    if (!s->freed && s->kind != CHECK_VARIABLE && ++*count <= 8) {
        char what[256];
        check_report("leak", "exit", (uint32_t)*count, "%s", describe(s, s->base, what, sizeof what) + sizeof "at offset 0 of " - 1);
    }
}

static void report_at_exit(void)
{
    long leaks = 0;
    pthread_mutex_lock(&state.lock);
    if (state.wanted & CHECK_MEMORY)
        shadow_each(report_leak, &leaks);
    long total = state.total + (leaks > 8 ? leaks - 8 : 0);
    pthread_mutex_unlock(&state.lock);
    fprintf(stderr, total ? "cairn: check: %ld findings\n" : "cairn: check: nothing found\n", total);
    if (total && (state.wanted & CHECK_FAIL)) {
        fflush(NULL);
        _exit(86);
    }
}

/* ---- The kernel that runs ------------------------------------------------------------------------ */
static bool prepare_shared(size_t count)
{
    if (count == state.shared_count)
        return true;
    for (size_t i = 0; i < state.shared_count; i++)
        shadow_close(&state.shared[i].memory);
    mem_free(state.shared);
    state.shared = mem_array(count, sizeof *state.shared);
    state.shared_count = state.shared ? count : 0;
    return state.shared != NULL;
}

static bool prepare_blocks(const grid_launch *l)
{
    size_t count = (size_t)l->grid[0] * l->grid[1] * l->grid[2];
    shadow_unmap(state.blocks, state.block_count * sizeof *state.blocks);
    state.block_count = count;
    state.blocks = shadow_map(count * sizeof *state.blocks);
    return state.blocks && prepare_shared(l->cooperative ? count : 1);
}

static void forget(shadow *s, void *context)
{
    (void)context;
    shadow_forget(s);
}

/* Half of the time has passed: it begins anew. */
static void restart_time(void)
{
    shadow_each(forget, NULL);
    for (size_t i = 0; i < state.shared_count; i++)
        shadow_forget(&state.shared[i].memory);
    memset(state.warp_sync, 0, sizeof state.warp_sync);
    state.time = 0;
}

void check_launch_begins(const grid_launch *launch)
{
    pthread_mutex_lock(&state.lock);
    if (state.time >> 31)
        restart_time();
    state.launch = launch;
    state.launch_number++;
    state.begin = state.barrier = ++state.time;
    if (!prepare_blocks(launch)) {
        fprintf(stderr, "cairn: check: no memory to check kernel %s\n", launch->name);
        state.launch = NULL;
    }
    pthread_mutex_unlock(&state.lock);
}

static uint32_t block_number(const warp *w) { return w->ctaid[0] + w->nctaid[0] * (w->ctaid[1] + w->nctaid[1] * w->ctaid[2]); }

void check_barrier_passed(void) { state.barrier = ++state.time; }

void rt_check_fence(warp *w)
{
    if (state.launch)
        state.blocks[block_number(w)].fence = ++state.time;
}

void rt_check_warp_sync(warp *w, uint32_t mask)
{
    (void)mask;
    state.warp_sync[w->index] = ++state.time;
}

/* A wait at an mbarrier, which may end: taken as a barrier of all. */
void rt_check_block_sync(warp *w)
{
    (void)w;
    check_barrier_passed();
}

void rt_check_barrier(warp *w, uint32_t mask, uint32_t live, uint32_t line)
{
    if (!state.launch || !(state.wanted & CHECK_RACE) || (live & ~mask) == 0)
        return;
    char who[96], at[256];
    pthread_mutex_lock(&state.lock);
    check_report("divergent barrier", state.launch->name, line, "kernel %s, %s: lanes %#x of the warp are elsewhere, at %s", state.launch->name,
                 thread_name(block_number(w), w->index * WARP_LANES + (uint32_t)__builtin_ctz(mask ? mask : 1), who, sizeof who), live & ~mask,
                 place(line, at, sizeof at));
    pthread_mutex_unlock(&state.lock);
}

/* ---- Accesses ------------------------------------------------------------------------------------ */
/* One lane's access, with all that a report says. */
typedef struct lane_access {
    uintptr_t address;
    uint32_t bytes, what, line, thread, block;
    const warp *w;
    shadow *memory;              /* NULL: none that is known */
    bool shared, written;        /* it is shared memory; all of it is known to be written */
} lane_access;

static bool writes(const lane_access *a) { return a->what & (ACCESS_WRITE | ACCESS_ATOMIC); }
static bool reads(const lane_access *a) { return a->what & (ACCESS_READ | ACCESS_ATOMIC); }
static bool is_atomic(const lane_access *a) { return a->what & (ACCESS_ATOMIC | ACCESS_VOLATILE); }
static const char *verb(const lane_access *a) { return a->what & ACCESS_ATOMIC ? "updates" : writes(a) ? "writes" : "reads"; }

static bool is_between(uintptr_t address, const void *base, uint64_t bytes) { return address - (uintptr_t)base < bytes; }

static const char *memory_name(const lane_access *a, char *out, size_t size)
{
    uintptr_t offset = a->address - (uintptr_t)a->w->shared;
    if (!a->shared && (a->memory || !is_between(a->address, a->w->shared, GRID_MAX_SHARED)))
        return describe(a->memory, a->address, out, size);
    snprintf(out, size, "offset %llu of %u bytes of shared memory", (unsigned long long)offset, a->w->total_shared);
    return out;
}

static void report_access(const char *kind, const lane_access *a, const char *more)
{
    char who[96], at[256], memory[256];
    check_report(kind, state.launch->name, a->line, "kernel %s, %s %s %u bytes at %#llx, %s%s\n    at %s", state.launch->name,
                 thread_name(a->block, a->thread, who, sizeof who), verb(a), a->bytes, (unsigned long long)a->address,
                 memory_name(a, memory, sizeof memory), more, place(a->line, at, sizeof at));
}

static void report_race(const lane_access *a, const shadow_access *before, bool wrote)
{
    char who[96], at[256], more[400];
    snprintf(more, sizeof more, "; %s %s them at %s, and nothing orders the two", thread_name(before->block, before->thread, who, sizeof who),
             wrote ? "wrote" : "read", place(before->line, at, sizeof at));
    report_access("race", a, more);
}

static bool is_ordered(const lane_access *a, const shadow_access *before)
{
    if (before->time <= state.begin || before->time == state.time)
        return true;             /* another kernel's, or another lane's in the same instruction */
    if (before->block != a->block && a->shared)
        return true;             /* each block has shared memory of its own */
    if (before->block != a->block)
        return state.blocks[a->block].acquired && state.blocks[before->block].published >= before->time;
    if (before->thread == a->thread || before->time <= state.barrier)
        return true;
    return before->thread / WARP_LANES == a->thread / WARP_LANES && before->time <= state.warp_sync[a->thread / WARP_LANES];
}

static inline bool races(const lane_access *a, const shadow_access *before, uint8_t bytes)
{
    if (before->time <= (before->block == a->block ? state.barrier : state.begin))
        return false;            /* nearly always */
    return (before->bytes & bytes) && !(before->atomic && is_atomic(a)) && !is_ordered(a, before);
}

/* The access to one word: compared with the last ones, then remembered. */
static inline void check_word(const lane_access *a, shadow_word *word, uint8_t bytes)
{
    shadow_access now = {state.time, a->block, a->line, (uint16_t)a->thread, bytes, is_atomic(a)};
    if (races(a, &word->write, bytes))
        report_race(a, &word->write, true);
    if (!writes(a)) {
        if (word->read[0].thread != now.thread || word->read[0].block != now.block)
            word->read[1] = word->read[0];
        word->read[0] = now;
        return;
    }
    for (int i = 0; i < 2; i++)
        if (races(a, &word->read[i], bytes))
            report_race(a, &word->read[i], false);
    word->write = now;
}

/* Which of the four bytes of the word at `word` lie in from .. to. */
static uint8_t bytes_in_word(uintptr_t word, uintptr_t from, uintptr_t to)
{
    uintptr_t first = from > word ? from - word : 0, last = to < word + 4 ? to - word : 4;
    return (uint8_t)((1u << last) - (1u << first));
}

static void check_races(const lane_access *a)
{
    uintptr_t from = a->address - a->memory->base, to = from + a->bytes;
    for (uintptr_t word = from / 4 * 4; word < to; word += 4)
        check_word(a, &a->memory->words[word / 4], bytes_in_word(word, from, to));
}

/* Ends the kernel after a finding: what the access would do is not known. */
static _Noreturn void stop(warp *w)
{
    pthread_mutex_unlock(&state.lock);
    run_fail(w, GRID_ADDRESS, "stopped by CAIRN_CUDA_CHECK");
}

/* An access whose bytes all lie in a->memory. */
static void check_inside(const lane_access *a)
{
    shadow *s = a->memory;
    if (s->written && !a->written) {
        if (reads(a) && !shadow_is_written(s, a->address, a->bytes))
            report_access("uninitialised", a, "");
        shadow_mark(s, a->address, a->bytes, true);     /* told once is enough */
    }
    if (s->words)
        check_races(a);
    if ((state.wanted & CHECK_HOST) && (s->kind == CHECK_MANAGED || s->kind == CHECK_PINNED))
        check_host_conflict((void *)a->address, writes(a), state.launch->name);
}

/* What is known of the shared memory of the block that `w` is of; what another block wrote is forgotten. NULL: no memory for it. */
static shadow *shared_of(const warp *w, uint32_t block)
{
    shared_memory *s = &state.shared[state.shared_count > 1 ? block : 0];
    if (!s->launch && !shadow_open(&s->memory, GRID_MAX_SHARED, state.wanted))
        return NULL;
    if (s->launch != state.launch_number || s->block != block) {
        s->memory.base = (uintptr_t)w->shared;
        shadow_mark(&s->memory, s->memory.base, w->total_shared, false);
        s->launch = state.launch_number;
        s->block = block;
    }
    return &s->memory;
}

static void check_shared(warp *w, lane_access *a)
{
    uintptr_t at = a->address - (uintptr_t)w->shared;
    a->shared = true;
    if (at >= w->total_shared || at + a->bytes > w->total_shared) {
        if (!(state.wanted & CHECK_MEMORY))
            return;
        report_access("out of bounds", a, "");
        stop(w);
    }
    a->memory = shared_of(w, a->block);
    if (a->memory)
        check_inside(a);
}

/* Memory that is not there, or no more. Far from any allocation none is named. */
static void check_outside(warp *w, lane_access *a, shadow *s)
{
    enum { NEAR = 1 << 20 };
    if (!(state.wanted & CHECK_MEMORY))
        return;
    a->memory = s && a->address - s->base < s->bytes + NEAR ? s : NULL;
    bool freed = a->memory && s->freed && a->address - s->base < s->bytes;
    report_access(freed ? "use after free" : "out of bounds", a, "");
    stop(w);
}

static void check_global(warp *w, lane_access *a)
{
    shadow *s = shadow_find(a->address);
    if (!shadow_holds(s, a->address, a->bytes) || s->freed) {
        check_outside(w, a, s);
        return;
    }
    a->memory = s;
    check_inside(a);
}

static void check_lane(warp *w, lane_access *a)
{
    ptx_space space = (ptx_space)(a->what >> 8 & 15);
    const grid_launch *l = state.launch;
    if ((state.wanted & CHECK_MEMORY) && a->address % a->bytes) {
        report_access("misaligned", a, "");
        stop(w);
    }
    if (space == SPACE_GENERIC && is_between(a->address, w->shared, w->total_shared))
        space = SPACE_SHARED;
    if (space == SPACE_GENERIC && is_between(a->address, w->local, WARP_LANES * (uint64_t)l->local_bytes))
        space = SPACE_LOCAL;
    if (space == SPACE_GENERIC && l->f && is_between(a->address, w->params, (uint64_t)l->f->param_bytes))
        space = SPACE_PARAM;
    if (space == SPACE_SHARED)
        check_shared(w, a);
    else if (space != SPACE_LOCAL && space != SPACE_PARAM)
        check_global(w, a);
}

static void order_blocks(uint32_t block, uint32_t what)
{
    if (what & ACCESS_FENCE)
        state.blocks[block].fence = state.time;
    if (!(what & (ACCESS_ATOMIC | ACCESS_VOLATILE)))
        return;
    if (what & (ACCESS_ATOMIC | ACCESS_WRITE))
        state.blocks[block].published = state.blocks[block].fence;
    state.blocks[block].acquired = true;
}

/* ---- Accesses of a warp -------------------------------------------------------------------------- */
/* What the lanes' accesses are together. */
typedef struct warp_span {
    uintptr_t from, to;          /* they lie in these bytes */
    bool aligned, dense;         /* each follows that of the lane before */
} warp_span;

static warp_span span_of(uint32_t mask, const uint64_t *addresses, uint32_t bytes)
{
    uint64_t first = addresses[__builtin_ctz(mask)], next = first, bits = 0;
    warp_span s = {first, first, true, true};
    for (; mask; mask &= mask - 1) {
        uint64_t at = addresses[__builtin_ctz(mask)];
        s.from = at < s.from ? at : s.from;
        s.to = at > s.to ? at : s.to;
        s.dense &= at == next;
        next = at + bytes;
        bits |= at;
    }
    s.to += bytes;
    s.aligned = bits % bytes == 0;       /* `bytes` is a power of 2 */
    return s;
}

/* The same of addresses whose order the code knows. */
static warp_span known_span(uint32_t mask, const uint64_t *addresses, const lane_access *a)
{
    uint64_t first = addresses[__builtin_ctz(mask)], last = addresses[31 - __builtin_clz(mask)];
    uint32_t row = mask >> __builtin_ctz(mask);
    return (warp_span){first, last + a->bytes, first % a->bytes == 0, a->what & ACCESS_SAME || !(row & (row + 1))};
}

/* Of lanes in a row that read the same bytes, the first is told of and the last two are remembered: others add nothing. */
static uint32_t that_matter(uint32_t mask, const uint64_t *addresses, const lane_access *a)
{
    uint32_t same = 0;           /* lanes that read what the next lane reads */
    if (writes(a) || a->what & ACCESS_DENSE)
        return mask;
    if (a->what & ACCESS_SAME) {
        uint32_t last = 0x80000000u >> __builtin_clz(mask), others = mask & ~last;
        return (mask & -mask) | last | (others ? 0x80000000u >> __builtin_clz(others) : 0);
    }
    for (int i = 0; i < WARP_LANES - 1; i++)
        same |= (uint32_t)(addresses[i] == addresses[i + 1]) << i;
    same &= mask & mask >> 1;
    return mask & ~(same << 1 & same & same >> 1);
}

/* Finds the one memory that all of a span lies in, and whether what is read there is written. */
static bool lies_in_one(const warp *w, const warp_span *s, lane_access *a)
{
    ptx_space space = (ptx_space)(a->what >> 8 & 15);
    size_t bytes = s->to - s->from;
    if (!s->aligned || (space != SPACE_SHARED && space != SPACE_GLOBAL && space != SPACE_GENERIC))
        return false;
    a->shared = space != SPACE_GLOBAL && s->from >= (uintptr_t)w->shared && s->to <= (uintptr_t)w->shared + w->total_shared && s->to > s->from;
    a->memory = a->shared ? shared_of(w, a->block) : space == SPACE_SHARED ? NULL : shadow_find(s->from);
    if (!a->memory || (!a->shared && (!shadow_holds(a->memory, s->from, bytes) || a->memory->freed)))
        return false;
    enum { NEAR = 4096 };
    if (a->memory->written && reads(a) && bytes <= NEAR)
        a->written = shadow_is_written(a->memory, s->from, bytes);
    if (a->memory->written && !reads(a) && s->dense) {
        shadow_mark(a->memory, s->from, bytes, true);
        a->written = true;
    }
    return true;
}

static void check_lanes(warp *w, uint32_t mask, const uint64_t *addresses, const lane_access *warps)
{
    bool known = warps->what & (ACCESS_SAME | ACCESS_DENSE);
    warp_span span = known ? known_span(mask, addresses, warps) : span_of(mask, addresses, warps->bytes);
    lane_access all = *warps;
    bool one = lies_in_one(w, &span, &all);
    if (one && !(all.memory->written && !all.written) && !all.memory->words && !(state.wanted & CHECK_HOST))
        return;
    for (mask = that_matter(mask, addresses, &all); mask; mask &= mask - 1) {
        uint32_t lane = (uint32_t)__builtin_ctz(mask);
        if (!one)
            all = *warps;
        all.address = addresses[lane];
        all.thread = w->index * WARP_LANES + lane;
        if (one)
            check_inside(&all);
        else
            check_lane(w, &all);
    }
}

void rt_check_access(warp *w, uint32_t mask, const uint64_t *addresses, uint32_t what, uint32_t line)
{
    if (!state.launch || !mask)
        return;
    pthread_mutex_lock(&state.lock);
    state.time++;
    lane_access a = {.bytes = what & 255, .what = what, .line = line, .block = block_number(w), .w = w};
    order_blocks(a.block, what);
    check_lanes(w, mask, addresses, &a);
    pthread_mutex_unlock(&state.lock);
}

void check_host_copies(const void *to, const void *from, size_t bytes)
{
    (void)bytes;
    pthread_mutex_lock(&state.lock);
    check_host_conflict(to, true, "a copy");
    if (from)
        check_host_conflict(from, false, "a copy");
    pthread_mutex_unlock(&state.lock);
}
