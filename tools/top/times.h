/*
 * times: how busy threads and nodes were between two looks, from /proc/PID/task/TID/schedstat and /proc/stat (proc(5)).
 */
#ifndef NODEWISE_TOOLS_TOP_TIMES_H
#define NODEWISE_TOOLS_TOP_TIMES_H

#include <stdint.h>
#include <sys/types.h>

struct times;

struct times *times_new(void); /* NULL without memory */
void times_free(struct times *times);
/* A new look begins: what was new is old now. */
void times_begin(struct times *times);
void times_thread(struct times *times, pid_t pid, pid_t tid);
/* Of one CPU, 0 to 1 and a little more by rounding; below 0: not known yet. */
double times_share(const struct times *times, pid_t tid);
/* Of all CPUs of the node; *ret_cpus: how many these are. Below 0: not known yet, or the node has none. */
double times_node(struct times *times, uint32_t node, unsigned *ret_cpus);

#endif
