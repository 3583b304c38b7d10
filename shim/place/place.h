/*
 * place: which rule and slot a thread gets, and carrying it out. The four moments: birth, rename, another thread's
 * exclusive claim, end.
 *
 * Only called while the shim is active (place_end also later). Every function keeps errno; none blocks.
 */
#ifndef NODEWISE_SHIM_PLACE_PLACE_H
#define NODEWISE_SHIM_PLACE_PLACE_H

#include <stdbool.h>

#include "shim/base/thread.h"

/*
 * Birth, first half, in the creator, so that slots are handed out in the order of creation: a record with its
 * rule and slot decided. start: the start routine; caller: the return address of the creating call. NULL: no
 * memory; the thread is then created without us.
 */
struct thread *place_prepare(const void *start, const void *caller);
/* pthread_create failed: nothing happened. */
void place_abandon(struct thread *thread);
/* Birth, second half, in the new thread before its start routine. */
void place_born(struct thread *thread);
/* The new thread is over. */
void place_end(struct thread *thread);

/* The main thread at start-up; forked: the thread that is left in a forked child. */
void place_main(bool forked);
/* In a forked child before its first thread: makes the segment and lists the main thread in it. */
void place_show_main(void);

/* The thread `tid` has been given a name; tid may be the caller's. Signal-safe. */
void place_renamed(pid_t tid, const char *name);
/*
 * The calling thread, which no hook saw being made, does something: it gets its record and its place. Signal-safe.
 * Costs a comparison for all others.
 */
void place_adopt_self(void);
/* Records that were made for threads that no hook had seen, ever. */
uint32_t place_adoptions(void);
/*
 * In a new thread that has just registered, when there was an adoption since its creation: the thread that looked
 * through /proc may have taken it for one that no hook saw. Its other record ends.
 */
void place_disown(const struct thread *thread);
/* A thread of this process was found (sweep.h). false: it has no record, for want of memory. */
bool place_adopt(pid_t tid, const char *name);
/* Gives the places of such threads back that are over. */
void place_forget_gone(void);

/* Work that only the calling thread can do for itself and that is waiting (a memory policy). Signal-safe. */
void place_catch_up(void);

/* A job of worker/upkeep.h: does the calling thread still have the CPUs that its rule gave it? Signal-safe. */
void place_check_self(void);

/* No placing call any more, for good. Signal-safe. */
void place_stop(enum reason reason);
/* What could not be done while the plan was changed. */
void place_stop_if_wanted(void);

#endif
