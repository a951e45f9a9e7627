/* CPU sets and control groups.
 *
 * A container with a quota of two CPUs on a machine of 64 still has 64 in its CPU set: with as many
 * threads, the kernel would stop all of them for most of every period. */
#define _GNU_SOURCE
#include "base/quota.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cpus_in_set(void)
{
    for (int most = 1024; most <= 1 << 20; most *= 4) { /* EINVAL: the kernel knows more than `most` */
        cpu_set_t *set = CPU_ALLOC(most);
        size_t bytes = CPU_ALLOC_SIZE(most);
        int count = set && sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
        if (set)
            CPU_FREE(set);
        if (count > 0)
            return count;
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

/* The first line of root/path/name; false when it cannot be read. */
static bool read_line(char *line, size_t most, const char *root, const char *path, const char *name)
{
    char file[PATH_MAX];
    if (snprintf(file, sizeof file, "%s%s/%s", root, path, name) >= (int)sizeof file)
        return false;
    FILE *f = fopen(file, "re");
    bool read = f && fgets(line, (int)most, f);
    if (f)
        fclose(f);
    return read;
}

static int cpus_of(long long quota, long long period)
{
    return quota > 0 && period > 0 ? (int)((quota + period - 1) / period) : 0;
}

/* Version 2: "max 100000" or "150000 100000". */
static int quota_v2(const char *root, const char *path)
{
    char line[128];
    long long quota, period;
    if (!read_line(line, sizeof line, root, path, "cpu.max") || sscanf(line, "%lld %lld", &quota, &period) != 2)
        return 0;
    return cpus_of(quota, period);
}

/* Version 1: a file each; a quota of -1 means none. */
static int quota_v1(const char *root, const char *path)
{
    char quota[64], period[64];
    if (!read_line(quota, sizeof quota, root, path, "cpu.cfs_quota_us") ||
        !read_line(period, sizeof period, root, path, "cpu.cfs_period_us"))
        return 0;
    return cpus_of(atoll(quota), atoll(period));
}

static int smaller_quota(int a, int b)
{
    return !a ? b : !b ? a : a < b ? a : b;
}

/* The smallest quota of a group and its ancestors. Within a container the path may be one of the host
 * that does not exist here; its last ancestor, the root of the mount, then is the container's group. */
static int smallest_quota(const char *root, const char *group, int (*read)(const char *, const char *))
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s", group);
    int smallest = 0;
    for (;;) {
        char *end = path + strlen(path);
        while (end > path && end[-1] == '/')
            *--end = '\0';
        smallest = smaller_quota(smallest, read(root, path));
        char *slash = strrchr(path, '/');
        if (!slash)
            return smallest;
        *slash = '\0';
    }
}

static bool names_cpu(const char *controllers)
{
    for (const char *at = controllers; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
        if (!strncmp(at, "cpu", 3) && (at[3] == ',' || at[3] == '\0'))
            return true;
    return false;
}

/* A line is "id:controllers:path"; version 2 has the id 0 and no controllers. */
static int quota_of_line(char *line, const char *root)
{
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
        return 0;
    *controllers++ = '\0';
    *path++ = '\0';
    path[strcspn(path, "\n")] = '\0';
    if (!*controllers)
        return smallest_quota(root, path, quota_v2);
    if (!names_cpu(controllers))
        return 0;
    char mount[PATH_MAX];
    snprintf(mount, sizeof mount, "%s/%s", root, controllers); /* "cpu,cpuacct" is also linked as "cpu" */
    int quota = smallest_quota(mount, path, quota_v1);
    if (quota)
        return quota;
    snprintf(mount, sizeof mount, "%s/cpu", root);
    return smallest_quota(mount, path, quota_v1);
}

int cpus_in_quota(const char *groups, const char *root)
{
    FILE *f = fopen(groups, "re");
    if (!f)
        return 0;
    int smallest = 0;
    char line[PATH_MAX];
    while (fgets(line, sizeof line, f))
        smallest = smaller_quota(smallest, quota_of_line(line, root));
    fclose(f);
    return smallest;
}

int cpus_usable(void)
{
    int usable = smaller_quota(cpus_in_set(), cpus_in_quota("/proc/self/cgroup", "/sys/fs/cgroup"));
    return usable < 1 ? 1 : usable;
}
