/* `cairn top`: the kernels of a CUDA program while it runs. The program, started with CAIRN_CUDA_PROFILE=live (or a file), keeps its
 * table in /dev/shm/cairn-cuda-PID; here it is read and shown. */
#include "tools/tool.h"
#include "runtime/exec/profile.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: cairn top [PID] [--once]\n\n"
    "  PID      a CUDA program that was started with CAIRN_CUDA_PROFILE=live (or =FILE); found by itself when there is one\n"
    "  --once   show the table once and end\n";

static bool is_alive(long pid) { return kill((pid_t)pid, 0) == 0 || errno == EPERM; }

/* The programs that can be watched: their number, and the last one found. */
static int find_programs(long *pid, bool print)
{
    DIR *folder = opendir("/dev/shm");
    int count = 0;
    for (struct dirent *e; folder && (e = readdir(folder));) {
        long found = strncmp(e->d_name, "cairn-cuda-", 11) ? 0 : strtol(e->d_name + 11, NULL, 10);
        if (found <= 0 || !is_alive(found))
            continue;
        *pid = found;
        count++;
        if (print)
            fprintf(stderr, "  %ld\n", found);
    }
    if (folder)
        closedir(folder);
    return count;
}

static const profile_table *open_table(long pid)
{
    char path[64];
    struct stat status;
    snprintf(path, sizeof path, "/dev/shm/cairn-cuda-%ld", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    bool whole = file >= 0 && fstat(file, &status) == 0 && status.st_size == (off_t)sizeof(profile_table);
    void *p = whole ? mmap(NULL, sizeof(profile_table), PROT_READ, MAP_SHARED, file, 0) : MAP_FAILED;
    if (file >= 0)
        close(file);
    if (p == MAP_FAILED || ((profile_table *)p)->magic != PROFILE_MAGIC) {
        fprintf(stderr, "cairn top: process %ld is no CUDA program of this version with CAIRN_CUDA_PROFILE\n", pid);
        return NULL;
    }
    return p;
}

static void put_line(const char *line, void *context) { fprintf(context, "%s\n", line); }

static double seconds_since(uint64_t start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9 - (double)start * 1e-9;
}

static void show(const profile_table *t, long pid, bool clear)
{
    uint64_t busy = t->others.nanoseconds, calls = t->others.calls;
    for (uint32_t i = 0; i < t->rows && i < PROFILE_KERNELS; i++) {
        busy += t->row[i].nanoseconds;
        calls += t->row[i].calls;
    }
    double seconds = seconds_since(t->started);
    if (clear)
        fputs("\033[H\033[2J", stdout);
    printf("process %ld, %.1f s, kernels %.1f %% of it, %llu launches\n\n", pid, seconds, seconds > 0 ? (double)busy * 1e-7 / seconds : 0,
           (unsigned long long)calls);
    profile_print(t, put_line, stdout);
    fflush(stdout);
}

static bool choose(long *pid)
{
    int count = find_programs(pid, false);
    if (count == 1)
        return true;
    if (!count) {
        fprintf(stderr, "cairn top: no CUDA program runs with CAIRN_CUDA_PROFILE; start one:  CAIRN_CUDA_PROFILE=live ./program\n");
        return false;
    }
    fprintf(stderr, "cairn top: which of these processes?\n");
    find_programs(pid, true);
    return false;
}

int top_main(int argc, char **argv)
{
    bool once = false;
    int64_t given = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help"))
            return fputs(usage, stdout), EXIT_FINE;
        if (!strcmp(argv[i], "--once"))
            once = true;
        else if (given || argv[i][0] == '-')
            return fputs(usage, stderr), EXIT_ARGUMENTS;
        else if (!parse_int("top", "PID", argv[i], 1, INT32_MAX, &given))
            return EXIT_ARGUMENTS;
    }
    long pid = (long)given;
    if (!pid && !choose(&pid))
        return EXIT_FAILED;
    const profile_table *t = open_table(pid);
    if (!t)
        return EXIT_FAILED;
    for (;;) {
        show(t, pid, !once && isatty(STDOUT_FILENO));
        if (once || !is_alive(pid))
            return EXIT_FINE;
        sleep(1);
    }
}
