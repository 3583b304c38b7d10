/*
 * place: decides which rule and slot a thread gets, and applies them. There are four moments: birth, rename, an
 * exclusive claim by another thread, and end.
 *
 * Call it only while the shim is active; place_end() may also be called later. Every function keeps errno, none blocks.
 * What the kernel refuses becomes an outcome in the thread's record.
 */
#ifndef NODEWISE_SHIM_PLACE_PLACE_H
#define NODEWISE_SHIM_PLACE_PLACE_H

#include <stdbool.h>

#include "shim/base/thread.h"

/*
 * First half of a birth, in the creator, so that slots are given out in the order of creation. Returns a record with
 * its rule and slot decided. start: the start routine; caller: the return address of the creating call. NULL: memory is
 * short, and the thread is created without the shim.
 */
struct thread *place_prepare(const void *start, const void *caller);
/* pthread_create failed: undoes place_prepare(). */
void place_abandon(struct thread *thread);
/* Second half of a birth, in the new thread before its start routine. */
void place_born(struct thread *thread);
/* The thread's start routine is over. */
void place_end(struct thread *thread);

/* Places the main thread at start-up. forked: places the thread that remains in a forked child. */
void place_main(bool forked);
/* In a forked child before its first thread: makes the segment and lists the main thread in it. */
void place_show_main(void);

/* Has the calling thread that name already, and its rule by it? Then nothing changes. Signal-safe. */
bool place_has_name(const char *name);
/* The thread `tid`, which may be the caller, got a name. Signal-safe. */
void place_renamed(pid_t tid, const char *name);
/*
 * Gives the calling thread a record and a place if it passed no hook at its birth. For all other threads it costs one
 * comparison. Signal-safe.
 */
void place_adopt_self(void);
/* The number of threads that were ever adopted, which means that they passed no hook at their birth. */
uint32_t place_adoptions(void);
/*
 * For a new thread that has just registered, when there was an adoption since its creation: the worker may have found
 * it in /proc and adopted it. Ends that other record.
 */
void place_disown(const struct thread *thread);
/*
 * Adopts a thread of this process that the worker found (worker/sweep.h). false: it has no record, because memory is
 * short.
 */
bool place_adopt(pid_t tid, const char *name);
/* Gives back the places of adopted threads that have ended. */
void place_forget_gone(void);

/* Does the pending work that only the calling thread can do for itself (a memory policy). Signal-safe. */
void place_catch_up(void);

/* A job of worker/upkeep.h: checks that the calling thread still has the CPUs that its rule gave it. Signal-safe. */
void place_check_self(void);

/* Stops all placing calls for good. Signal-safe. */
void place_stop(enum reason reason);
/* Calls place_stop() if it was called during a reload, when it had to be postponed. */
void place_stop_if_wanted(void);

#endif
