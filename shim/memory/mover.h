/*
 * mover: move_pages(2) in batches within a budget. For the worker (worker.h).
 *
 * The kernel drains every CPU's page lists for each call (50 us and more), so pages of several chunks share one. What
 * cannot be moved (locked, shared with another process, no free memory there) stays and is counted.
 */
#ifndef NODEWISE_SHIM_MEMORY_MOVER_H
#define NODEWISE_SHIM_MEMORY_MOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/base/segment_layout.h"

#define MOVER_BATCH 512u                      /* pages */
#define MOVER_BYTES (UINT64_C(4) << 30)       /* a second, where no rule says it */
#define MOVER_NS    (500 * UINT64_C(1000000)) /* of a second */
#define MOVER_BUSY  32u                       /* runs of pages that are remembered as busy */
#define HUGE_PAGE   ((size_t)2 << 20)

struct span_of_pages {
    uintptr_t start, end;
};

struct mover {
    uint64_t bytes_a_second, ns_a_second;           /* the budget */
    uint64_t second_began, second_bytes, second_ns; /* what this second has used of it */
    uint64_t moved;                                 /* bytes, since they were told, that came from another node */
    uint64_t kept[SEGMENT_KEPT];           /* bytes that stay, by enum segment_kept; modulo 2^64, see mover_uncount() */
    int error;                             /* negative errno of the last call that failed as a whole, or 0 */
    struct span_of_pages busy[MOVER_BUSY]; /* since mover_begin() */
    uint32_t busy_count;
    uint32_t count;
    void *pages[MOVER_BATCH];
    int targets[MOVER_BATCH], status[MOVER_BATCH];
};

void mover_init(struct mover *mover);

/* The budget of a rule (memory.move_bytes, move_time) from now on, its number as struct big has it. */
void mover_begin(struct mover *mover, uint32_t rule);
/* In the same batch, something of another rule: the smaller budget counts. */
void mover_also(struct mover *mover, uint32_t rule);

/* Nanoseconds until there is budget again; 0: now. */
uint64_t mover_wait(struct mover *mover);

/*
 * Before parts of [start, start + size) are moved: transparent huge pages that reach beyond its ends are split, for the
 * kernel moves such a page as a whole, with what belongs to another object.
 */
void mover_cut(uintptr_t start, size_t size);

/* Adds pages of [start, start + size) to the batch; returns the bytes that found room. Whole pages only. */
size_t mover_add(struct mover *mover, uintptr_t start, size_t size, uint32_t node);
/* Moves the batch, which is empty then. 0, or a negative errno when the kernel refuses the call. */
int mover_run(struct mover *mover);

/*
 * Bytes of [start, start + size) that a thread used just then, or the kernel for one, when they were to
 * move; but for what was busy in more runs than are remembered.
 */
size_t mover_busy_in(const struct mover *mover, uintptr_t start, size_t size);
/* So many of them are tried again: they are not to be counted twice. */
void mover_uncount(struct mover *mover, size_t bytes);

/* All of [start, start + size), batch by batch; the last one may be left in the batch. 0, or the last error. */
int mover_add_all(struct mover *mover, uintptr_t start, size_t size, uint32_t node);

/* Nodes of a page, asked; UINT32_MAX: it is not there, or the kernel does not tell. */
uint32_t mover_node_of(uintptr_t address);

#endif
