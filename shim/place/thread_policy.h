/*
 * thread_policy: `memory.policy` of a rule, set for its threads with set_mempolicy(2), read back and noted in the
 * record; and mbind(2) in the same words for a mapping.
 *
 * What cannot be had is come near to in steps: an older kernel's next best policy; for `bind`, whose nodes may be gone
 * from the cpuset, the same nodes as far as there are any without insisting on them, else the memory of the CPUs' own
 * node (reason `not-bound`); else none, and the thread has its CPUs alone. Signal-safe, errno kept.
 */
#ifndef NODEWISE_SHIM_PLACE_THREAD_POLICY_H
#define NODEWISE_SHIM_PLACE_THREAD_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/plan.h"
#include "policy/reason.h"

struct thread;

/*
 * Memory policy of the rule, or base again. Only the thread itself can: else the outcome is PENDING. The caller owns
 * the record.
 */
void thread_policy_apply(struct thread *thread);

/* The calling thread keeps the policy that the program has just set; it is read back and noted. As above. */
void thread_policy_of_program(struct thread *thread);

/*
 * enforcement = "hard": sets the rule's memory policy for the calling thread, reads it back and sets what the process
 * was started with again. OK, or why the machine cannot give it.
 */
enum reason thread_policy_try(const struct plan_rule *rule);

/* Is what the kernel says of a memory policy what it was asked? nodes: NODE_WORDS each. */
bool memory_is_as_asked(int asked_mode, const uint64_t *asked, int mode, const uint64_t *nodes);

/*
 * mbind(2) with a policy of the language, or the nearest that this kernel has; *ret_mode and nodes become what was set,
 * *reason OLD_KERNEL, NOT_BOUND or MEM_NODE where that is less. 0 or negative errno.
 */
int memory_bind(void *start, size_t size, unsigned policy, uint64_t *nodes, int *ret_mode, enum reason *reason);

#endif
