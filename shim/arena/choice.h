/*
 * choice: which region serves a thread: by its rule, its slot and the CPU that runs it.
 *
 * Rules that ask for the same flavour share regions. A rule whose memory policy spreads pages over nodes (interleave, a
 * list of nodes) gets a region without a binding, where the policy of the touching thread decides.
 */
#ifndef NODEWISE_SHIM_ARENA_CHOICE_H
#define NODEWISE_SHIM_ARENA_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

struct region;

/* Looks through the plan and reserves. 0; -ENOENT: no rule wants an arena; -ENOMEM: nothing can be reserved. */
int choice_open(void);

struct choice {
    struct region *region; /* NULL: the program's own allocator */
    uint32_t core;         /* of the CPU */
    bool by_core;          /* another core wants another heap */
    uint32_t rule;         /* or PLAN_NONE */
};

/* For the calling thread on this CPU. No system call. */
struct choice choice_now(uint32_t cpu);

/* Another plan, on the regions that there are. Only where choice_open() succeeded. */
void choice_plan_changed(void);

#endif
