/* fork: what a forked child does with locks and heaps of threads that it does not have. */
#ifndef NODEWISE_SHIM_ARENA_FORK_H
#define NODEWISE_SHIM_ARENA_FORK_H

/* Handlers of pthread_atfork(3). A signal handler that interrupted a lock's holder may fork: that lock stays held. */
void arena_fork_prepare(void);
void arena_fork_parent(void);
void arena_fork_child(void);

/*
 * Before waiting for a lock: is this memory a copy that no handler saw (raw system call)? Then its holder is not here.
 */
void arena_check_fork(void);

#endif
