/*
 * place: which rule and slot a thread gets, and carrying it out. The four moments: birth, rename, somebody's
 * exclusive claim, end.
 *
 * Only called while the shim is active (place_end also later). Every function keeps errno; none blocks.
 */
#ifndef NODEWISE_SHIM_PLACE_PLACE_H
#define NODEWISE_SHIM_PLACE_PLACE_H

#include <stdbool.h>

#include "shim/place/thread.h"

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
/* Work that only the calling thread can do for itself and that is waiting (a memory policy). Signal-safe. */
void place_catch_up(void);

/* No placing call any more, for good. Signal-safe. */
void place_stop(enum reason reason);

#endif
