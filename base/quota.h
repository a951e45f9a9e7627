/* How many CPUs the process may use: its CPU set, bounded by the CPU quotas of its control groups. */
#ifndef BASE_QUOTA_H
#define BASE_QUOTA_H

/* CPUs in the process's set. */
int cpus_in_set(void);
/* The quota in CPUs, rounded up; 0 when there is none. Reads `groups` (/proc/self/cgroup: the groups
 * that the process is in, of version 1 and 2) and the quotas of these groups and of their ancestors
 * below `root` (/sys/fs/cgroup). */
int cpus_in_quota(const char *groups, const char *root);
/* Both together, at least 1. */
int cpus_usable(void);

#endif
