#include "shim/arena/small.h"

#include "shim/arena/harden.h"
#include "shim/arena/span.h"
#include "shim/arena/stats.h"

#define CARVE_BYTES 4096u /* made into blocks at a time: pages of memory that nobody uses yet stay untouched */
#define TICKS       64u   /* refills between two looks at the clock */

/* --- the lists of a class --- */

static void set_current(struct heap *heap, unsigned class_number, struct page *page)
{
    uint32_t size = class_size(class_number);
    uint32_t last = size / 16;
    uint32_t first = class_number ? class_size(class_number - 1) / 16 + 1 : 0;

    heap->bins[class_number].current = page;
    if (size > DIRECT_MAX_SIZE)
        return;
    for (uint32_t i = first; i <= last; i++)
        heap->direct[i] = page;
}

static void partial_append(struct bin *bin, struct page *page)
{
    page->next = NULL;
    page->prev = bin->last;
    if (bin->last)
        bin->last->next = page;
    else
        bin->first = page;
    bin->last = page;
}

static void partial_remove(struct bin *bin, struct page *page)
{
    if (page->next)
        page->next->prev = page->prev;
    else
        bin->last = page->prev;
    if (page->prev)
        page->prev->next = page->next;
    else
        bin->first = page->next;
}

/* --- remote frees --- */

void remote_push(struct page *page, void *block)
{
    uintptr_t old = atomic_load_explicit(&page->remote, memory_order_relaxed), new;
    struct page *first;
    struct heap *heap;

    do {
        *(uintptr_t *)block = old & (REMOTE_ONE - 1) & ~REMOTE_ASKS;
        new = (uintptr_t)block | ((old & ~(REMOTE_ONE - 1)) + REMOTE_ONE);
        /* release: the owner's acquire sees the link that was written into the block */
    } while (!atomic_compare_exchange_weak_explicit(&page->remote, &old, new, memory_order_release,
                                                    memory_order_relaxed));
    if (!(old & REMOTE_ASKS))
        return;
    /* the page stays with its heap until it has been seen on this list */
    heap = page->heap;
    first = atomic_load_explicit(&heap->delayed, memory_order_relaxed);
    do
        page->newer = first;
    while (!atomic_compare_exchange_weak_explicit(&heap->delayed, &first, page, memory_order_release,
                                                  memory_order_relaxed));
}

static uint32_t remote_count(const struct page *page)
{
    return (uint32_t)(atomic_load_explicit(&page->remote, memory_order_relaxed) >> REMOTE_COUNT_SHIFT);
}

/* What others have freed becomes the page's free list, which must be empty: so nothing has to be walked. */
static bool remote_collect(struct page *page)
{
    uintptr_t word;

    if (!atomic_load_explicit(&page->remote, memory_order_relaxed))
        return false;
    /* acquire: pairs with the release in remote_push() */
    word = atomic_exchange_explicit(&page->remote, 0, memory_order_acquire);
    page->free = (void *)(word & (REMOTE_ONE - 1));
    page->freed += word >> REMOTE_COUNT_SHIFT;
    page->heap->counters.remote_frees += word >> REMOTE_COUNT_SHIFT;
    return true;
}

/* --- full pages --- */

/* false: others have freed blocks meanwhile, and the page can go on. */
static bool become_full(struct page *page)
{
    uintptr_t none = 0;

    if (!(page->state & STATE_PENDING) &&
        !atomic_compare_exchange_strong_explicit(&page->remote, &none, REMOTE_ASKS, memory_order_relaxed,
                                                 memory_order_relaxed))
        return false;
    page->state |= STATE_FULL;
    page->local = NULL;
    return true;
}

static void no_longer_full(struct page *page)
{
    page->state &= (uint8_t)~STATE_FULL;
    if (!nw_hardened)
        page->local = page->heap;
    partial_append(&page->heap->bins[page->class_number], page);
}

/* --- pages --- */

static void release(struct heap *heap, struct page *page)
{
    struct region *region = heap->region;
    uint32_t slices = page->slices;

    stats_page(heap, page);
    page->local = NULL;
    page->heap = NULL;
    if (!lock_take(&region->lock))
        return; /* a signal handler inside an allocation: this page is lost to the region */
    span_give(region, page, slices, arena_now_ms());
    lock_give(&region->lock);
}

/* An empty page that is in no list any more. */
static void keep_or_release(struct heap *heap, struct page *page)
{
    struct bin *bin = &heap->bins[page->class_number];

    if (!bin->spare)
        bin->spare = page;
    else
        release(heap, page);
}

void small_page_emptied(struct page *page)
{
    struct heap *heap = page->heap;

    bool busy = heap->busy;

    if (page->state & (STATE_PENDING | STATE_CURRENT | STATE_FULL))
        return;
    heap->busy = true;
    partial_remove(&heap->bins[page->class_number], page);
    keep_or_release(heap, page);
    heap->busy = busy;
}

static void init_page(struct heap *heap, struct page *page, unsigned class_number, bool zeroed)
{
    uint32_t size = class_size(class_number), slices = class_slices(class_number);

    page->local = nw_hardened ? NULL : heap;
    page->free = NULL;
    page->allocated = page->freed = page->counted = 0;
    page->block_size = size;
    page->class_number = (uint8_t)class_number;
    page->state = 0;
    page->zeroed = zeroed;
    page->carved = 0;
    page->capacity = (uint16_t)(((size_t)slices << SLICE_SHIFT) / size);
    page->heap = heap;
    atomic_store_explicit(&page->remote, 0, memory_order_relaxed);
    for (uint32_t i = 1; i < slices; i++) {
        page[i].local = NULL;
        page[i].kind = PAGE_INTERIOR;
        page[i].back = i;
    }
    page->kind = PAGE_SMALL;
}

static struct page *new_page(struct heap *heap, unsigned class_number)
{
    struct region *region = heap->region;
    struct page *page;
    bool zeroed;

    if (!lock_take(&region->lock))
        return NULL;
    page = span_take(region, class_slices(class_number), 1, &zeroed);
    lock_give(&region->lock);
    if (page)
        init_page(heap, page, class_number, zeroed);
    return page;
}

/* Makes the next blocks of the page; its free list must be empty. */
static bool carve(struct page *page)
{
    uint32_t left = page->capacity - page->carved;
    uint32_t count = CARVE_BYTES / page->block_size;
    char *block = (char *)page_start(page) + (size_t)page->carved * page->block_size;

    if (!left)
        return false;
    if (count == 0)
        count = 1;
    if (count > left)
        count = left;
    page->carved = (uint16_t)(page->carved + count);
    page->free = block;
    for (; --count; block += page->block_size)
        *(void **)block = block + page->block_size;
    *(void **)block = NULL;
    return true;
}

/* --- refill --- */

static void count_time(struct heap *heap)
{
    struct region *region = heap->region;
    uint32_t now;

    if (++heap->ticks < TICKS)
        return;
    heap->ticks = 0;
    now = arena_now_ms();
    if (now - heap->looked_at < DECAY_EVERY)
        return;
    heap->looked_at = now;
    stats_tell(heap);
    small_release_spares(heap);
    if (!lock_take(&region->lock))
        return;
    span_decay(region, now);
    lock_give(&region->lock);
}

/* A delayed page is one that was FULL when it was queued. */
static void take_one_delayed(struct page *page)
{
    page->state &= (uint8_t)~STATE_PENDING;
    if (!(page->state & STATE_FULL)) {
        /* its own thread freed a block meanwhile; if that was the last one, the page has waited for us */
        if (page->freed == page->allocated)
            small_page_emptied(page);
        return;
    }
    if (!remote_collect(page) && become_full(page))
        return;
    if (!page->free)
        remote_collect(page);
    no_longer_full(page);
    if (page->freed == page->allocated)
        small_page_emptied(page);
}

void small_take_delayed(struct heap *heap)
{
    /* acquire: pairs with the release in remote_push() */
    struct page *page = atomic_exchange_explicit(&heap->delayed, NULL, memory_order_acquire), *next;

    for (; page; page = next) {
        next = page->newer;
        take_one_delayed(page);
    }
}

static void leave_current(struct heap *heap, struct bin *bin)
{
    struct page *page = bin->current;

    if (page == &nw_no_page)
        return;
    page->state &= (uint8_t)~STATE_CURRENT;
    page->allocated--;
    stats_page(heap, page);
    set_current(heap, page->class_number, &nw_no_page);
}

static void make_current(struct heap *heap, struct page *page)
{
    page->state |= STATE_CURRENT;
    page->allocated++;
    set_current(heap, page->class_number, page);
}

/* The current page can give blocks again, by remote frees or by its uncarved rest. */
static bool replenish(struct page *page)
{
    return remote_collect(page) || carve(page);
}

static struct page *next_page(struct heap *heap, struct bin *bin, unsigned class_number)
{
    struct page *page;

    while ((page = bin->first)) {
        partial_remove(bin, page);
        if (page->free || replenish(page) || !become_full(page))
            return page;
    }
    page = bin->spare;
    bin->spare = NULL;
    return page ? page : new_page(heap, class_number);
}

static bool refill(struct heap *heap, unsigned class_number)
{
    struct bin *bin = &heap->bins[class_number];
    struct page *page = bin->current;

    count_time(heap);
    if (page != &nw_no_page) {
        if (replenish(page))
            return true;
        leave_current(heap, bin);
        if (!become_full(page))
            partial_append(bin, page);
    }
    if (atomic_load_explicit(&heap->delayed, memory_order_relaxed))
        small_take_delayed(heap);
    page = next_page(heap, bin, class_number);
    if (!page)
        return false;
    make_current(heap, page);
    return page->free || replenish(page);
}

void *small_allocate(struct heap *heap, unsigned class_number, bool *ret_zeroed)
{
    struct page *page = heap->bins[class_number].current;
    void *block;

    if (!page->free) {
        bool done;

        heap->busy = true;
        done = refill(heap, class_number);
        heap->busy = false;
        if (!done)
            return NULL;
        page = heap->bins[class_number].current;
    }
    block = page->free;
    /* as long as nothing of the page was freed, what it gives is new; large blocks are carved singly, without a link */
    *ret_zeroed = page->zeroed && page->freed == 0 && page->block_size >= CARVE_BYTES;
    page->free = *(void **)block;
    page->allocated++;
    return block;
}

/* --- own blocks, the long way --- */

static void unfull(struct page *page)
{
    uintptr_t old = atomic_fetch_and_explicit(&page->remote, ~REMOTE_ASKS, memory_order_relaxed);

    if (!(page->state & STATE_PENDING) && !(old & REMOTE_ASKS))
        page->state |= STATE_PENDING;
    no_longer_full(page);
}

void small_free_own(struct heap *heap, struct page *page, void *block)
{
    heap->busy = true;
    if (page->state & STATE_FULL)
        unfull(page);
    *(void **)block = page->free;
    page->free = block;
    page->freed++;
    heap->busy = false;
    if (page->freed == page->allocated)
        small_page_emptied(page);
}

/* --- giving back --- */

void small_release_spares(struct heap *heap)
{
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        struct page *page = heap->bins[i].spare;

        heap->bins[i].spare = NULL;
        if (page)
            release(heap, page);
    }
}

static void release_if_empty(struct heap *heap, struct bin *bin, struct page *page)
{
    if ((page->state & STATE_PENDING) || page->freed + remote_count(page) != page->allocated)
        return;
    partial_remove(bin, page);
    release(heap, page);
}

static void release_current_if_empty(struct heap *heap, struct bin *bin)
{
    struct page *page = bin->current;

    if (page == &nw_no_page || page->freed + remote_count(page) != page->allocated - 1)
        return;
    leave_current(heap, bin);
    if (page->state & STATE_PENDING)
        partial_append(bin, page);
    else
        release(heap, page);
}

void small_release_empty(struct heap *heap)
{
    heap->busy = true;
    small_take_delayed(heap);
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        struct bin *bin = &heap->bins[i];

        for (struct page *page = bin->first, *next; page; page = next) {
            next = page->next;
            release_if_empty(heap, bin, page);
        }
        release_current_if_empty(heap, bin);
    }
    small_release_spares(heap);
    heap->busy = false;
}
