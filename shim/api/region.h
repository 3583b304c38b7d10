/*
 * region: what the library remembers of each mapping of nw_region_map(): which nodes its pages should be on. The steps of
 * mapping one are in files of their own: region_policy.c, region_touch.c.
 *
 * Any thread; not signal-safe. Negative errno.
 */
#ifndef NODEWISE_SHIM_API_REGION_H
#define NODEWISE_SHIM_API_REGION_H

#include <stddef.h>
#include <stdint.h>

#include "shim/api/cpus.h"
#include "shim/nodewise.h"

#define REGION_NODE_WORDS (NODES_MAX / 64)

/* What a region is to have. */
struct region_wish {
    size_t length;
    size_t page; /* that its length is a multiple of */
    unsigned policy, huge, prefault, touch_threads;
    uint64_t nodes[REGION_NODE_WORDS]; /* with memory, that the process may use; never empty */
    bool narrowed;                     /* the caller named nodes that it may not use, too */
};

/* How far one step came. error: what NW_HARD returns for it; 0 where the level is NW_STRICT. */
struct region_step {
    struct nw_got got;
    int error;
};

/* Sets the policy of a new mapping and reads it back. */
struct region_step region_set_policy(void *start, const struct region_wish *wish);
/* Makes the pages present, where that was asked for. */
struct region_step region_prefault(void *start, const struct region_wish *wish);

/* The nodes of a mapped region. -EINVAL: nothing is mapped there. */
int region_find(const void *start, size_t length, uint64_t ret_nodes[REGION_NODE_WORDS]);
/* For nw_report(). */
void region_each(void (*visit)(const struct nw_region *region, void *context), void *context);

#endif
