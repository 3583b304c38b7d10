/*
 * self: where the calling thread is. nw_self() is one comparison while the thread stays on its CPU: glibc registers an
 * area where the kernel writes the number of the CPU (rseq(2)); it is read, never written.
 *
 * A thread of a synthetic registry has the affinity that self_pretend() gave it.
 *
 * Any thread, signal-safe, errno kept.
 */
#ifndef NODEWISE_SHIM_API_SELF_H
#define NODEWISE_SHIM_API_SELF_H

#include <stdbool.h>

#include "shim/nodewise.h"

/* The calling thread's mask has changed: the next nw_self() asks the kernel again. */
void self_forget(void);
/* From now on nw_self() of the calling thread answers this. */
void self_pretend(struct nw_affinity affinity);
/* Slots and nodes that a synthetic machine has: storage has room for them. */
void self_make_room(unsigned slots, unsigned nodes);

/* The affinity of a thread that has any of these CPUs, and is on `cpu`. */
struct nw_affinity self_of_mask(const uint64_t *mask, size_t words, unsigned cpu);

#endif
