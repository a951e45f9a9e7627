/* The loader: batches in an order that is a function of seed and epoch.
 *
 * Batches are numbered through all epochs: `sequence` = epoch x batches in an epoch + batch. Without workers the caller
 * makes each batch when it asks for it, the samples divided among the pool's threads. With workers, threads of the loader's
 * own make the next `prefetch` batches ahead, each in slot sequence % prefetch; the caller takes them in order. Threads of its
 * own, because the pool's work belongs to the caller's computation, which goes on meanwhile.
 *
 * One mutex guards `taken`, `claimed`, the slots' states and the orders; a batch's buffers belong to whoever made the
 * state say so. */
#include "framework/data/dataset.h"
#include "framework/io/formats.h"
#include "base/pool.h"
#include "base/trace.h"
#include <pthread.h>
#include <signal.h>
#include <string.h>

enum { MOST_WORKERS = 64, MOST_PREFETCH = 1024, SAMPLES_A_TASK = 16 };

typedef enum slot_state { EMPTY, BUSY, READY } slot_state;

typedef struct slot {
    slot_state state;
    int64_t size;
    buffer *x, *y;
    cairn_status status;
    char message[ERROR_MESSAGE_BYTES];
} slot;

struct cairn_loader {
    cairn_dataset *data;
    cairn_loader_options options;
    int64_t batches;                   /* in an epoch */
    int64_t epoch, batch;              /* what comes next; batch == batches: the end of the epoch */
    cairn_tensor *x, *y;               /* given last; kept */
    int64_t *order[2], order_epoch[2]; /* of even and of odd epochs; -1: not made yet */
    slot *slots;                       /* options.prefetch of them; one without workers */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t taken, claimed;            /* the next sequences to be taken by the caller, and to be made */
    bool stop;
    int running;
    pthread_t thread[MOST_WORKERS];
};

/* ---- Making a batch */

/* The order of an epoch. With workers, under the lock: two orders are enough since no one is two epochs ahead. */
static const int64_t *order_of(cairn_loader *l, int64_t epoch)
{
    int k = (int)(epoch % 2);
    if (l->order_epoch[k] == epoch)
        return l->order[k];
    int64_t count = l->data->spec.count;
    if (l->options.shuffle)
        shuffled_order(l->options.seed, epoch, count, l->order[k]);
    else
        for (int64_t i = 0; i < count; i++)
            l->order[k][i] = i;
    l->order_epoch[k] = epoch;
    return l->order[k];
}

typedef struct batch_job {
    const cairn_loader *l;
    int64_t epoch, size, x_row;
    const int64_t *index;
    uint8_t *x, *y;
    slot *slot;
    pthread_mutex_t *lock;
} batch_job;

static cairn_status make_part(const batch_job *j, int64_t first, int64_t count)
{
    return make_samples(j->l->data, &j->l->options, j->epoch, count, j->index + first, j->x + first * j->x_row,
                        j->y + first * j->l->data->y_bytes);
}

static bool make_buffers(cairn_loader *l, slot *s, int64_t size, int64_t x_row)
{
    s->size = size;
    s->x = buffer_new(size * x_row);
    s->y = s->x ? buffer_new(size * l->data->y_bytes) : NULL;
    return s->y != NULL;
}

static void drop_buffers(slot *s)
{
    buffer_unref(s->x);
    buffer_unref(s->y);
    s->x = s->y = NULL;
    s->status = CAIRN_OK;
    s->state = EMPTY;
}

/* A task of the pool. Its error belongs to the slot, for the caller to report, whichever thread met it. */
static void pool_part(void *context, int64_t task, int worker)
{
    (void)worker;
    batch_job *j = context;
    error_aside aside;
    char message[ERROR_MESSAGE_BYTES];
    int64_t first = task * SAMPLES_A_TASK,
            count = j->size - first < SAMPLES_A_TASK ? j->size - first : SAMPLES_A_TASK;
    error_aside_begin(&aside);
    cairn_status status = make_part(j, first, count);
    error_aside_end(&aside, message);
    if (!status)
        return;
    pthread_mutex_lock(j->lock);
    j->slot->status = status;
    memcpy(j->slot->message, message, sizeof message);
    pthread_mutex_unlock(j->lock);
}

static cairn_status fill_slot(cairn_loader *l, int64_t epoch, int64_t batch, const int64_t *order, bool by_pool,
                              slot *s)
{
    int64_t first = batch * l->options.batch, left = l->data->spec.count - first;
    int64_t size = left < l->options.batch ? left : l->options.batch;
    int64_t x_row = l->options.raw ? l->data->x_bytes : shape_numel(&l->data->spec.x_shape) * 4;
    if (!make_buffers(l, s, size, x_row))
        return CAIRN_E_MEMORY;
    batch_job j = {l, epoch, size, x_row, order + first, s->x->data, s->y->data, s, &l->lock};
    if (!by_pool)
        return make_part(&j, 0, size);
    pool_run((size + SAMPLES_A_TASK - 1) / SAMPLES_A_TASK, pool_part, &j);
    return CAIRN_OK;                   /* the parts have said what went wrong */
}

/* Fills a slot with a batch, or with what went wrong. */
static void make_batch(cairn_loader *l, int64_t epoch, int64_t batch, const int64_t *order, bool by_pool, slot *s)
{
    trace_mark t = trace_begin();
    error_aside aside;
    char message[ERROR_MESSAGE_BYTES];
    error_aside_begin(&aside);
    cairn_status status = fill_slot(l, epoch, batch, order, by_pool, s);
    error_aside_end(&aside, message);
    if (status) {
        s->status = status;
        memcpy(s->message, message, sizeof message);
    }
    trace_end(t, "batch", "data", 0, 0);
}

/* ---- Workers */

/* The next batch to be made, when one may be: false when the worker should end. Under the lock. */
static bool claim(cairn_loader *l, int64_t *sequence)
{
    for (; !l->stop; pthread_cond_wait(&l->changed, &l->lock)) {
        bool room = l->claimed < l->taken + l->options.prefetch;
        if (room && l->claimed / l->batches <= l->taken / l->batches + 1 &&
            l->slots[l->claimed % l->options.prefetch].state == EMPTY) {
            *sequence = l->claimed++;
            l->slots[*sequence % l->options.prefetch].state = BUSY;
            return true;
        }
    }
    return false;
}

static void *work(void *context)
{
    cairn_loader *l = context;
    int64_t sequence;
    pthread_mutex_lock(&l->lock);
    while (claim(l, &sequence)) {
        slot *s = &l->slots[sequence % l->options.prefetch];
        const int64_t *order = order_of(l, sequence / l->batches);
        pthread_mutex_unlock(&l->lock);
        make_batch(l, sequence / l->batches, sequence % l->batches, order, false, s);
        pthread_mutex_lock(&l->lock);
        s->state = READY;
        pthread_cond_broadcast(&l->changed);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* Workers take no signals: Ctrl-C belongs to the program's own threads. */
static cairn_status start_workers(cairn_loader *l)
{
    l->taken = l->claimed = l->epoch * l->batches + l->batch;
    l->stop = false;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = 0;
    while (l->running < l->options.workers && !(failed = pthread_create(&l->thread[l->running], NULL, work, l)))
        l->running++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (l->running)
        return CAIRN_OK;               /* fewer than wanted make the same batches */
    return error_set(CAIRN_E_MEMORY, "loader: no thread for a worker: %s", strerror(failed));
}

static void stop_workers(cairn_loader *l)
{
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    while (l->running)
        pthread_join(l->thread[--l->running], NULL);
    for (int i = 0; l->slots && i < l->options.prefetch; i++)
        drop_buffers(&l->slots[i]);
}

/* The slot with the next batch, ready. */
static slot *wait_for_worker(cairn_loader *l)
{
    slot *s = &l->slots[l->taken % l->options.prefetch];
    pthread_mutex_lock(&l->lock);
    while (s->state != READY)
        pthread_cond_wait(&l->changed, &l->lock);
    pthread_mutex_unlock(&l->lock);
    return s;
}

static void release_slot(cairn_loader *l, slot *s, bool taken)
{
    pthread_mutex_lock(&l->lock);
    s->x = s->y = NULL;
    s->state = EMPTY;
    l->taken += taken;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

/* ---- Giving batches out */

/* A kept tensor outside of every scope on `b`, whose reference it takes. */
static cairn_tensor *batch_tensor(const cairn_shape *row, cairn_dtype type, int64_t size, buffer *b)
{
    cairn_shape shape = {.rank = row->rank + 1, .size = {size}};
    memcpy(shape.size + 1, row->size, sizeof *row->size * (size_t)row->rank);
    cairn_mark m = cairn_scope_push();
    cairn_tensor *x = cairn_keep(tensor_of_buffer(&shape, type, b));
    cairn_scope_pop(m, NULL);
    return x;
}

static void drop_batch(cairn_loader *l)
{
    cairn_drop(l->x);
    cairn_drop(l->y);
    l->x = l->y = NULL;
}

static bool give(cairn_loader *l, slot *s, cairn_batch *b)
{
    const cairn_dataset_spec *spec = &l->data->spec;
    int64_t size = s->size;
    l->x = batch_tensor(&spec->x_shape, l->options.raw ? spec->x_type : CAIRN_F32, size, s->x);
    l->y = batch_tensor(&spec->y_shape, spec->y_type, size, s->y);
    release_slot(l, s, true);
    if (!l->x || !l->y) {
        drop_batch(l);
        return false;
    }
    *b = (cairn_batch){l->x, l->y, size, l->epoch, l->batch++};
    return true;
}

bool cairn_loader_next(cairn_loader *l, cairn_batch *b)
{
    *b = (cairn_batch){0};
    if (!l)
        return false;
    drop_batch(l);
    if (l->batch == l->batches) {
        l->epoch++;
        l->batch = 0;
        return false;
    }
    slot *s = l->slots;
    if (l->options.workers) {
        if (!l->running && start_workers(l))
            return false;
        s = wait_for_worker(l);
    } else {
        make_batch(l, l->epoch, l->batch, order_of(l, l->epoch), true, s);
    }
    if (!s->status)
        return give(l, s, b);
    error_set(s->status, "%s", s->message);
    if (l->options.workers)
        stop_workers(l);               /* a later call tries again from here */
    else
        drop_buffers(s);
    return false;
}

/* ---- Birth and death */

static cairn_status check_augment(const cairn_dataset_spec *s, const cairn_loader_options *o)
{
    bool changes = o->augment.crop_padding || o->augment.flip;
    if (o->augment.crop_padding < 0 || o->augment.crop_padding > 1 << 20)
        return error_set(CAIRN_E_ARGUMENT, "loader: crop_padding %lld", (long long)o->augment.crop_padding);
    if (changes && s->x_shape.rank != 3)
        return error_set(CAIRN_E_SHAPE, "loader: augmentation needs x of (channels, height, width), this is %s",
                         SHAPE(&s->x_shape));
    bool half = s->x_type == CAIRN_F16 || s->x_type == CAIRN_BF16;
    if (half && !o->raw)
        return error_set(CAIRN_E_UNSUPPORTED, "loader: x of %s is given out as it is only: say raw",
                         cairn_dtype_name(s->x_type));
    if (!o->normalise)
        return CAIRN_OK;
    bool fits = o->normalise == 1 || (s->x_shape.rank > 0 && s->x_shape.size[0] == o->normalise);
    if (o->normalise < 0 || o->normalise > CAIRN_MAX_CHANNELS || !fits || o->raw)
        return error_set(CAIRN_E_ARGUMENT, "loader: cannot normalise %s by %d channels%s", SHAPE(&s->x_shape),
                         o->normalise, o->raw ? " and keep it raw" : "");
    for (int c = 0; c < o->normalise; c++)
        if (!(o->deviation[c] > 0))
            return error_set(CAIRN_E_ARGUMENT, "loader: deviation[%d] is %g", c, (double)o->deviation[c]);
    return CAIRN_OK;
}

static cairn_status check_options(const cairn_dataset_spec *s, const cairn_loader_options *o)
{
    if (!s->count)
        return error_set(CAIRN_E_ARGUMENT, "loader: the data set is empty");
    if (o->batch < 0 || o->batch > INT32_MAX)
        return error_set(CAIRN_E_ARGUMENT, "loader: batches of %lld", (long long)o->batch);
    if (o->drop_last && s->count < o->batch)
        return error_set(CAIRN_E_ARGUMENT, "loader: %lld samples give no full batch of %lld", (long long)s->count,
                         (long long)o->batch);
    if (o->workers < 0 || o->workers > MOST_WORKERS || o->prefetch < 0 || o->prefetch > MOST_PREFETCH)
        return error_set(CAIRN_E_ARGUMENT, "loader: %d workers, %d batches ahead; at most %d and %d", o->workers,
                         o->prefetch, MOST_WORKERS, MOST_PREFETCH);
    if (s->x_shape.rank >= CAIRN_MAX_RANK || s->y_shape.rank >= CAIRN_MAX_RANK)
        return error_set(CAIRN_E_SHAPE, "loader: samples of rank %d leave no axis for the batch", CAIRN_MAX_RANK);
    return check_augment(s, o);
}

static void set_defaults(cairn_loader_options *o)
{
    o->batch = o->batch ? o->batch : 32;
    o->prefetch = !o->workers ? 1 : o->prefetch ? o->prefetch : 2 * o->workers;
    for (int c = o->normalise; c < CAIRN_MAX_CHANNELS; c++)
        o->mean[c] = 0, o->deviation[c] = 1;
}

cairn_loader *cairn_loader_new(cairn_dataset *d, const cairn_loader_options *options)
{
    cairn_loader_options o = options ? *options : (cairn_loader_options){0};
    if (!d)
        return NULL;
    if (!o.batch)
        o.batch = 32;
    cairn_loader *l = check_options(&d->spec, &o) ? NULL : mem_new(sizeof *l);
    if (!l) {
        cairn_dataset_free(d);
        return NULL;
    }
    set_defaults(&o);
    int64_t count = d->spec.count;
    *l = (cairn_loader){.data = d, .options = o, .batches = o.drop_last ? count / o.batch : (count + o.batch - 1) / o.batch,
                        .order_epoch = {-1, -1}};
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    l->slots = mem_array((size_t)o.prefetch, sizeof *l->slots);
    l->order[0] = mem_array((size_t)count, sizeof **l->order);
    l->order[1] = mem_array((size_t)count, sizeof **l->order);
    if (l->slots && l->order[0] && l->order[1])
        return l;
    cairn_loader_free(l);
    return NULL;
}

void cairn_loader_free(cairn_loader *l)
{
    if (!l)
        return;
    stop_workers(l);
    drop_batch(l);
    cairn_dataset_free(l->data);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->changed);
    mem_free(l->slots);
    mem_free(l->order[0]);
    mem_free(l->order[1]);
    mem_free(l);
}

/* ---- Looking, and where it stands */

int64_t cairn_loader_batches(const cairn_loader *l) { return l ? l->batches : 0; }
const cairn_dataset *cairn_loader_dataset(const cairn_loader *l) { return l ? l->data : NULL; }

cairn_position cairn_loader_position(const cairn_loader *l)
{
    if (!l)
        return (cairn_position){0};
    return (cairn_position){.epoch = l->epoch,
                            .batch = l->batch,
                            .count = l->data->spec.count,
                            .batch_size = l->options.batch,
                            .seed = l->options.seed,
                            .shuffle = l->options.shuffle,
                            .drop_last = l->options.drop_last};
}

cairn_status cairn_loader_seek(cairn_loader *l, cairn_position p)
{
    if (!l)
        return cairn_error() ? cairn_error() : error_set(CAIRN_E_ARGUMENT, "loader_seek: the loader is NULL");
    cairn_position now = cairn_loader_position(l);
    if (p.count != now.count || p.batch_size != now.batch_size || p.seed != now.seed || p.shuffle != now.shuffle ||
        p.drop_last != now.drop_last)
        return error_set(
            CAIRN_E_STATE,
            "loader_seek: the position is of %lld samples in batches of %lld with seed %llu, the loader "
            "has %lld, %lld and %llu (or shuffle or drop_last differ)",
            (long long)p.count, (long long)p.batch_size, (unsigned long long)p.seed, (long long)now.count,
            (long long)now.batch_size, (unsigned long long)now.seed);
    if (p.epoch < 0 || p.epoch > INT32_MAX || p.batch < 0 || p.batch > l->batches)
        return error_set(CAIRN_E_RANGE, "loader_seek: epoch %lld, batch %lld of %lld", (long long)p.epoch,
                         (long long)p.batch, (long long)l->batches);
    stop_workers(l);
    drop_batch(l);
    l->epoch = p.epoch;
    l->batch = p.batch;
    return CAIRN_OK;
}
