/*
 * balance: which threads an idle place takes from an overloaded one (`rebalance`). The caller measures, this decides.
 *
 * The load of a CPU is what the threads on it ask for, each spread evenly over the CPUs of its place; of a place, the
 * mean of its CPUs'. A thread moves only when that makes the difference between the two places smaller by more than
 * `imbalance` of a CPU, from a place that has by so much more to do than CPUs to one that has by so much less, and no sooner
 * than `min_residency` after it came (the caller's `movable`): so nothing moves back and forth. The nearest overloaded
 * place gives first, within `steal`. Pure, allocation-free.
 */
#ifndef NODEWISE_POLICY_BALANCE_H
#define NODEWISE_POLICY_BALANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/plan.h"

#define BALANCE_CPU 1000u /* load that fills a CPU */

struct balance_thread {
    uint32_t rule, slot; /* of the plan */
    uint32_t load;       /* running and waiting to run, in thousandths of the time */
    bool movable;
    uint32_t to; /* result: another slot of the rule, or PLAN_NONE */
};

/* cpu_load: room for count[PLAN_CPUS] numbers. Returns how many threads are to move, `most` at most. */
uint32_t balance(const struct plan_view *plan, struct balance_thread *threads, uint32_t count, uint32_t *cpu_load,
                 uint32_t most);

#endif
