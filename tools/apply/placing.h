/*
 * placing: which CPUs the threads of running processes get by a plan, and that they get them. Rules are matched and places
 * are chosen by the code that the library and the dry run have; all processes of one command share the places.
 *
 * Nothing says from outside whether a thread chose its CPUs itself. It is taken to have, where it has others than the
 * process as a whole when it is first seen, and none that it may have inherited from a thread that was placed; and later, where
 * it has others than were read back. Then on_app_affinity decides, as in shim/place/arbitrate.c.
 *
 * Before each call the thread is proven to be the one that was seen, and afterwards once more: a number that was given to
 * another thread in between is told as gone.
 */
#ifndef NODEWISE_TOOLS_APPLY_PLACING_H
#define NODEWISE_TOOLS_APPLY_PLACING_H

#include "tools/apply/target.h"

struct placing {
    const struct plan_view *plan;
    struct occupancy occupancy;
    void *memory;    /* the occupancy's tables */
    uint64_t *bits;  /* room for a mask */
    bool dry_run;    /* nothing is set */
    unsigned claims; /* how often exclusive threads took CPUs or gave them back */
    int refused;     /* 0, or the errno with which the kernel refused a thread last */
};

/* The plan outlives it. 0 or -ENOMEM. */
int placing_init(struct placing *ret_placing, const struct plan_view *plan, bool dry_run);
void placing_free(struct placing *placing);

/*
 * Places the threads that are new or have another name since the last call, after target_look(), gives back the places of
 * those that have ended, and settles the target. closely: also those that have other CPUs than they were given. What has
 * another place or another outcome is marked (thread.changed), for the caller to tell and to clear. 0 or -ENOMEM.
 */
int placing_place(struct placing *placing, struct target *target, bool closely);
/* Gives back the places of all its threads, which keep what they have. */
void placing_leave(struct placing *placing, struct target *target);
/* Did nothing happen since that its threads' places depend on? */
bool placing_is_settled(const struct placing *placing, struct target *target);

/* Has the thread what the policy says, which may be what the program chose? Not where the kernel gave it something else. */
bool placing_is_as_asked(const struct target_thread *thread);

#endif
