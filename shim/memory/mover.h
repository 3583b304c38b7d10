/*
 * mover: move_pages(2) in batches, within a budget. For the worker (worker/worker.h), and for the main thread at
 * start-up (place/first_pages.h). Each has a mover of its own, so no locks are needed. Errors are negative errnos.
 *
 * For each call the kernel drains the page lists of every CPU (50 us and more), so the pages of several chunks share a
 * batch. Pages that cannot be moved (locked, shared with another process, no free memory on the node) stay and are
 * counted.
 */
#ifndef NODEWISE_SHIM_MEMORY_MOVER_H
#define NODEWISE_SHIM_MEMORY_MOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/base/segment_layout.h"

#define MOVER_BATCH 512u                      /* pages */
#define MOVER_BYTES (UINT64_C(4) << 30)       /* a second, unless a rule sets another rate */
#define MOVER_NS    (500 * UINT64_C(1000000)) /* in each second */
#define MOVER_BUSY  32u                       /* runs of pages that are recorded as busy */

struct span_of_pages {
    uintptr_t start, end;
};

struct apart;

struct mover {
    uint64_t bytes_a_second, ns_a_second;           /* the budget */
    uint64_t second_began, second_bytes, second_ns; /* what the current second has used of the budget */
    uint64_t moved;                                 /* bytes that came from another node, since the last report */
    uint64_t kept[SEGMENT_KEPT];           /* bytes that stay, by enum segment_kept; modulo 2^64, see mover_uncount() */
    struct apart *apart;                   /* is told of what was moved; NULL: nothing is */
    int error;                             /* negative errno of the last call that failed as a whole, or 0 */
    struct span_of_pages busy[MOVER_BUSY]; /* since mover_begin() */
    uint32_t busy_count;
    uint32_t count;
    void *pages[MOVER_BATCH];
    int targets[MOVER_BATCH], status[MOVER_BATCH];
};

void mover_init(struct mover *mover);

/* Sets the budget to that of a rule (memory.move_bytes, memory.move_time). rule: its number as in struct big. */
void mover_begin(struct mover *mover, uint32_t rule);
/* Adds another rule to the same batch. The smaller budget applies. */
void mover_also(struct mover *mover, uint32_t rule);

/* Nanoseconds until budget is available; 0 means now. */
uint64_t mover_wait(struct mover *mover);

/*
 * Call it before parts of [start, start + size) are moved. It splits transparent huge pages that reach beyond the ends,
 * because the kernel moves such a page as a whole, with the part that belongs to another object.
 */
void mover_cut(uintptr_t start, size_t size);

/* Adds the whole pages of [start, start + size) to the batch. Returns the bytes that found room. */
size_t mover_add(struct mover *mover, uintptr_t start, size_t size, uint32_t node);
/* Moves the batch and empties it. Returns 0, or a negative errno when the kernel refuses the call. */
int mover_run(struct mover *mover);

/*
 * The bytes of [start, start + size) that were busy during the move, because a thread or the kernel on behalf of a
 * thread was using them. Busy runs beyond MOVER_BUSY are not included.
 */
size_t mover_busy_in(const struct mover *mover, uintptr_t start, size_t size);
/* Takes bytes out of the count of busy ones. Their move will be tried again, and they must not be counted twice. */
void mover_uncount(struct mover *mover, size_t bytes);

/* Moves [start, start + size) batch by batch; the last batch may remain pending. Returns 0 or the last error. */
int mover_add_all(struct mover *mover, uintptr_t start, size_t size, uint32_t node);

/*
 * The node of the page at an address, from the kernel. UINT32_MAX: the page is not present, or the kernel does not
 * tell.
 */
uint32_t mover_node_of(uintptr_t address);

#endif
