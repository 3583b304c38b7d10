/*
 * apply: sets a thread's mask, memory policy and name as its record says, reads them back and notes in the record
 * what came of it. The caller owns the record. Signal-safe, errno kept.
 */
#ifndef NODEWISE_SHIM_PLACE_APPLY_H
#define NODEWISE_SHIM_PLACE_APPLY_H

#include <stdbool.h>

#include "shim/place/thread.h"

/* What the thread's mask has to be: its slot's when it holds one, else `otherwise` (BASE or UNION). */
void apply_cpus(struct thread *thread, enum standing otherwise);
/* Memory policy of the rule, or base again. Only the thread itself can: else the outcome is PENDING. */
void apply_memory(struct thread *thread);
/* The rule's `rename` for an unnamed thread; only the thread itself. */
void apply_rename(struct thread *thread);

/* errno's reason code. */
enum reason reason_of_error(int error);

/*
 * mbind(2) with a policy of the language, or the nearest that this kernel has; *ret_mode and nodes become what was set,
 * *reason OLD_KERNEL where that is less. 0 or negative errno.
 */
int memory_bind(void *start, size_t size, unsigned policy, uint64_t *nodes, int *ret_mode, enum reason *reason);

#endif
