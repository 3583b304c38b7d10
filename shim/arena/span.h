/*
 * span: runs of slices of a region: taken, given, and given back to the kernel when they stay idle. Of the free ones
 * (free_spans.h) dirty spans are used first, the best fitting one; the youngest part of the region, behind the frontier,
 * last.
 *
 * Idle dirty memory goes back after DECAY_MS, and at once what exceeds the region's recent peak of use, both inside
 * calls of the program that come here anyway: there is no background thread. All functions want the region's lock held.
 */
#ifndef NODEWISE_SHIM_ARENA_SPAN_H
#define NODEWISE_SHIM_ARENA_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/arena/region.h"

#define DECAY_EVERY 50u /* ms between two looks at what is due */

/*
 * A span of `slices`, its start aligned to `alignment` slices (a power of two). Its head's kind is the caller's to set;
 * head->slices and, for the last slice, kind PAGE_INTERIOR and back are set. NULL: no memory can be had.
 */
struct page *span_take(struct region *region, uint32_t slices, uint32_t alignment, bool *ret_zeroed);

/* The memory was in use: it becomes dirty. `now`: arena_now_ms(). */
void span_give(struct region *region, struct page *page, uint32_t slices, uint32_t now);

/*
 * The same for a span whose memory was moved to another node: the kernel takes it back, the lock is released meanwhile.
 */
void span_give_away(struct region *region, struct page *page, uint32_t slices, uint32_t now);

/* Makes a span longer in its place. false: what follows is in use. */
bool span_extend(struct region *region, struct page *page, uint32_t slices);
/* Gives the end of a span back. */
void span_shorten(struct region *region, struct page *page, uint32_t slices, uint32_t now);

/*
 * A clean span for an object that grows: not counted as in use, because hardly any of it is touched. Given back, its
 * first `reach` slices are dirty and the rest is as clean as it was.
 */
struct page *span_take_room(struct region *region, uint32_t slices);
/* May its object, which reached `reach` slices and at first one, reach so many? false: the room or memory ends before. */
bool span_reach(struct region *region, const struct page *page, uint32_t reach, uint32_t slices);
/* The room ends where its object ends. */
void span_cut_room(struct region *region, struct page *page, uint32_t reach);
void span_give_room(struct region *region, struct page *page, uint32_t reach, uint32_t now);

/*
 * Gives dirty memory that is older than age_ms back to the kernel; the lock is released meanwhile, span by span.
 * Returns the slices. 0 ms: all of it.
 */
uint32_t span_purge(struct region *region, uint32_t now, uint32_t age_ms);
/*
 * The same for 32 MiB at most, of the span that is idle for longest: other threads that wait for the kernel's lock of the
 * address space do not wait for long. 0: none is that old; -1: the kernel keeps it.
 */
int64_t span_purge_part(struct region *region, uint32_t now, uint32_t age_ms);
/* What is due by time and amount; costs a comparison when nothing is. */
void span_decay(struct region *region, uint32_t now);

/*
 * Gives back all memory that is idle, and of the reservation what is neither used nor among the first `slices` (lean.h).
 * Once: later only the memory. The lock is released meanwhile. false: the region has to become lean, or is.
 */
bool span_make_short(struct region *region, uint32_t slices, uint32_t now);

/*
 * Makes the region lean (lean.h), and gives back all that is idle: memory and address space. The lock is released
 * meanwhile, but not before the region is what a lean one has to be.
 */
void span_make_lean(struct region *region, uint32_t now);

/* Monotonic, in milliseconds, from the coarse clock: some nanoseconds, no system call. */
uint32_t arena_now_ms(void);

#endif
