/*
 * groups: threads that are alike: the same name but for digits, or no name and the same start routine. A rule each.
 */
#ifndef NODEWISE_TOOLS_LEARN_GROUPS_H
#define NODEWISE_TOOLS_LEARN_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "tools/learn/allocated.h"
#include "tools/learn/observe.h"

#define GROUPS_MOST 64u /* more become one, the last */

struct group {
    char pattern[32];                              /* of names; "" : unnamed */
    char library[256], function[64], creator[256]; /* of the start routine and of the creator; "" where not known */
    bool is_main;
    size_t threads;
    uint64_t ran_ns, nodes;
    uint64_t bytes;              /* resident, of what its threads made: the most of each */
    uint64_t uses[GROUPS_MOST];  /* samples of its work on large blocks of threads of that group */
    uint64_t changes;            /* how often memory changed hands between two of its threads */
    double unevenness;           /* of these, between the pairs: 0, all have as much in common; 1 and more, some have */
    uint32_t talks[GROUPS_MOST]; /* by index of the other group: how often the two were seen waiting for one thing */
};

struct groups {
    struct group items[GROUPS_MOST];
    size_t count;
    uint64_t ran_ns; /* of all */
};

/* report: of the same process, for what the library knows about its threads. */
void groups_make(struct groups *ret_groups, const struct observed *observed, const struct allocated *allocated,
                 const json_t *report);

#endif
