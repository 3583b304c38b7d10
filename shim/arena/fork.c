/*
 * Order of locks: `forking`, then the regions', ascending; no other lock is taken while one of a region is held.
 */
#include "shim/arena/fork.h"

#include <string.h>

#include "shim/arena/check.h"
#include "shim/arena/heap.h"
#include "shim/arena/idle.h"
#include "shim/arena/parked.h"
#include "shim/arena/region.h"
#include "shim/base/state.h"
#include "shim/start/start.h"

/* One fork at a time: glibc runs the handlers of several at once since 2.36. What follows is written under it. */
static struct lock forking = LOCK_OF_RANK(LOCK_RANK_FORKING);
static uint32_t nested;                 /* forks by signal handlers that interrupted a fork of their thread */
static uint64_t held[REGIONS_MAX / 64]; /* regions' locks taken by arena_fork_prepare() */

void arena_fork_prepare(void)
{
    if (!lock_take(&forking)) {
        nested++;
        return;
    }
    atomic_fetch_add_explicit(&shim.forks, 1, memory_order_relaxed);
    memset(held, 0, sizeof(held));
    for (uint32_t i = 0; i < region_map.count; i++)
        if (lock_take(&region_list[i].lock))
            held[i / 64] |= UINT64_C(1) << i % 64;
}

static bool was_held(uint32_t region)
{
    return held[region / 64] >> region % 64 & 1;
}

void arena_fork_parent(void)
{
    if (nested) {
        nested--;
        return;
    }
    for (uint32_t i = region_map.count; i-- > 0;)
        if (was_held(i))
            lock_give(&region_list[i].lock);
    memset(held, 0, sizeof(held)); /* a fork by raw system call runs no arena_fork_prepare() */
    if (lock_is_mine(&forking))    /* not in a child of a signal handler that interrupted the fork */
        lock_give(&forking);
}

/* The fork may have caught its borrower between moving a block and counting it. */
static void heap_note_orphan(struct heap *heap)
{
#ifdef NODEWISE_ASSERTIONS
    heap->slack++;
#else
    (void)heap;
#endif
}

/* A heap whose lists were being changed is lost: what is in it stays readable and can be freed. */
static void park_orphans(struct region *region)
{
    for (struct heap *heap = region->heaps; heap; heap = heap->next_heap) {
        if (!heap->owner || heap->owner == __builtin_thread_pointer())
            continue;
        heap->owner = NULL;
        heap->owner_tid = 0;
        heap_look_again(heap);
        heap_note_orphan(heap);
        if (heap->busy)
            continue;
        parked_add(region, heap);
    }
}

void arena_fork_child(void)
{
    nested = 0;
    for (uint32_t i = 0; i < region_map.count; i++) {
        struct region *region = &region_list[i];
        bool mine = lock_is_mine(&region->lock);
        if (mine && !was_held(i))
            continue; /* our own, from before the signal: the interrupted code goes on in the child as well */
        lock_seize(&region->lock);
        park_orphans(region);
        if (mine) /* else a fork without arena_fork_prepare() may have copied the holder's unfinished work */
            region_check(region);
        lock_give(&region->lock);
    }
    memset(held, 0, sizeof(held));
    idle_forked();
    lock_seize(&forking);
    lock_give(&forking);
}

void arena_check_fork(void)
{
    if (shim.fork_mark && shim_was_forked())
        shim_forked();
}
