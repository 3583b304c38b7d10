/*
 * outside: places the threads of a running process by another plan, from outside, for a process that sleeps or computes
 * and so does not take the plan itself. Only CPUs can be set so; memory policies, arenas and names are set by the
 * process when it takes the plan, which it then decides about all anew.
 */
#ifndef NODEWISE_TOOLS_PREPARE_OUTSIDE_H
#define NODEWISE_TOOLS_PREPARE_OUTSIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/compile.h"
#include "tools/segment/snapshot.h"

struct placed {
    pid_t tid;
    uint32_t rule; /* of the new plan, or PLAN_NONE */
    struct cpuset cpus;
    enum outcome outcome; /* strict: read back as asked */
};

struct outside {
    struct placed *threads; /* those that live */
    size_t count;
    size_t not_set; /* of these: not as asked */
};

/*
 * Can the command know what the process would know? Not where the plan asks for facts that the process noted nothing
 * of, and not where the process places no thread any more.
 */
bool outside_is_possible(const struct snapshot *snapshot, const struct plan_view *plan);
/* Is the process a target of the plan? false: *ret_key is the condition that does not hold. */
bool outside_is_target(const struct snapshot *snapshot, const struct plan_view *plan, uint32_t *ret_key);
/* Sets the masks and reads them back. Free with outside_free(). 0 or -ENOMEM. */
int outside_place(struct outside *ret_outside, const struct snapshot *snapshot, const struct plan_view *plan);
void outside_free(struct outside *outside);

#endif
