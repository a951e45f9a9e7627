/* The thread's state: its scopes, its modes, and its free lists of values and handles. */
#include "framework/graph/graph.h"
#include "framework/graph/pools.h"
#include "framework/exec/exec.h"
#include <pthread.h>
#include <stdlib.h>

enum { FREE_LIMIT = 4096 };                /* more than this go back to malloc */

typedef struct free_list {
    void *first;
    int count;
} free_list;

_Thread_local thread_state thread_self;
static _Thread_local free_list free_values, free_handles;
static _Thread_local bool leaving;         /* set while the thread ends: nothing is kept then */

/* Each thread that makes tensors releases its outermost scope and its free lists when it ends. */
static pthread_key_t at_exit;
static pthread_once_t at_exit_once = PTHREAD_ONCE_INIT;

/* All threads that make tensors, so that the tensors alive can be counted without a shared counter. */
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static thread_state *list_first;
static int64_t alive_of_ended;

int64_t cairn_tensor_count(void)
{
    pthread_mutex_lock(&list_lock);
    int64_t alive = alive_of_ended;
    for (thread_state *t = list_first; t; t = t->next)
        alive += atomic_load_explicit(&t->alive, memory_order_relaxed);
    pthread_mutex_unlock(&list_lock);
    return alive;
}

static void enlist(thread_state *t)
{
    pthread_mutex_lock(&list_lock);
    t->next = list_first;
    list_first = t;
    pthread_mutex_unlock(&list_lock);
}

static void unlist(thread_state *t)
{
    pthread_mutex_lock(&list_lock);
    thread_state **at = &list_first;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    alive_of_ended += atomic_load_explicit(&t->alive, memory_order_relaxed);
    pthread_mutex_unlock(&list_lock);
}

static void empty(free_list *list)
{
    while (list->first) {
        void *next = *(void **)list->first;
        mem_free(list->first);
        list->first = next;
    }
    list->count = 0;
}

static void thread_end(void *unused)
{
    (void)unused;
    thread_state *t = &thread_self;
    leaving = true;
    cairn_scope_pop((cairn_mark){0}, NULL);
    forget_with_next(t);
    mem_free(t->with);
    mem_free(t->scope);
    mem_free(t->walk_stack);
    plan_cache_free(t->plans);
    unlist(t);
    *t = (thread_state){0};
    empty(&free_values);
    empty(&free_handles);
}

static void process_end(void)
{
    if (thread_self.registered)
        thread_end(NULL);
}

static void make_key(void)
{
    pthread_key_create(&at_exit, thread_end);
    atexit(process_end);
}

thread_state *thread_register(void)
{
    thread_state *t = &thread_self;
    t->registered = true;
    pthread_once(&at_exit_once, make_key);
    pthread_setspecific(at_exit, t);
    enlist(t);
    return t;
}

/* Under the address sanitizer every object is a malloc of its own, so that a use after its end is seen. */
static bool keeps(const free_list *list)
{
#if defined(__SANITIZE_ADDRESS__) || defined(CAIRN_NO_FREE_LISTS)
    (void)list;
    return false;
#else
    return list->count < FREE_LIMIT && thread_self.registered && !leaving;
#endif
}

static void *take(free_list *list, size_t bytes)
{
    void *object = list->first;
    if (!object)
        return mem_new(bytes);
    list->first = *(void **)object;
    list->count--;
    return object;
}

static void give(free_list *list, void *object)
{
    if (!keeps(list)) {
        mem_free(object);
        return;
    }
    *(void **)object = list->first;
    list->first = object;
    list->count++;
}

value *pool_value_take(void) { return take(&free_values, sizeof(value)); }
void pool_value_give(value *v) { give(&free_values, v); }
cairn_tensor *pool_handle_take(void) { return take(&free_handles, sizeof(cairn_tensor)); }
void pool_handle_give(cairn_tensor *t) { give(&free_handles, t); }

bool evaluate_with_next(value *v)
{
    thread_state *t = thread();
    if (t->with_count == t->with_capacity) {
        int64_t capacity = t->with_capacity ? 2 * t->with_capacity : 64;
        void *grown = mem_resize(t->with, (size_t)capacity * sizeof *t->with);
        if (!grown)
            return false;
        t->with = grown;
        t->with_capacity = capacity;
    }
    t->with[t->with_count++] = value_ref(v);
    return true;
}

void forget_with_next(thread_state *t)
{
    while (t->with_count)
        value_unref(t->with[--t->with_count]);
}

void cairn_no_grad_begin(void) { thread()->no_grad++; }
void cairn_no_grad_end(void)
{
    if (thread()->no_grad > 0)
        thread()->no_grad--;
}
bool cairn_grad_enabled(void) { return thread()->no_grad == 0; }
void cairn_set_strict_broadcasting(bool strict) { thread()->strict_broadcasting = strict; }
