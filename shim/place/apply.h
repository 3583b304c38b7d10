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

#endif
