/*
 * thread_policy: sets the `memory.policy` of a rule for its threads with set_mempolicy(2), reads it back and notes it
 * in the record. memory_bind() does the same for a mapping with mbind(2).
 *
 * A policy that cannot be granted is approximated in steps. An older kernel gets its next best policy. If nodes of
 * `bind` have gone from the cpuset, the remaining nodes are preferred without being enforced, or else the memory of the
 * CPUs' own node is (reason `not-bound`). The last step sets no policy, and the thread has only its CPUs. Signal-safe,
 * errno kept.
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
 * Sets the memory policy of the rule, for main without one that which all rules share, or the base policy again. Only the
 * thread itself can do that; for other threads the outcome is PENDING. The caller owns the record.
 */
void thread_policy_apply(struct thread *thread);

/*
 * Keeps the policy that the program has just set for the calling thread, reads it back and notes it. The caller owns
 * the record.
 */
void thread_policy_of_program(struct thread *thread);

/*
 * For enforcement = "hard": sets the rule's memory policy for the calling thread, reads it back and restores the policy
 * that the process was started with. Returns OK, or the reason why the machine cannot grant it.
 */
enum reason thread_policy_try(const struct plan_rule *rule);

/*
 * Is that the policy which the plan gives a main thread without a rule, or what an older kernel makes of it? nodes:
 * NODE_WORDS words.
 */
bool thread_policy_is_mains(int mode, const uint64_t *nodes);

/* Does the kernel's answer about a memory policy match the request? nodes: NODE_WORDS words each. */
bool memory_is_as_asked(int asked_mode, const uint64_t *asked, int mode, const uint64_t *nodes);

/*
 * Binds a mapping with mbind(2) to a policy of the language, or to the nearest one that this kernel has. *ret_mode and
 * nodes become what was set; *reason becomes OLD_KERNEL, NOT_BOUND or MEM_NODE where that is less. Returns 0 or a
 * negative errno.
 */
int memory_bind(void *start, size_t size, unsigned policy, uint64_t *nodes, int *ret_mode, enum reason *reason);

#endif
