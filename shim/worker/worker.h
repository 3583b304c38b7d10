/*
 * worker: the library's one thread of its own. It moves memory to the threads that use it and does the library's other
 * background work. It exists only while there may be something to do.
 *
 * Its kinds of work:
 * - next touch (memory.next_touch, the default): memory that one thread made and others work on, as in programs that
 *   initialise their data in main. The worker samples where threads work (memory/sampler.h), concludes which node's
 *   threads use which large objects (memory/usage.h) and which other memory (memory/units.h), and has it moved
 *   (memory/mover.h). Memory stays readable and writable all the time, for system calls, too.
 * - sharing (distribution = "sharing"): threads that use the same memory come together (worker/sharing.h).
 * - relocation (memory.migrate_on_move): the memory of a thread that got another home follows it.
 * - memory that is idle in a process where no thread allocates goes back to the kernel (arena/idle.h).
 * - other jobs (worker/upkeep.h): it adopts threads that passed no hook (worker/sweep.h), moves threads to idle places
 *   (worker/rebalance.h), reads the title of a forked process again (process.match_delay) and answers commands
 *   (worker/request.h).
 *
 * The worker starts when a thread is made, when a program with several threads allocates a large object, or when a
 * thread moves. It samples continuously for FOLLOW_CLOSELY_MS, then for a moment each second, and ends next touch after
 * FOLLOW_MS without a new call or a move. Apart from a short while at its beginning, looking takes at most 1 % of a CPU:
 * what it took is measured, and the pause until the next window is as long as it has to be. It blocks all signals except
 * those that libc sends its threads, has a descriptor table of its own, and runs on the node where the library's data
 * are, or wherever the process may if some rule is exclusive.
 *
 * All functions: any thread, not in signal handlers, errno kept. They return no errors: if no thread can be made, the
 * work stays undone and a later call tries again.
 */
#ifndef NODEWISE_SHIM_WORKER_WORKER_H
#define NODEWISE_SHIM_WORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#define FOLLOW_CLOSELY_MS 2000u
#define FOLLOW_MS         30000u

/* Next touch may have something to do. Starts the worker if so. Costs two comparisons otherwise. */
void worker_call(void);

/*
 * A job is due (worker/upkeep.h), such as an order of memory/relocation.h or a sweep. Starts the worker if there is
 * none.
 */
void worker_wake(void);

/*
 * The same for the arenas (arena/idle.h), in a thread that frees: libc may free under locks that a new thread needs. false:
 * there is no worker, and it cannot be started now.
 */
bool worker_wake_in_free(void);

/*
 * Ends the worker and waits until the kernel has forgotten it, at most a second. Until worker_may_return() there is no
 * other. false: there was none.
 */
bool worker_leave(void);
/* A worker may be started again. A job that was interrupted is still due. */
void worker_may_return(void);

/* For the worker: is it to go on? Not when the shim is not active, or when it has to leave. */
bool worker_goes_on(void);
/* For the worker: a pause that worker_leave() ends. A signal may end it early as well. */
void worker_pause(uint64_t ns);

/* The number of threads of the library's own: 0 or 1. */
uint32_t worker_count(void);

/* A filter would kill the process for sampling: next touch never starts. Start-up only. */
void worker_stay_off(void);
/* Notes in a new segment why next touch does not run, if that is so. */
void worker_tell(void);

/* In a forked child, which has no worker. */
void worker_forked(void);

#endif
