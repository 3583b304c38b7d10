/*
 * counted: on which CPUs a thread counts, for the choice of the next threads' places (policy/occupancy.h): those of its
 * slot, or those that the program chose for it. The caller owns the record. Signal-safe; errno is not kept.
 */
#ifndef NODEWISE_SHIM_PLACE_COUNTED_H
#define NODEWISE_SHIM_PLACE_COUNTED_H

#include "shim/base/mask.h"
#include "shim/base/thread.h"

/* The program chose these CPUs for the thread; other processes learn of it. */
void counted_on(struct thread *thread, const struct mask *cpus);
/* The same in two steps within an exchange of the caller's (board_file.h). */
void counted_nowhere(struct thread *thread);
void counted_there(struct thread *thread, const struct mask *cpus);
/* It has its place, or none: it does not count on CPUs of its own choice any more. */
void counted_in_place(struct thread *thread);
/* The occupancy begins anew (a fork, another plan): the thread is not counted. */
void counted_forget(struct thread *thread);

#endif
