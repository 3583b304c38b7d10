/*
 * sweep: threads that no hook saw being made: raw clone, timers and asynchronous I/O of libc, io_uring's workers,
 * libraries that found the pthread_create behind ours. They are noticed in three ways, none of which waits on a clock
 * while nothing happens:
 * - by what they do: name themselves, or allocate (place_adopt_self());
 * - by a call that is known to make such threads: the worker looks through /proc/self/task a moment later;
 * - by the number of threads, which is asked at most once a second, by a thread that is allocating or making threads.
 *
 * What is found is placed as any other thread, but from outside, so its memory policy has to wait until it passes a
 * hook. The kernel's own workers are listed and left alone: they cannot be placed (PF_NO_SETAFFINITY).
 */
#ifndef NODEWISE_SHIM_WORKER_SWEEP_H
#define NODEWISE_SHIM_WORKER_SWEEP_H

#include <stdbool.h>
#include <sys/types.h>

/* A call was made that may have made a thread. Any thread, signal-safe but for the first time; errno kept. */
void sweep_soon(void);
/* A job of upkeep.h: are there threads without a record? Asks the kernel for their number. Signal-safe. */
void sweep_look(void);

bool sweep_is_due(void);
/* Looks, again after a moment, and places what it finds. For the worker. own: its tid. */
void sweep_run(pid_t own);

void sweep_forked(void);

#endif
