/*
 * arbitrate: what becomes of the program's own affinity and memory policy calls (on_app_affinity). The call is made
 * first, so that its result is the kernel's; what the kernel then holds is the program's wish, and the record's rule
 * says what of it stays: respect all, clamp to the place, remap into the place, ignore.
 *
 * A thread without a rule is the program's own: its calls stand.
 */
#ifndef NODEWISE_SHIM_PLACE_ARBITRATE_H
#define NODEWISE_SHIM_PLACE_ARBITRATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "shim/base/thread.h"

/*
 * Before the call: the record of the thread that it is about, owned by the caller, or NULL: none of this process's
 * registered threads, or one that this very thread is placing (in a signal handler). tid 0: the calling thread.
 * May wait up to a millisecond for a thread that is being placed.
 */
struct thread *arbitrate_begin(pid_t tid);
/*
 * After it, with what arbitrate_begin() returned. succeeded: the kernel took the call; by: who asked (an address in
 * code), or NULL. tid as before. errno kept.
 */
void arbitrate_end(struct thread *thread, pid_t tid, bool succeeded, const void *by);
/* The same for set_mempolicy(2), which is always about the calling thread. */
void arbitrate_memory(bool succeeded, const void *by);

/*
 * In a new thread, which is owned by itself, when its creator may have given it a mask, by attribute or by a call
 * before it had registered. false: it has only what it inherited, and nothing was done.
 */
bool arbitrate_birth(struct thread *thread);
/* Was there a call about a thread without a record since then? */
uint32_t arbitrate_early(void);

/* The place changed under a mask that the program chose: what stays of it now. The caller owns the record. */
void arbitrate_again(struct thread *thread);

/* May the program's mbind(2) stand? */
bool arbitrate_keeps_mbind(void);

#endif
