#include "shim/arena/heap.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "shim/arena/check.h"
#include "shim/arena/idle.h"
#include "shim/arena/large.h"
#include "shim/arena/lean.h"
#include "shim/arena/outbox.h"
#include "shim/arena/parked.h"
#include "shim/arena/small.h"
#include "shim/arena/span.h"
#include "shim/arena/stats.h"
#include "shim/base/page_size.h"
#include "shim/base/state.h"
#include "shim/sys/call.h"
#include "shim/worker/upkeep.h"

#define HEAP_SLICES    1u
#define HEAP_BYTES     4096u
#define TICKS          32u /* slow calls between two looks at the clock */
#define RECLAIM_BEYOND 64u /* heaps of a region from which on those of adopted threads are asked for */
#define OTHERS         4u  /* regions that are asked for idle memory at a look */

const struct heap heap_none = {.cpu = NO_CPU};
const struct heap heap_forward = {.cpu = NO_CPU};
__thread struct heap *heap_self __attribute__((tls_model("initial-exec"))) = (struct heap *)&heap_none;

static _Atomic uint32_t borrowed, borrowed_most;

uint32_t heaps_borrowed_most(void)
{
    return counter_read(&borrowed_most);
}

/* Threads that start at the same time may be one short in the maximum; the next one counts them. */
static void count_borrower(void)
{
    uint32_t now = atomic_fetch_add_explicit(&borrowed, 1, memory_order_relaxed) + 1;
    if (now > counter_read(&borrowed_most))
        counter_set(&borrowed_most, now);
}

static void count_parked(void)
{
    atomic_fetch_sub_explicit(&borrowed, 1, memory_order_relaxed);
}

static void list_remove(struct region *region, const struct heap *heap)
{
    struct heap **link = &region->heaps;
    ASSERT(lock_is_mine(&region->lock));
    while (*link && *link != heap)
        link = &(*link)->next_heap;
    if (!*link)
        return;
    *link = heap->next_heap;
    counter_subtract(&region->heap_count, 1);
}

static void list_add(struct region *region, struct heap *heap)
{
    ASSERT(lock_is_mine(&region->lock) && heap->region == region);
    heap_set_size(heap, lean_reach(region)); /* again: a rehomed heap read it without the lock */
    heap->next_heap = region->heaps;
    region->heaps = heap;
    counter_add(&region->heap_count, 1);
}

static void set_region(struct heap *heap, struct region *region)
{
    const struct page *first = region_page(region, 0);
    heap->cpu_offset = region_map.cpu_offset;
    heap->base = region_map.base;
    heap->start = (uintptr_t)page_start(first);
    heap_set_size(heap, lean_reach(region));
    heap->classes = class_entry(first);
    heap->region = region;
}

static void heap_init(struct heap *heap, struct region *region)
{
    memset(heap, 0, sizeof(*heap));
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        heap->bins[i].class_number = i;
        heap->bins[i].limit = small_bin_limit(i);
        bin_count_anew(&heap->bins[i]);
    }
    set_region(heap, region);
    atomic_store_explicit(&heap->rule, PLAN_NONE, memory_order_relaxed);
    heap->pushed_limit = PUSHED_LEAST;
    list_add(region, heap);
}

static struct heap *heap_new(struct region *region)
{
    struct heap *heap;
    bool zeroed;
    _Static_assert(sizeof(*heap) <= HEAP_BYTES && SLICE_SIZE % HEAP_BYTES == 0, "the slice of heaps is used up");
    if (region->heap_room == region->heap_end) {
        struct page *page = span_take(region, HEAP_SLICES, 1, &zeroed);
        if (!page)
            return NULL;
        page_set_kind(page, PAGE_META);
        region->heap_room = page_start(page);
        region->heap_end = region->heap_room + (HEAP_SLICES << SLICE_SHIFT);
    }
    heap = (struct heap *)region->heap_room;
    region->heap_room += page_ceiling(HEAP_BYTES); /* a page of its own: it can be moved after its thread */
    heap_init(heap, region);
    return heap;
}

/*
 * No hook reports the end of threads that no hook saw begin (raw clone, libraries that find libc's pthread_create
 * behind ours). Where a region has many heaps, the kernel is asked which borrowers still exist.
 */
static void reclaim(struct region *region)
{
    uint32_t count = counter_read(&region->heap_count);
    int saved = errno;
    if (region->parked || count < RECLAIM_BEYOND || count & (count - 1))
        return;
    for (struct heap *heap = region->heaps; heap; heap = heap->next_heap)
        if (heap->owner_tid && heap->owner && raw_call(SYS_tgkill, shim.pid, heap->owner_tid, 0) != 0 &&
            errno == ESRCH && !heap->busy) {
            heap->owner = NULL;
            heap->owner_tid = 0;
            heap->parked_at = arena_now_ms();
            parked_add(region, heap);
            count_parked();
        }
    errno = saved;
}

struct heap *heap_borrow(struct region *region, uint32_t core, int32_t tid)
{
    if (!lock_take(&region->lock))
        return NULL;
    reclaim(region);
    struct heap *heap = parked_take(region, core);
    if (!heap)
        heap = heap_new(region);
    if (heap) {
        heap->owner = __builtin_thread_pointer();
        heap->owner_tid = tid;
        heap->last_core = core;
        heap->held_kib = 0;
        heap_check(heap);
        count_borrower();
    }
    lock_give(&region->lock);
    return heap;
}

void heap_park(struct heap *heap)
{
    struct region *region = heap->region;
    outbox_send_all(heap);
    large_release_cached(heap);
    small_release_spares(heap);
    stats_tell(heap);
    heap_check(heap);
    heap_look_again(heap);
    heap->held_kib = small_held_kib(heap);
    heap->parked_at = arena_now_ms();
    if (!lock_take(&region->lock))
        return; /* a signal handler inside the lock: the heap is lost */
    heap->owner = NULL;
    heap->owner_tid = 0;
    parked_add(region, heap);
    lock_give(&region->lock);
    count_parked();
}

bool heap_rehome(struct heap *heap, struct region *region)
{
    struct region *before = heap->region;
    if (heap->busy)
        return false;
    heap->busy = true;
    large_release_cached(heap);
    small_seal(heap);
    stats_tell(heap);
    if (!lock_take(&before->lock)) {
        heap->busy = false;
        return false;
    }
    list_remove(before, heap);
    lock_give(&before->lock);
    set_region(heap, region); /* it is in no list until list_add(): a child that is forked now loses it */
    if (lock_take(&region->lock)) {
        list_add(region, heap);
        lock_give(&region->lock);
    }
    heap->busy = false;
    heap_check(heap);
    return true;
}

void heap_trim(struct heap *heap)
{
    outbox_send_all(heap);
    large_release_cached(heap);
    small_release_empty(heap);
}

/* --- periodic upkeep --- */

/* No thread allocates from some regions any more: other regions' threads purge them. */
static void decay_another(struct heap *heap, uint32_t now)
{
    for (uint32_t i = 0; i < OTHERS; i++) {
        struct region *region = &region_list[heap->other_region++ % region_map.count];
        if (region == heap->region || !counter_read(&region->dirty) || !lock_take(&region->lock))
            continue;
        span_decay(region, now);
        lock_give(&region->lock);
        return;
    }
}

void heap_count_time(struct heap *heap)
{
    struct region *region = heap->region;
    if (++heap->ticks < TICKS)
        return;
    heap->ticks = 0;
    uint32_t now = arena_now_ms();
    if (now - heap->looked_at < DECAY_EVERY) {
        /* adding up all classes takes hundreds of instructions, so it is done as seldom as its answer can be yes */
        if (++heap->looks >= heap->growth_at) {
            heap->growth_at = heap->looks + heap->looks / 8;
            stats_tell_growth(heap);
        }
        return;
    }
    heap->looked_at = now;
    outbox_send_all(heap);
    upkeep_look();
    stats_tell(heap);
    small_release_spares(heap);
    large_age_cached(heap);
    decay_another(heap, now);
    if (!lock_take(&region->lock))
        return;
    span_decay(region, now);
    lock_give(&region->lock);
    idle_note(region);
}
