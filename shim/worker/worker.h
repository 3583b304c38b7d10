/*
 * worker: the thread that moves memory after its users. It exists only while there may be something to move.
 *
 * Three kinds of work:
 * - next touch (memory.next_touch, the default): large objects of malloc that one thread made and others work on, as
 *   programs do that initialise their arrays in main. The worker looks where threads walk (sampler.h), concludes who
 *   uses what (usage.h) and has it moved (mover.h). Memory stays readable and writable all the time, for system calls,
 *   too.
 * - relocation (memory.migrate_on_move): a thread got another home, and what it has follows.
 *
 * - threads that no hook saw (worker/sweep.h) are looked for and placed; threads move to idle places
 *   (worker/rebalance.h); the title of a forked process is read again (process.match_delay).
 *
 * It starts when a thread is made, when a large object is allocated by a program with several threads, or when a thread
 * moves; watches closely for FOLLOW_CLOSELY_MS, then for a moment each second, and ends when FOLLOW_MS are over without
 * anything to move. It blocks all signals (but for those that libc sends its threads), has a table of descriptors of
 * its own, and may run wherever the process may.
 *
 * All functions: any thread, not in signal handlers, errno kept.
 */
#ifndef NODEWISE_SHIM_WORKER_WORKER_H
#define NODEWISE_SHIM_WORKER_WORKER_H

#include <stdint.h>

#define FOLLOW_CLOSELY_MS 2000u
#define FOLLOW_MS         30000u

/* There may be something to follow. Costs two comparisons where there cannot be. */
void worker_call(void);

/* There is an order (relocation.h), or threads are to be looked for (worker/sweep.h). */
void worker_wake(void);

/* How many threads of its own there are: 0 or 1. */
uint32_t worker_count(void);

/* The kernel would kill for looking. Start-up only. */
void worker_stay_off(void);
/* A new segment is there: says in it why nothing follows, if so. */
void worker_tell(void);

/* In a forked child, which has no such thread. */
void worker_forked(void);

#endif
