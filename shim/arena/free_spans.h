/*
 * free_spans: the free spans of a region: kept in bins by length, found, cut and merged.
 *
 * A free span is dirty (its memory may be resident) or clean (it reads as zero and costs nothing). Only equals are
 * merged, so both properties hold for whole spans. Dirty ones are kept by age as well, and only those of about the same
 * age are merged.
 *
 * Only the first and the last descriptor of a span say that it is one: neighbours look no further, so the cost of
 * everything here is independent of a span's length, but for clean spans of a lean region (lean.h).
 *
 * All functions want the region's lock held.
 */
#ifndef NODEWISE_SHIM_ARENA_FREE_SPANS_H
#define NODEWISE_SHIM_ARENA_FREE_SPANS_H

#include <stdint.h>

#include "shim/arena/region.h"

enum free_set { FREE_CLEAN, FREE_DIRTY };

/* The bin for free spans of that length; of a region's bins[]. */
uint32_t span_bin(uint32_t slices);

/* Writes the descriptors of a span's ends: its length, and that it is of this kind. */
void span_mark(struct page *page, uint32_t slices, enum page_kind kind);
/* The kind alone, of every slice. */
void span_mark_each(struct page *page, uint32_t slices, enum page_kind kind);

/* These slices, which belong to no span, become free, or a part of free neighbours; at the frontier, clean ones lie behind it. */
void free_add_clean(struct region *region, struct page *page, uint32_t slices);
/* now: arena_now_ms(), from which their age counts. */
void free_add_dirty(struct region *region, struct page *page, uint32_t slices, uint32_t now);
/* The span is the caller's; its descriptors stay. */
void free_unlist(struct region *region, struct page *page);

/* The last `slices` of a longer dirty span are the caller's; the rest stays free. Returns where they begin. */
struct page *free_cut(struct region *region, struct page *page, uint32_t slices);

/* A free span that is long enough, which stays free. NULL: none was found. */
struct page *free_find(const struct region *region, enum free_set set, uint32_t slices);
/* Cuts [page, +slices) out of the free span it begins; the rest stays free, of the same kind and age. */
void free_split(struct region *region, struct page *page, uint32_t slices);

#endif
