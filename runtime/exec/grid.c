/* A worker runs a range of blocks. A block without barriers is a loop over its warps; one with barriers
 * gives each warp a fiber, and a barrier is a switch to the next warp that can run. The last warp to
 * arrive goes on at once. Nothing here waits for another thread. */
#define _GNU_SOURCE
#include "runtime/exec/grid.h"
#include "base/memory.h"
#include "base/pool.h"
#include "runtime/exec/check.h"
#include "runtime/exec/fiber.h"
#include "runtime/exec/helpers.h"
#include "runtime/exec/profile.h"
#include "runtime/exec/run.h"
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

enum {
    MAX_WARPS = GRID_MAX_THREADS / WARP_LANES,
    BARRIERS = 16,
    STACK_BYTES = 1 << 20,
    STACK_STAGGER = 17 * 64,
    SHARED_BYTES = 256 << 10,
    SIGNAL_STACK_BYTES = 64 << 10
};

/* Who has arrived since it was last complete. counted: threads with the predicate of bar.red in the low
 * word, those without in the high one; result: what was counted the last time. */
typedef struct barrier {
    int arrived, expected;       /* warps; expected 0: all of the block */
    uint32_t waiting;            /* a bit for each warp */
    uint64_t counted, result;
} barrier;

/* What a thread needs to run blocks; made once for each thread. */
struct block_run {
    const grid_launch *launch;
    warp warps[MAX_WARPS];
    void *places[MAX_WARPS];     /* where the warps that do not run were left */
    uint32_t ready;              /* a bit for each warp that can run */
    int count, live, current;
    barrier barriers[BARRIERS];
    uint32_t used;               /* a bit for each barrier that the block has used */
    void *main;                  /* where the block's loop waits for its fibers */
    block_run *owner, *ring;     /* the thread's own; the next of the blocks that take turns on the thread: itself, mostly */
    block_run *together;         /* the blocks of a cooperative launch */
    int counted_spinning;
    uint64_t vain, vain_since;   /* turns of spins since anything else happened, and since when, in ns */
    struct grid_context *grid;
    uint8_t *shared;             /* below 4 GiB, so that 32-bit registers can hold its addresses */
    uint8_t *stacks, *signal_stack, *local;
    int64_t local_capacity;
    sigjmp_buf escape;
    uint64_t counters[COUNTERS];
    bool inside;                 /* machine code runs: a signal is the kernel's */
    grid_fault fault;
    const warp *failed;
    char message[256];
};

typedef struct grid_context {
    const grid_launch *launch;
    int64_t blocks, threads;
    _Atomic int64_t next;              /* the first block that no thread has taken */
    uint32_t (*tids)[3][WARP_LANES];   /* for each warp of a block; NULL when flat */
    _Atomic int fault;
    _Atomic int running, spinning; /* threads in the grid; those that have done nothing but spin for a while */
    _Atomic uint64_t counters[COUNTERS];
} grid_context;

static _Thread_local block_run *own_run;

/* ---- Resources of a thread ----------------------------------------------------------------------- */
static void *map_memory(size_t bytes, int flags)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void unmap_memory(void *p, size_t bytes)
{
    if (p)
        munmap(p, bytes);
}

static pthread_key_t run_key;
static pthread_once_t run_once = PTHREAD_ONCE_INIT;

static void run_unmap(block_run *r)
{
    unmap_memory(r->shared, SHARED_BYTES);
    unmap_memory(r->stacks, (size_t)MAX_WARPS * STACK_BYTES);
    if (r->local)
        buffer_free(r->local, r->local_capacity);
}

static void run_free(void *object)
{
    block_run *r = object;
    stack_t off = {.ss_flags = SS_DISABLE};
    sigaltstack(&off, NULL);
    unmap_memory(r->signal_stack, SIGNAL_STACK_BYTES);
    run_unmap(r);
    mem_free(r);
    own_run = NULL;
}

#ifndef MAP_32BIT
#define MAP_32BIT 0
#endif

static bool run_map(block_run *r)
{
    r->shared = map_memory(SHARED_BYTES, MAP_32BIT);
    r->stacks = map_memory((size_t)MAX_WARPS * STACK_BYTES, MAP_NORESERVE);
    if (!r->shared || !r->stacks)
        return false;
    /* The lowest page of every stack is a guard. */
    for (int i = 0; i < MAX_WARPS; i++)
        mprotect(r->stacks + (size_t)i * STACK_BYTES, 4096, PROT_NONE);
    return true;
}

static bool map_signal_stack(block_run *r)
{
    r->signal_stack = map_memory(SIGNAL_STACK_BYTES, 0);
    if (!r->signal_stack)
        return false;
    stack_t stack = {.ss_sp = r->signal_stack, .ss_size = SIGNAL_STACK_BYTES};
    return sigaltstack(&stack, NULL) == 0;
}

static void on_signal(int number, siginfo_t *info, void *context);
static struct sigaction before_segv, before_bus, before_fpe;

void grid_install_handlers(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER}, now;
    if (sigaction(SIGSEGV, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_signal)
        return;
    pthread_mutex_lock(&lock);
    sigaction(SIGSEGV, &action, &now);
    if (now.sa_sigaction != on_signal) {
        before_segv = now;
        sigaction(SIGBUS, &action, &before_bus);
        sigaction(SIGFPE, &action, &before_fpe);
    }
    pthread_mutex_unlock(&lock);
}

static void make_key(void) { pthread_key_create(&run_key, run_free); }

static block_run *run_of_thread(void)
{
    if (own_run)
        return own_run;
    pthread_once(&run_once, make_key);
    block_run *r = mem_new(sizeof *r);
    if (!r)
        return NULL;
    if (!run_map(r) || !map_signal_stack(r)) {
        run_free(r);
        return NULL;
    }
    /* The pool's threads block all signals; those that a kernel's own instructions raise must arrive. */
    sigset_t faults;
    sigemptyset(&faults);
    sigaddset(&faults, SIGSEGV);
    sigaddset(&faults, SIGBUS);
    sigaddset(&faults, SIGFPE);
    pthread_sigmask(SIG_UNBLOCK, &faults, NULL);
    pthread_setspecific(run_key, r);
    r->owner = r->ring = r;
    return own_run = r;
}

/* ---- Faults -------------------------------------------------------------------------------------- */
static _Noreturn void escape(block_run *r)
{
    r->inside = false;
    siglongjmp(r->escape, 1);
}

void run_fail(warp *w, grid_fault fault, const char *format, ...)
{
    block_run *r = w->block->owner;
    va_list args;
    va_start(args, format);
    vsnprintf(r->message, sizeof r->message, format, args);
    va_end(args);
    r->fault = fault;
    r->failed = w;
    escape(r);
}

static const struct sigaction *previous_handler(int number)
{
    return number == SIGSEGV ? &before_segv : number == SIGBUS ? &before_bus : &before_fpe;
}

static bool is_write(const void *context)
{
#ifdef __x86_64__
    return ((const ucontext_t *)context)->uc_mcontext.gregs[REG_ERR] & 2;
#else
    (void)context;
    return true;
#endif
}

/* Faults of kernels end the kernel; all others go where they went before. */
static void on_signal(int number, siginfo_t *info, void *context)
{
    block_run *r = own_run;
    const struct sigaction *before = previous_handler(number);
    if (!(r && r->inside) && number == SIGSEGV && check_host_fault(info->si_addr, is_write(context)))
        return;
    if (r && r->inside) {
        r->fault = GRID_ADDRESS;
        snprintf(r->message, sizeof r->message, "illegal access to address %p", info->si_addr);
        escape(r);
    }
    if (before->sa_flags & SA_SIGINFO) {
        before->sa_sigaction(number, info, context);
    } else if (before->sa_handler != SIG_IGN && before->sa_handler != SIG_DFL) {
        before->sa_handler(number);
    } else {
        signal(number, SIG_DFL);
        raise(number);
    }
}

/* ---- Fibers -------------------------------------------------------------------------------------- */
/* The next warp in turn that can run, or -1. */
static int next_ready(const block_run *r)
{
    uint32_t later = r->ready & ~((2u << r->current) - 1), any = later ? later : r->ready;
    return any ? __builtin_ctz(any) : -1;
}

static void switch_to(block_run *r, int next)
{
    int from = r->current;
    r->current = next;
    fiber_switch(&r->places[from], r->places[next]);
}

/* Goes on with the first ready warp of the blocks behind this one in the ring; returns when this warp's turn comes again, or at
 * once when there is none. */
static bool switch_block(block_run *r)
{
    for (block_run *s = r->ring; s != r; s = s->ring)
        if (s->ready) {
            s->current = __builtin_ctz(s->ready);
            fiber_switch(&r->places[r->current], s->places[s->current]);
            return true;
        }
    return false;
}

static void hang(block_run *r)
{
    uint32_t waiting = 0;
    for (int b = 0; b < BARRIERS; b++)
        waiting |= r->barriers[b].waiting;
    run_fail(&r->warps[r->current], GRID_HANG, "%d of %d warps wait at a barrier that the others never reach",
             __builtin_popcount(waiting), r->count);
}

/* ---- Barriers ------------------------------------------------------------------------------------ */
/* What was counted is kept until all have read it: nobody arrives again before. */
static void release_barrier(block_run *r, barrier *b)
{
    r->ready |= b->waiting;
    *b = (barrier){.result = b->counted};
    if (checks_wanted())
        check_barrier_passed();
}

/* Warps that have ended do not hold up the others. */
static bool is_complete(const block_run *r, const barrier *b)
{
    int expected = b->expected && b->expected < r->live ? b->expected : r->live;
    return b->arrived && b->arrived >= expected;
}

static barrier *arrive(block_run *r, uint32_t number, uint32_t threads)
{
    barrier *b = &r->barriers[number % BARRIERS];
    r->owner->vain = 0;
    r->used |= 1u << number % BARRIERS;
    b->arrived++;
    b->expected = (int)(threads / WARP_LANES);
    return b;
}

static void wait_at(block_run *r, barrier *b)
{
    if (is_complete(r, b)) {
        release_barrier(r, b);
        return;
    }
    r->ready &= ~(1u << r->current);
    b->waiting |= 1u << r->current;
    int next = next_ready(r);
    if (next >= 0)
        switch_to(r, next);
    else if (!switch_block(r))
        hang(r);
}

void rt_barrier(warp *w, uint32_t number, uint32_t threads) { wait_at(w->block, arrive(w->block, number, threads)); }

void rt_barrier_arrive(warp *w, uint32_t number, uint32_t threads)
{
    barrier *b = arrive(w->block, number, threads);
    if (is_complete(w->block, b))
        release_barrier(w->block, b);
}

uint64_t rt_barrier_count(warp *w, uint32_t number, uint32_t threads, uint32_t with, uint32_t without)
{
    barrier *b = arrive(w->block, number, threads);
    b->counted += with + ((uint64_t)without << 32);
    wait_at(w->block, b);
    return b->result;
}

void rt_yield(warp *w)
{
    block_run *r = w->block;
    int next = r->launch->barriers ? next_ready(r) : -1;
    if (next >= 0 && next != r->current)
        switch_to(r, next);
}

/* ---- Spins --------------------------------------------------------------------------------------- */
static uint64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* CAIRN_CUDA_PATIENCE: seconds, 10 by default. */
static uint64_t patience(void)
{
    const char *seconds = getenv("CAIRN_CUDA_PATIENCE");
    return (uint64_t)(seconds && atof(seconds) > 0 ? atof(seconds) * 1e9 : 1e10);
}

/* A spin never ends when all threads that run the grid have done nothing else for some seconds: nobody is left who could
 * change what they wait for. */
static void look_for_end(warp *w, block_run *owner, uint32_t line)
{
    enum { LOOK = 1 << 12 };
    if (owner->vain == 1) {
        owner->vain_since = nanoseconds();
        atomic_fetch_sub(&owner->grid->spinning, owner->counted_spinning);
        owner->counted_spinning = 0;
    }
    if (owner->vain % LOOK || nanoseconds() - owner->vain_since < patience())
        return;
    if (!owner->counted_spinning)
        atomic_fetch_add(&owner->grid->spinning, owner->counted_spinning = 1);
    if (atomic_load(&owner->grid->spinning) >= atomic_load(&owner->grid->running))
        run_fail(w, GRID_HANG, "the loop at PTX line %u waits for what nobody will do", line);
}

/* In turn: the warps behind this one, the other blocks of a cooperative launch, the block's first warps again. */
void rt_spin(warp *w, uint32_t line)
{
    block_run *r = w->block, *owner = r->owner;
    owner->vain++;
    look_for_end(w, owner, line);
    if (!r->launch->barriers) {
        sched_yield();
        return;
    }
    int next = next_ready(r);
    if (next > r->current)
        switch_to(r, next);
    else if (!switch_block(r) && next != r->current)
        switch_to(r, next);
    else
        sched_yield();
}

static void fiber_main(void *argument)
{
    warp *w = argument;
    block_run *r = w->block;
    r->launch->code(w);
    r->owner->vain = 0;
    r->ready &= ~(1u << r->current);
    r->live--;
    for (uint32_t used = r->live ? r->used : 0; used; used &= used - 1)
        if (is_complete(r, &r->barriers[__builtin_ctz(used)]))
            release_barrier(r, &r->barriers[__builtin_ctz(used)]);
    int next = next_ready(r);
    if (next >= 0)
        switch_to(r, next);
    switch_block(r);
    if (r->live)
        hang(r);
    for (block_run *s = r->ring; s != r; s = s->ring)
        if (s->live)
            hang(s);
    fiber_switch(&r->places[r->current], r->owner->main);
    __builtin_unreachable();
}

static void prepare_fibers(block_run *r)
{
    for (int i = 0; i < r->count; i++) {
        /* Staggered, so that the warps' frames do not all fall into the same sets of the cache. */
        size_t bytes = STACK_BYTES - (size_t)i * STACK_STAGGER;
        r->places[i] = fiber_prepare(r->stacks + (size_t)i * STACK_BYTES, bytes, fiber_main, &r->warps[i]);
    }
    r->ready = r->count == 32 ? ~0u : (1u << r->count) - 1;
    r->current = 0;
}

static void run_block(block_run *r)
{
    r->live = r->count;
    for (; r->used; r->used &= r->used - 1)
        r->barriers[__builtin_ctz(r->used)] = (barrier){0};
    if (checks_wanted())
        check_barrier_passed();
    if (r->launch->barriers && r->count > 1) {
        prepare_fibers(r);
        fiber_switch(&r->main, r->places[0]);
        return;
    }
    for (int i = 0; i < r->count; i++) {
        r->current = i;
        r->launch->code(&r->warps[i]);
    }
}

/* ---- Blocks -------------------------------------------------------------------------------------- */
static uint32_t threads_of(const grid_launch *l) { return l->block[0] * l->block[1] * l->block[2]; }

static bool reserve_local(block_run *r, int64_t bytes)
{
    if (bytes <= r->local_capacity)
        return true;
    if (r->local)
        buffer_free(r->local, r->local_capacity);
    r->local = buffer_alloc(bytes);
    r->local_capacity = r->local ? bytes : 0;
    return r->local != NULL;
}

static void prepare_warp(block_run *r, const grid_context *c, int index, int worker)
{
    const grid_launch *l = c->launch;
    uint32_t first = (uint32_t)index * WARP_LANES, left = threads_of(l) - first;
    warp *w = &r->warps[index];
    *w = (warp){.params = l->params, .symbols = l->symbols, .shared = r->shared,
                .local = r->local + index * WARP_LANES * l->local_bytes,
                .tid = c->tids ? (const uint32_t(*)[WARP_LANES])c->tids[index] : NULL,
                .mask = left >= WARP_LANES ? ~0u : (1u << left) - 1,
                .index = (uint32_t)index, .count = (uint32_t)r->count,
                .dynamic_shared = l->dynamic_shared, .total_shared = l->static_shared + l->dynamic_shared,
                .processor = (uint32_t)worker, .processors = (uint32_t)cairn_threads(), .grid = l->number, .block = r, .counters = r->counters};
    w->tid_base[0] = first % l->block[0];
    w->tid_base[1] = first / l->block[0] % l->block[1];
    w->tid_base[2] = first / l->block[0] / l->block[1];
    for (int i = 0; i < 3; i++) {
        w->ntid[i] = l->block[i];
        w->nctaid[i] = l->grid[i];
    }
}

static bool prepare_run(block_run *r, const grid_context *c, int worker)
{
    const grid_launch *l = c->launch;
    r->launch = l;
    r->count = (int)((threads_of(l) + WARP_LANES - 1) / WARP_LANES);
    if (!reserve_local(r, r->count * WARP_LANES * l->local_bytes))
        return false;
    for (int i = 0; i < r->count; i++)
        prepare_warp(r, c, i, worker);
    return true;
}

static void number_block(block_run *r, const uint32_t *grid, int64_t b)
{
    uint32_t x = (uint32_t)(b % grid[0]), y = (uint32_t)(b / grid[0] % grid[1]), z = (uint32_t)(b / grid[0] / grid[1]);
    for (int i = 0; i < r->count; i++) {
        r->warps[i].ctaid[0] = x;
        r->warps[i].ctaid[1] = y;
        r->warps[i].ctaid[2] = z;
    }
}

static void run_warps(block_run *r, int from, int to, uint32_t block_x)
{
    for (int i = from; i < to && i < r->count; i++) {
        r->current = i;
        r->warps[i].ctaid[0] = block_x;
        r->launch->code(&r->warps[i]);
    }
}

/* Blocks of several rows that lie side by side: the first rows of all of them, the second rows, and so on, as memory mostly lies.
 * Block by block, what comes next would always be a short piece elsewhere, which no prefetcher sees. Not too many of them: what
 * the rows have in common should still be in the cache. */
static void run_rows(block_run *r, const grid_launch *l, int64_t from, int64_t to)
{
    enum { BESIDE = 8 };
    int row = l->block[0] > WARP_LANES ? (int)l->block[0] / WARP_LANES : 1;
    for (int64_t b = from, end; b < to; b = end) {
        int64_t left = l->grid[0] - b % l->grid[0];
        left = left < BESIDE ? left : BESIDE;
        end = b + left < to ? b + left : to;
        number_block(r, l->grid, b);
        for (int first = 0; first < r->count; first += row)
            for (int64_t k = b; k < end; k++)
                run_warps(r, first, first + row, (uint32_t)(k % l->grid[0]));
    }
}

static void run_range(block_run *r, const grid_context *c, int64_t from, int64_t to)
{
    const grid_launch *l = c->launch;
    if (l->by_rows && l->block[0] < threads_of(l) && !checks_wanted()) {
        run_rows(r, l, from, to);
        return;
    }
    for (int64_t b = from; b < to; b++) {
        number_block(r, l->grid, b);
        run_block(r);
    }
}

/* ---- Cooperative launches ------------------------------------------------------------------------ */
static void free_together(block_run *owner, int64_t count)
{
    for (int64_t i = 0; owner->together && i < count; i++)
        run_unmap(&owner->together[i]);
    mem_free(owner->together);
    owner->together = NULL;
}

static bool prepare_together(block_run *owner, grid_context *c, int worker)
{
    owner->together = mem_array((size_t)c->blocks, sizeof *owner->together);
    for (int64_t i = 0; owner->together && i < c->blocks; i++) {
        block_run *r = &owner->together[i];
        r->owner = owner;
        r->ring = &owner->together[(i + 1) % c->blocks];
        if (!run_map(r) || !prepare_run(r, c, worker))
            return false;
        number_block(r, c->launch->grid, i);
        r->live = r->count;
        prepare_fibers(r);
    }
    return owner->together != NULL;
}

static void run_together(block_run *owner) { fiber_switch(&owner->main, owner->together[0].places[0]); }

static void report(const block_run *r, grid_context *c)
{
    int none = GRID_OK;
    if (!atomic_compare_exchange_strong(&c->fault, &none, (int)r->fault))
        return;
    const warp *w = r->failed ? r->failed : &r->warps[r->current < 0 ? 0 : r->current];
    fprintf(stderr, "cairn: kernel %s, block (%u,%u,%u), warp %u: %s\n", c->launch->name, w->ctaid[0], w->ctaid[1],
            w->ctaid[2], w->index, r->message);
}

/* The address sanitizer must not take what left frames marked on the warps' stacks for those of the next block. */
static void forget_frames(block_run *r)
{
#ifdef __SANITIZE_ADDRESS__
    __asan_unpoison_memory_region(r->stacks, (size_t)MAX_WARPS * STACK_BYTES);
#else
    (void)r;
#endif
}

/* The next blocks in order, so that one that waits for an earlier block never waits for one that has not begun. Many at first,
 * because neighbours use the same memory; fewer and fewer, so that threads end together. False: none is left. */
static bool take_blocks(grid_context *c, int64_t *from, int64_t *to)
{
    enum { SHARE = 4 };
    *from = atomic_load_explicit(&c->next, memory_order_relaxed);
    do {
        int64_t left = c->blocks - *from, count = c->threads > 1 ? left / (SHARE * c->threads) : left;
        if (left <= 0 || atomic_load_explicit(&c->fault, memory_order_relaxed))
            return false;
        *to = *from + (count ? count : 1);
    } while (!atomic_compare_exchange_weak_explicit(&c->next, from, *to, memory_order_relaxed, memory_order_relaxed));
    return true;
}

/* A fault comes back here. */
static __attribute__((noinline)) void run_or_report(block_run *r, grid_context *c)
{
    int64_t from, to;
    if (sigsetjmp(r->escape, 0)) {
        forget_frames(r);
        report(r, c);
        return;
    }
    r->inside = true;
    if (r->together)
        run_together(r);
    else
        while (take_blocks(c, &from, &to))
            run_range(r, c, from, to);
    r->inside = false;
}

static void run_task(void *context, int64_t task, int worker)
{
    grid_context *c = context;
    (void)task;
    if (atomic_load_explicit(&c->fault, memory_order_relaxed) || atomic_load_explicit(&c->next, memory_order_relaxed) >= c->blocks)
        return;
    block_run *r = run_of_thread();
    bool together = c->launch->cooperative;
    if (!r || !prepare_run(r, c, worker) || (together && !prepare_together(r, c, worker))) {
        atomic_store(&c->fault, GRID_MEMORY);
        if (r)
            free_together(r, c->blocks);
        return;
    }
    r->grid = c;
    r->failed = NULL;
    r->vain = 0;
    r->counted_spinning = 0;
    atomic_fetch_add(&c->running, 1);
    memset(r->counters, 0, sizeof r->counters);
    run_or_report(r, c);
    atomic_fetch_sub(&c->running, 1);
    free_together(r, c->blocks);
    for (int i = 0; i < COUNTERS && profile_wanted(); i++)
        atomic_fetch_add(&c->counters[i], r->counters[i]);
}

/* ---- Grids --------------------------------------------------------------------------------------- */
static bool make_tids(grid_context *c)
{
    const grid_launch *l = c->launch;
    uint32_t threads = threads_of(l), warps = (threads + WARP_LANES - 1) / WARP_LANES;
    c->tids = mem_array(warps, sizeof *c->tids);
    for (uint32_t t = 0; c->tids && t < warps * WARP_LANES; t++) {
        uint32_t(*at)[WARP_LANES] = c->tids[t / WARP_LANES];
        at[0][t % WARP_LANES] = t % l->block[0];
        at[1][t % WARP_LANES] = t / l->block[0] % l->block[1];
        at[2][t % WARP_LANES] = t / l->block[0] / l->block[1];
    }
    return c->tids != NULL;
}

grid_fault grid_run(const grid_launch *launch)
{
    grid_context c = {.launch = launch, .blocks = (int64_t)launch->grid[0] * launch->grid[1] * launch->grid[2]};
    if (launch->cooperative && c.blocks > GRID_MAX_TOGETHER)
        return GRID_MEMORY;
    bool in_order = checks_wanted() & CHECK_CODE; /* so that reports are the same */
    c.threads = in_order || launch->cooperative ? 1 : c.blocks < cairn_threads() ? c.blocks : cairn_threads();
    if (checks_wanted() & CHECK_CODE)
        check_launch_begins(launch);
    if (!launch->flat && !make_tids(&c))
        return GRID_MEMORY;
    grid_install_handlers();
    trace_mark start = profile_wanted() ? trace_start() : 0;
    pool_run(c.threads, run_task, &c);
    if (start)
        profile_launch(launch->name, start, (uint64_t)c.blocks * threads_of(launch), (uint64_t *)c.counters);
    mem_free(c.tids);
    return (grid_fault)atomic_load(&c.fault);
}
