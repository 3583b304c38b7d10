/*
 * arbitrate: handles the program's own affinity and memory policy calls (on_app_affinity). The call is made first, so
 * its result is the kernel's. The mask or policy that the kernel then holds is the program's request. The record's rule
 * decides how much of it stays: respect keeps all of it, clamp limits it to the place, remap maps it into the place,
 * ignore drops it.
 *
 * The shim does not touch the calls of a thread without a rule.
 *
 * The hooks call these functions in the calling thread. Errno is kept; what the kernel refuses leaves the program's
 * request in force.
 */
#ifndef NODEWISE_SHIM_PLACE_ARBITRATE_H
#define NODEWISE_SHIM_PLACE_ARBITRATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "shim/base/mask.h"
#include "shim/base/thread.h"

/* A call of the program's, as it was made. by: an address in the calling code. */
struct affinity_call {
    pid_t tid; /* 0: the calling thread */
    size_t size;
    const void *set; /* `size` bytes, which the kernel has accepted where the call succeeded */
    const void *by;
};

/*
 * Call it before the program's call. Returns the record of the thread that the call is about; the caller then owns it.
 * Returns NULL when this process has no registered thread of that tid, and when the calling thread is just placing that
 * thread (in a signal handler). tid 0 means the calling thread. May wait up to a millisecond for a thread that is being
 * placed.
 */
struct thread *arbitrate_begin(pid_t tid);
/*
 * Call it after the program's call, with the result of arbitrate_begin() and the same tid. succeeded: the kernel
 * accepted the call. errno kept. false: this process has no such thread, or the call was a vfork child's about itself.
 */
bool arbitrate_end(struct thread *thread, const struct affinity_call *call, bool succeeded);
/* For set_mempolicy(2), which always affects the calling thread. is_default: it set MPOL_DEFAULT. */
void arbitrate_memory(bool succeeded, bool is_default, const void *by);

/*
 * For a new thread that owns its own record, when its creator may have given it a mask, by attribute or by a call
 * before it had registered. false: the thread has only the mask that it inherited, and nothing was done.
 */
bool arbitrate_birth(struct thread *thread);
/* The number of calls so far about threads without a record. A changed number means that there was one meanwhile. */
uint32_t arbitrate_early(void);

/*
 * Decides again about a mask that the program chose, because the place under it has changed. The caller owns the
 * record.
 */
void arbitrate_again(struct thread *thread);

/*
 * The same for the memory policy of the calling thread. false: the rule does not let the program have it, and nothing
 * was done.
 */
bool arbitrate_memory_again(struct thread *thread);

/*
 * The process starts with a mask that the program chose before exec. Is that what all its threads are placed within, as
 * the mask of any other start? Not where the policy ignores or maps what programs choose, or where main's rule has none
 * of these CPUs. Start-up only; reads shim.plan and shim.facts.
 */
bool arbitrate_keeps_start(const struct mask *chosen);

/* Does the policy accept the program's mbind(2)? */
bool arbitrate_keeps_mbind(void);

#endif
