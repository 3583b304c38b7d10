/*
 * grouping: which threads exchange their places, so that those that use the same memory come together
 * (distribution = "sharing"). The caller observes, this decides.
 *
 * Two threads are together on one node, better still under one last-level cache. Threads of one rule exchange places,
 * which makes no place more crowded; or one goes to a place of its rule that has a core left for it, if it has more in
 * common with the threads there than any two threads have. Nothing happens for little: what is found in one round of
 * evidence must bring in the next one, too, GROUPING_MARGIN of what the threads that move have in common with others,
 * and more than chance would. Pure, allocation-free.
 */
#ifndef NODEWISE_POLICY_GROUPING_H
#define NODEWISE_POLICY_GROUPING_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/occupancy.h"
#include "policy/plan.h"

#define GROUPING_THREADS 128u
#define GROUPING_STEPS   (GROUPING_THREADS / 2)
#define GROUPING_MARGIN  20u /* percent */

struct grouping_thread {
    uint32_t rule, slot; /* of the plan; PLAN_NONE: it has no place, and does not count */
    bool movable;        /* else it stays, and others come to it */
};

/* `first` goes to the slot `to`, and `second`, where there is one, to `from`, which `first` had. */
struct grouping_step {
    uint32_t first, second; /* second: PLAN_NONE, there is room */
    uint32_t from, to;
};

/* What each two threads have in common, by their numbers; symmetric. */
typedef uint32_t grouping_weights[GROUPING_THREADS][GROUPING_THREADS];

struct grouping {
    const struct plan_view *plan;
    uint32_t count;
    struct grouping_thread threads[GROUPING_THREADS];
    const grouping_weights *found, *shown; /* the round that steps are found in, and the one that has to agree */
    uint32_t one;                          /* weight of one observation */
    const struct occupancy *occupancy;
    /* the rest is grouping_find()'s own */
    uint32_t place_count, step_count;
    uint32_t places[GROUPING_THREADS];   /* a slot of each place */
    uint32_t place_of[GROUPING_THREADS]; /* by thread */
    uint32_t slot_of[GROUPING_THREADS];  /* by thread, as the steps leave it */
    bool done[GROUPING_THREADS];
    int64_t usual;                                    /* weight of two threads on average */
    int64_t pull[GROUPING_THREADS][GROUPING_THREADS]; /* by thread and place: what it has in common with who is near */
    int64_t near[GROUPING_THREADS];                   /* by place: the same if each thread had 1 in common with it */
    struct grouping_step steps[GROUPING_STEPS];
};

/* Returns the number of steps that are worth taking, and *ret_steps, in the order in which to take them. */
uint32_t grouping_find(struct grouping *grouping, const struct grouping_step **ret_steps);

#endif
