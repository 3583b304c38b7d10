/*
 * sweep: finds threads that passed no hook at their birth: raw clone, timers and asynchronous I/O of libc, io_uring's
 * workers, libraries that found the pthread_create behind the shim's. The shim notices them in three ways, none of
 * which waits on a clock while nothing happens:
 * - by what they do: they name themselves, or allocate (place_adopt_self());
 * - by a call that is known to make such threads: the worker reads /proc/self/task a moment later;
 * - by the number of threads, which a thread that allocates or makes threads checks at most once a second.
 *
 * The worker adopts the threads that it finds and places them like any other thread. Because this happens from outside,
 * their memory policy has to wait until they pass a hook. The kernel's own workers are listed and left alone: they
 * cannot be placed (PF_NO_SETAFFINITY). If memory is short, a thread stays without a record.
 */
#ifndef NODEWISE_SHIM_WORKER_SWEEP_H
#define NODEWISE_SHIM_WORKER_SWEEP_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * A call may have made such a thread: requests a sweep. Any thread; signal-safe except for the first time; errno kept.
 */
void sweep_soon(void);
/* A job of upkeep.h: compares the kernel's number of threads with the number of records. Signal-safe. */
void sweep_look(void);

/* The same, and the names of all threads are read again: the program is about to write one through a file of /proc. */
void sweep_names_soon(void);
bool sweep_is_due(void);
/* Sweeps twice with a pause and adopts what it finds. For the worker. own: the worker's tid. */
void sweep_run(pid_t own);

void sweep_forked(void);

#endif
