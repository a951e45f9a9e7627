/* Choosing by measurement: cairn_conv_find times what can do a pass, and the costs it found are kept for cairn_conv_get, in
 * memory and in a file of the machine. Computation itself never looks at them. */
#include "base/error.h"
#include "base/memory.h"
#include "primitives/conv/layout.h"
#include "primitives/slots.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { KEY = 640, LINE = KEY + 96, MOST_RUNS = 20 };
#define FIND_SECONDS 0.05               /* of one algorithm, at least two runs */

/* ---- Keys: a descriptor as text ---------------------------------------------------------------------*/

static cairn_status write_key(const conv *c, cairn_conv_pass pass, char key[KEY])
{
    const cairn_conv *d = &c->d;
    const int64_t fields[] = {d->n, d->c, d->depth, d->h, d->w, d->k, d->t, d->r, d->s, d->groups, d->stride_d, d->stride_h, d->stride_w,
                              d->dilation_d, d->dilation_h, d->dilation_w, d->pad_front, d->pad_back, d->pad_top, d->pad_bottom,
                              d->pad_left, d->pad_right, d->fused.bias != NULL, d->fused.residual != NULL, d->fused.activation};
    int at = snprintf(key, KEY, "%s %d %d", cairn_dtype_name(d->type), (int)pass, cairn_threads());
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        at += snprintf(key + at, KEY - (size_t)at, " %" PRId64, fields[i]);
    for (int tensor = CONV_X; tensor <= CONV_Y; tensor++) {
        const layout l = layout_of(c, (conv_tensor)tensor);
        for (int i = 0; i < 5 && !l.packed && at < KEY; i++)
            at += snprintf(key + at, KEY - (size_t)at, "%s%" PRId64, i ? "," : tensor == CONV_X ? " x" : tensor == CONV_W ? " w" : " y", l.stride[i]);
    }
    return at < KEY ? CAIRN_OK : error_set(CAIRN_E_UNSUPPORTED, "conv costs: the descriptor is too long for a line");
}

/* ---- The costs of this process ----------------------------------------------------------------------*/

typedef struct cost {
    char key[KEY];
    cairn_conv_algorithm algorithm;
    double seconds;
} cost;

typedef struct cost_list {
    cost *items;
    int64_t count, room;
} cost_list;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static cost_list known;                 /* guarded by lock */

/* Adds or replaces. */
static cairn_status put(cost_list *list, const cost *new)
{
    for (int64_t i = 0; i < list->count; i++)
        if (list->items[i].algorithm == new->algorithm && !strcmp(list->items[i].key, new->key)) {
            list->items[i] = *new;
            return CAIRN_OK;
        }
    if (list->count == list->room) {
        const int64_t room = larger(2 * list->room, 16);
        cost *items = mem_resize(list->items, (size_t)room * sizeof *items);
        if (!items)
            return CAIRN_E_MEMORY;
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = *new;
    return CAIRN_OK;
}

static cairn_status remember(const cost *c)
{
    pthread_mutex_lock(&lock);
    const cairn_status status = put(&known, c);
    pthread_mutex_unlock(&lock);
    return status;
}

/* The fastest known; its seconds are 0 when there is none. */
static cost recall(const char *key)
{
    cost best = {.seconds = 0};
    pthread_mutex_lock(&lock);
    for (int64_t i = 0; i < known.count; i++)
        if (!strcmp(known.items[i].key, key) && (best.seconds == 0 || known.items[i].seconds < best.seconds))
            best = known.items[i];
    pthread_mutex_unlock(&lock);
    return best;
}

/* ---- get --------------------------------------------------------------------------------------------*/

static cairn_status check_pass(const cairn_conv *d, cairn_conv_pass pass, conv *c)
{
    const cairn_status status = conv_check(d, c);
    if (status == CAIRN_OK && ((int)pass < CAIRN_CONV_FORWARD || pass > CAIRN_CONV_WEIGHT_GRADIENT))
        return error_set(CAIRN_E_ARGUMENT, "conv: no such pass: %d", (int)pass);
    if (status == CAIRN_OK && conv_is_integer(d))
        return error_set(CAIRN_E_UNSUPPORTED, "conv: integers have one algorithm");
    return status;
}

/* The descriptor that algorithms see: without half types. */
static conv computed(const conv *c)
{
    conv wide = *c;
    wide.d.type = c->d.type == CAIRN_F64 ? CAIRN_F64 : CAIRN_F32;
    return wide;
}

cairn_status cairn_conv_get(const cairn_conv *d, cairn_conv_pass pass, cairn_conv_choice *choice)
{
    conv c;
    char key[KEY];
    cairn_status status = check_pass(d, pass, &c);
    if (status == CAIRN_OK && !choice)
        status = error_set(CAIRN_E_ARGUMENT, "conv get: nowhere to put the choice");
    if (status == CAIRN_OK)
        status = write_key(&c, pass, key);
    if (status != CAIRN_OK)
        return status;
    const conv wide = computed(&c);
    cairn_conv chosen = *d;
    const cost best = recall(key);
    const bool usable = best.seconds > 0 && !conv_refuses(&wide, pass, best.algorithm);
    chosen.algorithm = d->algorithm ? d->algorithm : usable ? best.algorithm : conv_default(&wide, pass);
    int64_t bytes;
    status = conv_workspace(&chosen, pass, &bytes);
    if (status == CAIRN_OK)
        *choice = (cairn_conv_choice){chosen.algorithm, bytes, usable && chosen.algorithm == best.algorithm ? best.seconds : 0};
    return status;
}

/* ---- find -------------------------------------------------------------------------------------------*/

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct trial {
    cairn_conv d;
    cairn_conv_pass pass;
    char *tensor[3], *fused;            /* x, w, y where strides begin; a bias and a residual */
    void *block[5];                     /* what was allocated, of `bytes` */
    int64_t bytes[5];
} trial;

static cairn_status run_trial(const trial *t, void *workspace, int64_t bytes)
{
    switch (t->pass) {
    case CAIRN_CONV_FORWARD: return cairn_conv_forward(&t->d, t->tensor[CONV_X], t->tensor[CONV_W], t->tensor[CONV_Y], workspace, bytes);
    case CAIRN_CONV_DATA_GRADIENT: return cairn_conv_data_gradient(&t->d, t->tensor[CONV_Y], t->tensor[CONV_W], t->tensor[CONV_X], workspace, bytes);
    default: return cairn_conv_weight_gradient(&t->d, t->tensor[CONV_X], t->tensor[CONV_Y], t->tensor[CONV_W], workspace, bytes);
    }
}

/* Memory for a tensor, of zeros: the time of a product does not depend on its numbers, but for subnormals. */
static cairn_status take_tensor(trial *t, int index, const layout *l, char **first)
{
    int64_t low = 0, high = 1;
    const int64_t element = cairn_dtype_bytes(l->type);
    for (int i = 0; i < 5 && layout_elements(l); i++)
        *(l->stride[i] < 0 ? &low : &high) += larger(l->size[i] - 1, 0) * l->stride[i];
    t->bytes[index] = (high - low) * element;
    t->block[index] = buffer_alloc(t->bytes[index]);
    if (!t->block[index])
        return CAIRN_E_MEMORY;
    memset(t->block[index], 0, (size_t)t->bytes[index]);
    *first = (char *)t->block[index] - low * element;
    return CAIRN_OK;
}

static cairn_status take_memory(trial *t, const conv *c)
{
    cairn_status status = CAIRN_OK;
    for (int tensor = CONV_X; tensor <= CONV_Y && status == CAIRN_OK; tensor++) {
        const layout l = layout_of(c, (conv_tensor)tensor);
        status = take_tensor(t, tensor, &l, &t->tensor[tensor]);
    }
    const layout result = layout_of(c, t->pass == CAIRN_CONV_FORWARD ? CONV_Y : CONV_X);
    const layout row = {.type = result.type, .size = {1, result.size[1], 1, 1, 1}, .stride = {0, 1, 0, 0, 0}};
    if (status == CAIRN_OK && t->d.fused.bias)
        status = take_tensor(t, 3, &row, &t->fused), t->d.fused.bias = t->fused;
    if (status == CAIRN_OK && t->d.fused.residual)
        status = take_tensor(t, 4, &result, &t->fused), t->d.fused.residual = t->fused;
    return status;
}

static cairn_status time_one(trial *t, cairn_conv_choice *choice)
{
    t->d.algorithm = choice->algorithm;
    choice->workspace_bytes = cairn_conv_workspace_bytes(&t->d, t->pass);
    void *workspace = buffer_alloc(choice->workspace_bytes);
    if (!workspace)
        return CAIRN_E_MEMORY;
    cairn_status status = run_trial(t, workspace, choice->workspace_bytes); /* touches the memory */
    const double start = now();
    choice->seconds = 0;
    for (int i = 0; status == CAIRN_OK && i < MOST_RUNS && (i < 2 || now() - start < FIND_SECONDS); i++) {
        const double before = now();
        status = run_trial(t, workspace, choice->workspace_bytes);
        const double took = now() - before;
        choice->seconds = choice->seconds == 0 || took < choice->seconds ? took : choice->seconds;
    }
    choice->seconds += 1e-9;            /* never 0 */
    buffer_free(workspace, choice->workspace_bytes);
    return status;
}

static int by_seconds(const void *a, const void *b)
{
    const double x = ((const cairn_conv_choice *)a)->seconds, y = ((const cairn_conv_choice *)b)->seconds;
    return x < y ? -1 : x > y;
}

/* Times all that can do it into `found`. */
static cairn_status time_all(trial *t, const conv *c, cairn_conv_choice *found, int *count)
{
    const conv wide = computed(c);
    cairn_status status = take_memory(t, c);
    *count = 0;
    for (int a = CAIRN_CONV_AUTO + 1; a < CAIRN_CONV_ALGORITHMS && status == CAIRN_OK; a++)
        if (!conv_refuses(&wide, t->pass, (cairn_conv_algorithm)a)) {
            found[*count].algorithm = (cairn_conv_algorithm)a;
            status = time_one(t, &found[(*count)++]);
        }
    for (int i = 0; i < 5; i++)
        if (t->block[i])
            buffer_free(t->block[i], t->bytes[i]);
    qsort(found, (size_t)*count, sizeof *found, by_seconds);
    return status;
}

cairn_status cairn_conv_find(const cairn_conv *d, cairn_conv_pass pass, cairn_conv_choice *choices, int *count)
{
    conv c;
    cost new;
    cairn_conv_choice found[CAIRN_CONV_ALGORITHMS];
    int n = 0;
    cairn_status status = check_pass(d, pass, &c);
    if (status == CAIRN_OK && (!choices || !count))
        status = error_set(CAIRN_E_ARGUMENT, "conv find: nowhere to put the choices");
    if (status == CAIRN_OK)
        status = write_key(&c, pass, new.key);
    if (status != CAIRN_OK)
        return status;
    trial t = {.d = *d, .pass = pass};
    t.d.epilogue = NULL;
    status = time_all(&t, &c, found, &n);
    for (int i = 0; i < n && status == CAIRN_OK; i++) {
        new.algorithm = found[i].algorithm;
        new.seconds = found[i].seconds;
        status = remember(&new);
    }
    if (status == CAIRN_OK) {
        memcpy(choices, found, (size_t)n * sizeof *found);
        *count = n;
    }
    return status;
}

/* ---- Files: a line for the machine, then "algorithm seconds key" ---------------------------------------*/

static void machine_line(char line[LINE])
{
    char model[LINE] = "", *colon;
    FILE *cpuinfo = fopen("/proc/cpuinfo", "r");
    while (cpuinfo && fgets(model, sizeof model, cpuinfo) && strncmp(model, "model name", 10))
        model[0] = 0;
    if (cpuinfo)
        fclose(cpuinfo);
    model[strcspn(model, "\n")] = 0;
    colon = strchr(model, ':');
    snprintf(line, LINE, "cairn conv costs 1 %s%.200s", cairn_isa(), colon ? colon + 1 : "");
}

cairn_status cairn_conv_costs_save(const char *path)
{
    char part[4096], line[LINE];
    if (!path || snprintf(part, sizeof part, "%s.%ld.part", path, (long)getpid()) >= (int)sizeof part)
        return error_set(CAIRN_E_ARGUMENT, "conv costs: no path, or one too long");
    FILE *file = fopen(part, "w");
    if (!file)
        return error_set(CAIRN_E_IO, "conv costs: cannot write %s", part);
    machine_line(line);
    bool good = fprintf(file, "%s\n", line) > 0;
    pthread_mutex_lock(&lock);
    for (int64_t i = 0; i < known.count && good; i++)
        good = fprintf(file, "%s %.9e %s\n", cairn_conv_algorithm_name(known.items[i].algorithm), known.items[i].seconds, known.items[i].key) > 0;
    pthread_mutex_unlock(&lock);
    good = fclose(file) == 0 && good;
    if (good && rename(part, path) == 0)
        return CAIRN_OK;
    remove(part);
    return error_set(CAIRN_E_IO, "conv costs: cannot write %s", path);
}

static bool parse(char *line, cost *c)
{
    char *rest = strchr(line, ' '), *end;
    if (!rest || !strchr(line, '\n'))
        return false;
    *rest++ = 0;
    c->seconds = strtod(rest, &end);
    if (end == rest || *end != ' ' || !(c->seconds > 0 && c->seconds < 1e9))
        return false;
    end[strcspn(end, "\n")] = 0;
    if (snprintf(c->key, KEY, "%s", end + 1) >= KEY || !c->key[0])
        return false;
    for (int a = CAIRN_CONV_AUTO + 1; a < CAIRN_CONV_ALGORITHMS; a++)
        if (!strcmp(line, cairn_conv_algorithm_name((cairn_conv_algorithm)a))) {
            c->algorithm = (cairn_conv_algorithm)a;
            return true;
        }
    return false;
}

static cairn_status read_costs(FILE *file, const char *path, cost_list *list)
{
    char line[LINE], machine[LINE];
    cost c;
    machine_line(machine);
    if (!fgets(line, sizeof line, file))
        return error_set(CAIRN_E_FORMAT, "conv costs: %s is empty", path);
    line[strcspn(line, "\n")] = 0;
    if (strcmp(line, machine))
        return error_set(CAIRN_E_FORMAT, "conv costs: %s is of \"%.100s\", and this is \"%.100s\"", path, line, machine);
    for (int64_t number = 2; fgets(line, sizeof line, file); number++) {
        if (!parse(line, &c))
            return error_set(CAIRN_E_FORMAT, "conv costs: %s: line %" PRId64 " is damaged", path, number);
        const cairn_status status = put(list, &c);
        if (status != CAIRN_OK)
            return status;
    }
    return ferror(file) ? error_set(CAIRN_E_IO, "conv costs: cannot read %s", path) : CAIRN_OK;
}

cairn_status cairn_conv_costs_load(const char *path)
{
    cost_list list = {0};
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file)
        return error_set(path ? CAIRN_E_IO : CAIRN_E_ARGUMENT, "conv costs: cannot read %s", path ? path : "a file without a path");
    cairn_status status = read_costs(file, path, &list);
    fclose(file);
    for (int64_t i = 0; i < list.count && status == CAIRN_OK; i++)
        status = remember(&list.items[i]);
    mem_free(list.items);
    return status;
}
