/*
 * moving: the memory of a process that is placed from outside follows its threads, page by page (move_pages(2), by libnuma),
 * within a budget for each pass.
 *
 * Which thread uses a page is not known from outside. So the process's memory goes to the nodes of all its threads together:
 * those of their memory policies, or those of their CPUs. A page on one of these stays; any other goes to the nearest of
 * them, and where several are as near, stripe by stripe to each. Where all of these policies interleave, stripes are dealt
 * out over the nodes. Pages that another process has mapped, too, stay.
 */
#ifndef NODEWISE_TOOLS_APPLY_MOVING_H
#define NODEWISE_TOOLS_APPLY_MOVING_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/apply/target.h"

#define MOVING_NO_BUDGET UINT64_MAX

/* One of a process, zeroed at first. */
struct moving {
    struct cpuset nodes; /* where its memory belongs; empty: nothing is asked */
    bool interleaves;
    bool settled;          /* all of it was looked at since the nodes are these */
    uint64_t pass_bytes;   /* what one pass may move */
    uint32_t pass_ms;      /* and how long it may take; 0: any time */
    uint64_t cursor;       /* the address at which the next pass begins */
    uint64_t moved, stays; /* bytes, of all passes: moved; that the kernel would not move */
    uint64_t left;         /* bytes that are elsewhere and were not come to */
    enum reason reason;    /* OK, BUDGET, NOT_MOVED, NO_MEMPOLICY, EPERM, EINVAL, ERRNO */
    int error;             /* 0, or a negative errno of the last pass */
    bool changed;          /* to be told; the caller clears it */
};

/*
 * After the threads were placed: where the memory belongs now. budget: bytes of a pass, for whatever policy;
 * MOVING_NO_BUDGET: memory.migrate_on_move says whether, memory.move_bytes and memory.move_time how much. 0 or -ENOMEM.
 */
int moving_ask(struct moving *moving, const struct plan_view *plan, const struct target *target, uint64_t budget);
/*
 * One pass, where one is due (nodes are asked for, and it is not settled); what became of it stands in *moving. dry_run:
 * it only counts. A process that ends meanwhile settles it.
 */
void moving_pass(struct moving *moving, struct target *target, bool dry_run);
bool moving_is_due(const struct moving *moving);
void moving_free(struct moving *moving);

#endif
