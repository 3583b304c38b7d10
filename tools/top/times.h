/*
 * times: how busy threads and nodes were between two looks, from /proc/PID/task/TID/schedstat and /proc/stat (proc(5)).
 */
#ifndef NODEWISE_TOOLS_TOP_TIMES_H
#define NODEWISE_TOOLS_TOP_TIMES_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "policy/cpuset.h"

struct times;

struct times *times_new(void); /* NULL without memory */
void times_free(struct times *times);
/* A new look begins: what was new is old now. */
void times_begin(struct times *times);
void times_thread(struct times *times, pid_t pid, pid_t tid);
/* The two apart from where the numbers come from: a look at that time (ns), with /proc/stat's text, or NULL; and what a
 * thread has run until then (ns). */
void times_look(struct times *times, uint64_t at, FILE *stat);
void times_ran(struct times *times, pid_t tid, uint64_t ran);
/* Of one CPU, 0 to 1 and a little more by rounding; below 0: not known yet. */
double times_share(const struct times *times, pid_t tid);
/* Of these CPUs together, 0 to 1; below 0: not known yet. */
double times_cpus(const struct times *times, const struct cpuset *cpus);
/* Of all CPUs of the node; *ret_cpus: how many these are. Below 0: not known yet, or the node has none. */
double times_node(const struct times *times, uint32_t node, unsigned *ret_cpus);

#endif
