/* Asking libcuda and NVML through the probe, with a time limit.
 *
 * The probe is run from memory (memfd_create): nothing is written to disk. Three questions are asked at
 * the same time: CUDA, CUDA as it is without CUDA_VISIBLE_DEVICES, and NVML. */
#define _GNU_SOURCE /* pipe2, AT_EMPTY_PATH */
#include "doctor/collect.h"
#include "doctor/probe.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern const char doctor_probe_program[], doctor_probe_program_end[];
extern char **environ;

enum { MOST_OUTPUT = 64 << 10, CANNOT_RUN = 126, QUESTIONS = 3 };

typedef struct question {
    const char *what;
    const char *without; /* a variable to leave out */
    bool asked;
    pid_t child;
    int output;
    char *text;
    size_t count;
    bool hung, crashed, could_not_run;
} question;

/* ---- The child ----------------------------------------------------------------------------------*/

static int program_in_memory(void)
{
    size_t bytes = (size_t)(doctor_probe_program_end - doctor_probe_program);
    int fd = (int)syscall(SYS_memfd_create, "cairn-probe", 1U /* close on exec */);
    if (fd >= 0 && write(fd, doctor_probe_program, bytes) != (ssize_t)bytes) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The environment without one variable, in memory that was made before the fork. */
static char **environment_without(arena *memory, const char *name)
{
    size_t count = 0, kept = 0, length = name ? strlen(name) : 0;
    while (environ[count])
        count++;
    char **out = arena_take(memory, (count + 1) * sizeof *out);
    if (!out || arena_failed(memory))
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (!name || strncmp(environ[i], name, length) || environ[i][length] != '=')
            out[kept++] = environ[i];
    out[kept] = NULL;
    return out;
}

static void become_probe(int program, int output, const char *what, char **variables)
{
    int nothing = open("/dev/null", O_RDWR);
    struct rlimit no_core = {0, 0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &no_core);
    setsid();
    if (nothing >= 0) {
        dup2(nothing, STDIN_FILENO);
        dup2(nothing, STDERR_FILENO);
    }
    dup2(output, STDOUT_FILENO);
    char *arguments[] = {"cairn-probe", (char *)what, NULL};
    syscall(SYS_execveat, program, "", arguments, variables, AT_EMPTY_PATH);
    _exit(CANNOT_RUN);
}

static bool ask(collector *c, question *q, int program)
{
    int ends[2];
    char **variables = environment_without(c->memory, q->without);
    q->text = arena_take(c->memory, MOST_OUTPUT + 1);
    if (!variables || !q->text || arena_failed(c->memory) || pipe2(ends, O_CLOEXEC) != 0)
        return false;
    q->child = fork();
    if (q->child == 0)
        become_probe(program, ends[1], q->what, variables);
    close(ends[1]);
    q->output = ends[0];
    if (q->child < 0)
        close(ends[0]);
    q->asked = q->child > 0;
    return q->asked;
}

/* ---- Answers ------------------------------------------------------------------------------------*/

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* False at the end of the output. */
static bool take_output(question *q)
{
    char extra[256];
    bool room = q->count < MOST_OUTPUT;
    ssize_t n =
        read(q->output, room ? q->text + q->count : extra, room ? MOST_OUTPUT - q->count : sizeof extra);
    if (n > 0 && room)
        q->count += (size_t)n;
    return n > 0 || (n < 0 && errno == EINTR);
}

static bool has_ended(const question *q)
{
    return q->count >= 4 && strstr(q->text, "end \n");
}

/* Reads until every answer is complete or the time is over. */
static void listen(question *questions, int64_t deadline)
{
    bool open[QUESTIONS];
    for (int i = 0; i < QUESTIONS; i++)
        open[i] = questions[i].asked;
    for (;;) {
        struct pollfd fds[QUESTIONS];
        int which[QUESTIONS], n = 0;
        for (int i = 0; i < QUESTIONS; i++)
            if (open[i]) {
                fds[n] = (struct pollfd){.fd = questions[i].output, .events = POLLIN};
                which[n++] = i;
            }
        int64_t left = deadline - now_ms();
        if (!n || left <= 0 || (poll(fds, (nfds_t)n, (int)left) < 0 && errno != EINTR))
            break;
        for (int k = 0; k < n; k++)
            if (fds[k].revents && (!take_output(&questions[which[k]]) || has_ended(&questions[which[k]])))
                open[which[k]] = false;
    }
    for (int i = 0; i < QUESTIONS; i++)
        questions[i].hung = open[i];
}

/* Even a killed process may stay in the kernel for ever: it is waited for only a moment. */
static void finish(question *q)
{
    int status = 0;
    pid_t ended = 0;
    struct timespec moment = {0, 1000000};
    close(q->output);
    for (int i = 0; i < 200 && ended == 0; i++) {
        ended = waitpid(q->child, &status, WNOHANG);
        if (ended == 0 && (i == 0 ? q->hung || has_ended(q) : false))
            kill(-q->child, SIGKILL), kill(q->child, SIGKILL);
        if (ended == 0 && i == 20)
            kill(q->child, SIGKILL);
        if (ended == 0)
            nanosleep(&moment, NULL);
    }
    q->text[q->count] = '\0';
    bool ended_itself = ended == q->child && WIFEXITED(status);
    q->could_not_run = ended_itself && WEXITSTATUS(status) == CANNOT_RUN && q->count == 0;
    q->crashed = !q->hung && !has_ended(q) && !q->could_not_run;
}

/* ---- Into the facts -----------------------------------------------------------------------------*/

/* What follows "key " at the start of a line; NULL when no line has it. */
static const char *answer(collector *c, const question *q, const char *key)
{
    size_t length = strlen(key);
    for (const char *line = q->text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (!strncmp(line, key, length) && line[length] == ' ')
            return arena_copy(c->memory, line + length + 1, strcspn(line + length + 1, "\n"));
    return NULL;
}

static cairn_number answer_number(collector *c, const question *q, const char *key)
{
    const char *text = answer(c, q, key);
    return text ? (cairn_number){CAIRN_YES, atoi(text)} : (cairn_number){CAIRN_UNKNOWN, 0};
}

static const char *how_it_died(const question *q)
{
    return q->hung ? "hung" : q->crashed ? "crashed" : NULL;
}

static bool same_slot(const char *a, const char *b)
{
    size_t x = strlen(a), y = strlen(b), n = strlen("01:00.0");
    return x >= n && y >= n && !strcasecmp(a + x - n, b + y - n) &&
           strtol(a, NULL, 16) == strtol(b, NULL, 16);
}

static cairn_gpu *gpu_at(collector *c, const char *slot)
{
    for (int i = 0; i < c->facts->gpus.count; i++)
        if (c->facts->gpus.items[i].slot && same_slot(c->facts->gpus.items[i].slot, slot))
            return &c->facts->gpus.items[i];
    return NULL;
}

/* "0 8 9 0000:01:00.0 NVIDIA GeForce RTX 4090". A library may say anything. */
static void take_gpu(collector *c, const char *line, bool on_bus)
{
    int index, major, minor, at = 0;
    char slot[64];
    if (sscanf(line, "%d %d %d %63s %n", &index, &major, &minor, slot, &at) != 4 || !at)
        return;
    cairn_gpu *gpu = gpu_at(c, slot);
    if (!gpu && on_bus)
        return;
    if (!gpu) {
        if (c->facts->gpus.count >= PROBE_MOST_GPUS)
            return;
        gpu = LIST_ADD(c->memory, &c->facts->gpus);
        *gpu = (cairn_gpu){.slot = arena_text(c->memory, slot), .driver = ""};
    }
    if (major >= 1 && major < 100 && minor >= 0 && minor < 10)
        gpu->cc = arena_format(c->memory, "%d.%d", major, minor);
    if (line[at])
        gpu->name = arena_text(c->memory, line + at);
}

static void take_gpus(collector *c, const question *q)
{
    bool on_bus = c->facts->gpus.count > 0;
    for (const char *line = q->text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (text_starts(line, "gpu "))
            take_gpu(c, arena_copy(c->memory, line + 4, strcspn(line + 4, "\n")), on_bus);
}

static void take_path(collector *c, const question *q)
{
    cairn_libcuda *l = &c->facts->libcuda;
    char resolved[PATH_ROOM];
    const char *path = answer(c, q, "path");
    if (!path || !root_resolve(c, path, resolved) || text_is(resolved, l->path))
        return;
    if (known(l->path))
        texts_add(c->memory, &l->others, l->path);
    l->path = arena_text(c->memory, resolved);
    const char *version = version_of_library(c, resolved);
    l->version = version && atoi(version) >= 100 ? version : NULL;
    int fd = root_open(c, resolved);
    if (fd >= 0) {
        l->forward_compat.drivers = (cairn_texts){0};
        bool compat = elf_forward_compat(fd, c->memory, &l->forward_compat.drivers);
        l->forward_compat.known = compat ? CAIRN_YES : CAIRN_NO;
        close(fd);
    }
}

static void take_cuda(collector *c, const question *q)
{
    cairn_libcuda *l = &c->facts->libcuda;
    if (q->could_not_run)
        return;
    if (answer(c, q, "absent")) {
        l->known = CAIRN_NO;
        return;
    }
    l->known = CAIRN_YES;
    take_path(c, q);
    cairn_number version = answer_number(c, q, "cuda");
    if (version.known && version.value >= 1000 && version.value < 1000000)
        l->cuda = arena_format(c->memory, "%d.%d", version.value / 1000, version.value % 1000 / 10);
    l->init = answer_number(c, q, "init");
    l->proof = answer(c, q, "proof");
    l->died = how_it_died(q);
    take_gpus(c, q);
}

static void take_nvml(collector *c, const question *q)
{
    cairn_nvml *n = &c->facts->nvml;
    if (q->could_not_run)
        return;
    if (answer(c, q, "absent")) {
        n->known = CAIRN_NO;
        return;
    }
    n->known = CAIRN_YES;
    n->init = answer_number(c, q, "init");
    n->died = how_it_died(q);
    const char *driver = answer(c, q, "driver");
    if (driver && isdigit((unsigned char)*driver))
        n->version = driver;
    if (text_is(c->facts->platform, "wsl2") && known(n->version))
        c->facts->driver = n->version; /* there it is the number of Windows */
}

void collect_probe(collector *c)
{
    question q[QUESTIONS] = {
        {.what = "cuda"}, {.what = "init", .without = "CUDA_VISIBLE_DEVICES"}, {.what = "nvml"}};
    bool hidden = getenv("CUDA_VISIBLE_DEVICES") != NULL;
    int program = program_in_memory();
    for (int i = 0; program >= 0 && i < QUESTIONS; i++)
        if (i != 1 || hidden)
            ask(c, &q[i], program);
    if (program >= 0)
        close(program);
    listen(q, now_ms() + c->probe_timeout_ms);
    for (int i = 0; i < QUESTIONS; i++)
        if (q[i].asked)
            finish(&q[i]);
    if (!q[0].asked || q[0].could_not_run)
        texts_add(c->memory, &c->facts->notes, "the driver could not be asked: the probe does not run here");
    if (q[0].asked)
        take_cuda(c, &q[0]);
    if (q[1].asked && c->facts->libcuda.known == CAIRN_YES) {
        c->facts->libcuda.init_unhidden = answer_number(c, &q[1], "init");
        take_gpus(c, &q[1]);
    }
    if (q[2].asked)
        take_nvml(c, &q[2]);
}
