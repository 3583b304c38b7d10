/*
 * distribute: the ordered places that the threads of one rule get. Pure geometry: a set of CPUs, a topology
 * and the words distribution, level, bind_to and smt in; slots in the order of use out.
 *
 *   level    what is walked over          bind_to   how wide each thread's mask is
 *
 * Every part of the set that lies in one place of `level` yields the bind_to-wide places that touch it. compact
 * takes them place after place, beginning nearest to the main thread; scatter, round_robin and least_loaded
 * take the first of every place, then the second of every place; scatter moreover orders the places so that
 * neighbours in the order are far apart in the machine. primary yields the first only, unless threads may leave it: then
 * all, as compact. With smt = "cores_first" all that
 * stand for the first hardware thread of a core come before all others.
 */
#ifndef NODEWISE_POLICY_DISTRIBUTE_H
#define NODEWISE_POLICY_DISTRIBUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/cpuset.h"
#include "policy/topology.h"
#include "policy/words.h"

struct dist_request {
    const struct topology *topology;
    const struct cpuset *set; /* CPUs of the rule, not empty, all in the topology */
    enum distribution distribution;
    enum level level, bind_to;
    enum smt smt;
    bool leaves;                  /* rebalance.steal: threads may get another place later */
    bool exclusive;               /* each slot holds one thread and claims whole cores where it is core-wide */
    const struct cpuset *main_at; /* where the main thread is, or NULL: what compact begins with */
};

struct dist_slot {
    struct cpuset mask;
    struct cpuset claim;
    unsigned capacity; /* CPUs of the level's place in the mask, at least 1; 1 when exclusive */
    unsigned cores;    /* threads that it holds before two of them share a core; else as capacity, see `smt` */
    unsigned rank;     /* the lowest place of its CPUs among the hardware threads of their cores */
    unsigned place;    /* number of the level's place in topology order */
};

struct dist_slots {
    struct dist_slot *items;
    size_t count;
};

/* 0 with at least one slot, or -ENOMEM. Free with dist_slots_free(). */
int distribute(struct dist_slots *ret_slots, const struct dist_request *request);
void dist_slots_free(struct dist_slots *slots);

/* The set as `smt` leaves it: with one_per_core the first hardware thread in the set of each core. */
int distribute_usable(struct cpuset *ret_usable, const struct topology *topology, const struct cpuset *set,
                      enum smt smt);

#endif
