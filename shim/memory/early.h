/*
 * early: what main accesses before the worker exists, and in programs that never get one. Only where a report is due at
 * the end of the process: it costs a start four system calls.
 *
 * The kernel writes samples of main to a ring, a quarter as often as the sampler's. The mapping keeps the event alive, so
 * that no descriptor stays in the program's table. What is in a full ring stands for the rest.
 */
#ifndef NODEWISE_SHIM_MEMORY_EARLY_H
#define NODEWISE_SHIM_MEMORY_EARLY_H

#include <stdbool.h>

/* At the start, by main. */
void early_begin(void);
/* Is a report due, so that accesses are sampled to the end? Any thread. */
bool early_is_wanted(void);
/*
 * Counts the samples (seen.h) and ends this sampling; once, and nothing in later calls. The worker when it begins, or
 * main at the end. Not in signal handlers.
 */
void early_tell(void);
/* For a forked child, which has not got the ring. */
void early_forked(void);

#endif
