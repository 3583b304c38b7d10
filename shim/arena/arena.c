#include "shim/arena/arena.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "shim/arena/big.h"
#include "shim/arena/bootstrap.h"
#include "shim/arena/check.h"
#include "shim/arena/choice.h"
#include "shim/arena/foreign.h"
#include "shim/arena/harden.h"
#include "shim/arena/heap.h"
#include "shim/arena/idle.h"
#include "shim/arena/large.h"
#include "shim/arena/lean.h"
#include "shim/arena/limits.h"
#include "shim/arena/outbox.h"
#include "shim/arena/parked.h"
#include "shim/arena/remote.h"
#include "shim/arena/small.h"
#include "shim/base/common.h"
#include "shim/base/next.h"
#include "shim/base/state.h"
#include "shim/base/thread.h"
#include "shim/place/place.h"
#include "shim/start/start.h"
#include "shim/sys/call.h"
#include "shim/worker/worker.h"

/* glibc 2.35; elsewhere the CPU is asked for on the slow paths only. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));
#define RSEQ_CPU_ID 4 /* offset of cpu_id in struct rseq (linux/rseq.h) */

static enum { UNDECIDED, OFF, ON } mode ON_DATA_PAGE; /* written once, by start-up, before other threads matter */
static __thread bool ended;                           /* the thread's heap is parked for good */
static __thread uint32_t freed;                       /* bytes, by a thread that has no heap to count them in */
static __thread uint32_t no_cpu;                      /* stands for the CPU where rseq is not */

/* --- life --- */

static ptrdiff_t no_cpu_offset(void)
{
    return (const char *)&no_cpu - (const char *)__builtin_thread_pointer();
}

static ptrdiff_t cpu_offset(void)
{
    if (&__rseq_offset && &__rseq_size && __rseq_size)
        return __rseq_offset + RSEQ_CPU_ID;
    return no_cpu_offset();
}

void arena_start(void)
{
    harden_read();
    if (choice_open() != 0) {
        mode = OFF;
        return;
    }
    region_map.cpu_offset = cpu_offset();
    region_map.total = (uintptr_t)region_map.count << region_map.shift;
    if (!atomic_load_explicit(&region_map.lean, memory_order_relaxed))
        region_map.dense = region_map.whole = region_map.total;
    mode = ON;
    idle_open(worker_wake_in_free, shim.plan.header->memory_return_ms);
}

void arena_stay_off(void)
{
    mode = OFF;
}

void arena_plan_changed(void)
{
    if (mode != ON)
        return;
    choice_plan_changed();
    idle_open(worker_wake_in_free, shim.plan.header->memory_return_ms);
}

void arena_start_late(void)
{
    /* a pointer in a forwarding thread may now be the arenas'; see is_forwarding() */
    atomic_store_explicit(&region_map.bootstrapped, true, memory_order_relaxed);
    arena_start();
    heap_self = (struct heap *)&heap_none;
}

bool arena_is_on(void)
{
    return mode == ON;
}

static struct heap *settle(void);

static bool is_stand_in(const struct heap *heap)
{
    return heap == &heap_none || heap == &heap_forward;
}

void arena_rule_changed(struct thread *thread)
{
    /* pairs with the fence in enter_heap(): this thread sees the new heap, or its borrower what this one wrote */
    atomic_thread_fence(memory_order_seq_cst);
    struct heap *heap = atomic_load_explicit(&thread->heap, memory_order_relaxed);
    if (heap)
        heap_look_again(heap);
}

void arena_rehome(struct thread *thread)
{
    atomic_store_explicit(&thread->rehomes, true, memory_order_relaxed);
    arena_rule_changed(thread);
    if (thread == thread_self && !is_stand_in(heap_self))
        settle();
}

/* Instead of borrowing another heap. A thread that was told to rehome does so once. */
static bool takes_heap_along(struct heap *heap, const struct choice *choice)
{
    if (!thread_self || !atomic_load_explicit(&thread_self->rehomes, memory_order_relaxed) || is_stand_in(heap) ||
        !choice->region || heap->region == choice->region)
        return false;
    atomic_store_explicit(&thread_self->rehomes, false, memory_order_relaxed);
    return heap->region->flavour.binding == BINDING_PREFERRED && choice->region->flavour.binding == BINDING_PREFERRED &&
           heap_rehome(heap, choice->region);
}

static void leave_heap(void)
{
    struct heap *heap = heap_self;
    if (is_stand_in(heap))
        return;
    heap_self = (struct heap *)&heap_none;
    heap_park(heap);
}

void arena_thread_ended(void)
{
    const struct region *region = heap_self->region;
    ended = true;
    leave_heap();
    if (region)
        idle_note(region);
}

#ifdef NODEWISE_ASSERTIONS

void arena_check(void)
{
    const struct heap *heap = heap_self;
    uint32_t pages = 0;
    if (mode != ON)
        return;
    for (uint32_t i = 0; i < region_map.count; i++) {
        struct region *region = &region_list[i];
        if (!lock_take(&region->lock))
            return; /* the caller is a signal handler inside the lock */
        region_check(region);
        region_check_parked(region);
        pages += region_count_pages(region, heap);
        lock_give(&region->lock);
    }
    if (is_stand_in(heap) || heap->busy)
        return;
    heap_check(heap);
    ASSERT(heap_count_pages(heap) == pages);
}

#endif

/* The thread's calls go to the program's own allocator, and no pointer can be from anywhere else. */
static inline bool is_forwarding(const struct heap *heap)
{
    return heap == &heap_forward && !atomic_load_explicit(&region_map.bootstrapped, memory_order_relaxed);
}

/* --- which heap --- */

/* Before the thread's first allocation in an arena. false: the bootstrap pool has to serve. */
static bool decide(void)
{
    if (mode == UNDECIDED)
        shim_start(); /* at once back when it is under way, here or in another thread */
    if (mode == OFF && foreign_bind())
        heap_self = (struct heap *)&heap_forward; /* never written */
    return mode != UNDECIDED;
}

/* `seen`: what arena_cpu() said, which is no number of a CPU where rseq does not work. */
static uint32_t current_cpu(uint32_t seen)
{
    uint32_t cpu = seen;
    if (region_map.cpu_offset == no_cpu_offset() || cpu >= NO_CPU) {
        unsigned asked = 0;
        raw_call(SYS_getcpu, &asked, NULL, NULL);
        cpu = asked;
    }
    return cpu;
}

/* The thread's number where no hook has seen it and none will report its end; 0 for the others. */
static pid_t unhooked_tid(void)
{
    pid_t tid = thread_self ? 0 : thread_own_tid();
    return tid == shim.pid ? 0 : tid;
}

static struct heap *enter_heap(const struct choice *choice)
{
    struct heap *heap = heap_borrow(choice->region, choice->core, unhooked_tid());
    if (!heap)
        return NULL;
    heap_begin_look(heap);
    heap_self = heap;
    if (thread_self) {
        atomic_store_explicit(&thread_self->heap, heap, memory_order_relaxed);
        atomic_thread_fence(memory_order_seq_cst); /* pairs with that in arena_rule_changed() */
    }
    return heap;
}

/* The first allocation of a thread that no hook saw is the first sign of it. */
static void adopt(void)
{
    if (!thread_self && !ended && is_stand_in(heap_self) && unhooked_tid())
        place_adopt_self();
}

/* Who told the thread of a change while it had no heap, or another one, could not mark the one that it has now. */
static bool is_out_of_date(const struct choice *choice, uint32_t cpu)
{
    if (!thread_self)
        return false;
    struct choice now = choice_now(cpu);
    return now.region != choice->region || now.rule != choice->rule || now.by_core != choice->by_core ||
           atomic_load_explicit(&thread_self->rehomes, memory_order_relaxed);
}

/*
 * The right heap for the thread where it runs now; it may run elsewhere a moment later, which the next allocation
 * sees. NULL: the program's own allocator has to serve.
 */
static struct heap *settle(void)
{
    int saved = errno;
    struct heap *heap = heap_self;
    adopt();
    if (!is_stand_in(heap))
        heap_begin_look(heap);
    uint32_t seen = arena_cpu(), cpu = current_cpu(seen);
    struct choice choice = choice_now(cpu);
    if (takes_heap_along(heap, &choice))
        heap->last_core = choice.core;
    if (is_stand_in(heap) || heap->region != choice.region || (choice.by_core && heap->last_core != choice.core)) {
        leave_heap();
        heap = choice.region ? enter_heap(&choice) : NULL;
        if (heap && is_out_of_date(&choice, cpu))
            heap_look_again(heap);
    }
    if (heap) {
        atomic_store_explicit(&heap->rule, choice.rule, memory_order_relaxed);
        /* the CPU that the region was chosen for: if the thread has moved meanwhile, the next comparison shows it */
        heap_end_look(heap, seen);
    }
    errno = saved;
    return heap;
}

static inline struct heap *heap_here(void)
{
    struct heap *heap = heap_self;
    if (LIKELY(heap_is_here(heap)))
        return heap;
    return settle();
}

/* --- allocation --- */

/* Alignments of up to a slice come with the size classes, and with being a span; larger ones have spans cut to them. */
static void *allocate_in(struct heap *heap, size_t alignment, size_t size, bool *ret_zeroed)
{
    void *block;
    if (alignment > SLICE_SIZE)
        block = large_allocate(heap, size, alignment >> SLICE_SHIFT, ret_zeroed);
    else if (size <= CLASS_MAX_SIZE)
        block = small_allocate(heap, class_of((size + alignment - 1) & ~(alignment - 1)), ret_zeroed);
    else
        block = large_allocate(heap, size, 1, ret_zeroed);
    if (!block)
        heap->counters.overflows++;
    if (ended)
        leave_heap();
    return block;
}

static bool is_impossible(size_t size)
{
    if (size <= PTRDIFF_MAX)
        return false;
    errno = ENOMEM;
    return true;
}

/* May a thread have memory of that region when its own has none? Not where the policy says bind. */
static bool may_lend(const struct region *region, const struct region *own)
{
    return region->opened && region != own && region->flavour.binding != BINDING_TOUCH &&
           own->flavour.binding != BINDING_BIND;
}

/*
 * The last resort, when neither the thread's region nor the program's own allocator has memory: what was freed on other
 * nodes is still charged to the process where the kernel counts strictly (vm.overcommit_memory=2, RLIMIT_DATA). A
 * thread that moved would otherwise be refused what it just gave back.
 */
static NOINLINE void *allocate_elsewhere(size_t alignment, size_t size, bool *ret_zeroed)
{
    const struct region *own = choice_now(current_cpu(arena_cpu())).region; /* it may not even have had a heap for us */
    int saved = errno;
    for (uint32_t i = 0; own && i < region_map.count; i++) {
        struct region *region = &region_list[i];
        struct heap *other = may_lend(region, own) ? heap_borrow(region, 0, 0) : NULL;
        if (!other)
            continue;
        void *block = allocate_in(other, alignment, size, ret_zeroed);
        heap_park(other);
        if (block) {
            errno = saved;
            return block;
        }
    }
    errno = ENOMEM;
    return NULL;
}

void *arena_allocate_on(uint32_t node, size_t size)
{
    const struct region *own = is_impossible(size) ? NULL : choice_now(current_cpu(arena_cpu())).region;
    bool zeroed;
    for (uint32_t i = 0; own && i < region_map.count; i++) {
        struct region *region = &region_list[i];
        if (region->node != node || region->flavour.binding != own->flavour.binding)
            continue;
        struct heap *heap = heap_borrow(region, 0, 0);
        void *block = heap ? allocate_in(heap, 1, size, &zeroed) : NULL;
        if (heap)
            heap_park(heap);
        if (block)
            return block;
    }
    return NULL;
}

/*
 * Once more when the process turns out to be limited and has given back what was idle. heap: that failed, or NULL where
 * none was to be had.
 */
static NOINLINE void *allocate_relieved(struct heap *heap, size_t alignment, size_t size, bool *ret_zeroed)
{
    if ((!heap && !choice_now(current_cpu(arena_cpu())).region) || !limits_relieve_allocation(size))
        return NULL;
    heap = settle();
    return heap ? allocate_in(heap, alignment, size, ret_zeroed) : NULL;
}

/* The heap for an allocation, also the thread's first. NULL: another allocator has to serve, the bootstrap pool or the
 * program's own. */
static inline struct heap *heap_for_call(bool *ret_bootstrap)
{
    *ret_bootstrap = false;
    if (LIKELY(heap_self != &heap_none))
        return heap_here();
    *ret_bootstrap = !decide();
    return mode == ON ? settle() : NULL;
}

static inline void *hand_out(void *block, size_t size, bool clear)
{
    if (size >= BIG_SIZE)
        worker_call();
    return clear ? large_clear(block, size) : block;
}

/* The heap, which may be NULL, had nothing. */
static NOINLINE void *allocate_otherwise(struct heap *heap, size_t size, bool zero)
{
    bool zeroed = false;
    void *block = allocate_relieved(heap, 1, size, &zeroed);
    if (block)
        return hand_out(block, size, zero && !zeroed);
    void *foreign = zero ? foreign_calloc(size) : foreign_malloc(size);
    if (foreign || !(block = allocate_elsewhere(1, size, &zeroed)))
        return foreign;
    return hand_out(block, size, zero && !zeroed);
}

static NOINLINE void *allocate_here(size_t size, bool zero)
{
    bool bootstrap, zeroed = false;
    void *block = NULL;
    if (is_impossible(size))
        return NULL;
    struct heap *heap = heap_for_call(&bootstrap);
    if (bootstrap)
        return bootstrap_allocate(1, size); /* which is zeroed */
    if (heap)
        block = allocate_in(heap, 1, size, &zeroed);
    return block ? hand_out(block, size, zero && !zeroed) : allocate_otherwise(heap, size, zero);
}

/* Where arenas are off, each call is one comparison and a jump away from the program's own allocator. */

void *arena_allocate(size_t size)
{
    return heap_self == &heap_forward ? NEXT(malloc)(size) : allocate_here(size, false);
}

void *arena_allocate_zeroed(size_t size)
{
    return heap_self == &heap_forward ? NEXT_OR_BIND(calloc)(1, size) : allocate_here(size, true);
}

void *arena_allocate_aligned(size_t alignment, size_t size)
{
    bool bootstrap, zeroed;
    void *block = NULL;
    if (heap_self == &heap_forward)
        return foreign_aligned(alignment, size);
    if (is_impossible(size) || is_impossible(alignment) || is_impossible(size + alignment))
        return NULL;
    if (size == 0)
        size = 1;
    struct heap *heap = heap_for_call(&bootstrap);
    if (bootstrap)
        return bootstrap_allocate(alignment, size);
    if (heap)
        block = allocate_in(heap, alignment, size, &zeroed);
    if (!block)
        block = allocate_relieved(heap, alignment, size, &zeroed);
    if (!block)
        block = foreign_aligned(alignment, size);
    return block ? block : allocate_elsewhere(alignment, size, &zeroed);
}

/* --- freeing --- */

static inline bool is_foreign(const void *pointer)
{
    uintptr_t offset = (uintptr_t)pointer - region_map.base;
    return offset >= word_load(&region_map.whole) && (offset >= region_map.total || lean_is_hole(offset));
}

/* The head of the page or object that the pointer lies in. */
static inline struct page *head_of(const void *pointer)
{
    struct page *page = page_of((uintptr_t)pointer - region_map.base);
    return page_kind(page) == PAGE_INTERIOR ? page - page->back : page;
}

bool arena_owns(const void *pointer)
{
    return !is_foreign(pointer) || bootstrap_owns(pointer);
}

/*
 * Where the thread counts what it frees for others. A thread that never allocates has no heap; when it frees much it
 * gets one, because only borrowers collect on behalf of other owners. NULL: not yet, or no more.
 */
static struct heap *heap_for_free(const struct page *page)
{
    if (!is_stand_in(heap_self))
        return heap_self;
    if (heap_self != &heap_none || mode != ON || ended || (freed += page->block_size) < PUSHED_LEAST)
        return NULL;
    freed = 0;
    return settle();
}

/* A block of another region, or one that the thread's own heap cannot take: a remote free. */
static void free_remotely(struct page *page, void *block)
{
    struct heap *heap = heap_for_free(page);
    uint64_t pushed = heap ? heap->pushed : 0;
    if (heap && !harden_on && !heap->sending)
        outbox_add(heap, page, block);
    else
        remote_free(heap, page, block);
    if (heap && heap->pushed < pushed) /* it has just collected for others, who may be idle */
        idle_note(&region_list[page_region(page)]);
}

/* Large objects, blocks of other regions, and everything when hardened. */
static NOINLINE void free_elsewhere(void *pointer)
{
    if (is_foreign(pointer)) {
        foreign_free(pointer);
        return;
    }
    struct page *page = head_of(pointer);
    harden_check_free(page, pointer);
    if (page_kind(page) == PAGE_LARGE)
        large_free(page);
    else if (heap_covers(heap_self, pointer) && !atomic_load_explicit(&page->away, memory_order_relaxed))
        small_free_own(&heap_self->bins[page->class_number], pointer);
    else
        free_remotely(page, pointer);
}

void arena_free_from(struct heap *heap, void *pointer)
{
    if (is_forwarding(heap))
        NEXT(free)(pointer);
    else if (!outbox_takes(heap, pointer))
        free_elsewhere(pointer);
}

void arena_free(void *pointer)
{
    arena_free_from(heap_self, pointer);
}

size_t arena_usable_size(void *pointer)
{
    next_malloc_usable_size *next = is_forwarding(heap_self) ? NEXT_OR_BIND(malloc_usable_size) : NULL;
    if (next)
        return next(pointer);
    if (is_foreign(pointer))
        return foreign_usable_size(pointer);
    struct page *page = head_of(pointer);
    return page_kind(page) == PAGE_LARGE ? large_size(page) : page->block_size;
}

/* A block that was moved by realloc before and grows again will go on growing. */
static void *allocate_for_move(void *pointer, size_t old, size_t size)
{
    struct heap *heap = heap_self;
    void *block = NULL;
    if (size > old && size >= GROWING_LEAST && heap->grown == pointer && !is_stand_in(heap))
        block = large_allocate_growing(heap, size);
    return block ? block : arena_allocate(size);
}

static void *move(void *pointer, size_t old, size_t size)
{
    void *block = allocate_for_move(pointer, old, size);
    if (!block)
        return NULL;
    memcpy(block, pointer, old < size ? old : size);
    arena_free(pointer);
    if (!is_stand_in(heap_self))
        heap_self->grown = block;
    return block;
}

void *arena_reallocate(void *pointer, size_t size)
{
    if (!pointer)
        return arena_allocate(size);
    if (is_forwarding(heap_self))
        return NEXT_OR_BIND(realloc)(pointer, size);
    if (is_foreign(pointer))
        return foreign_realloc(pointer, size);
    if (is_impossible(size))
        return NULL;
    if (size == 0) { /* as glibc does */
        arena_free(pointer);
        return NULL;
    }
    struct page *page = head_of(pointer);
    if (harden_on || page_kind(page) != PAGE_SMALL)
        harden_check_free(page, pointer);
    if (page_kind(page) == PAGE_LARGE)
        return large_reallocate(page, size);
    size_t old = page->block_size;
    if (size <= old && size >= old / 2)
        return pointer;
    return move(pointer, old, size);
}

bool arena_trim(void)
{
    bool any = false;
    if (mode != ON)
        return false;
    if (!is_stand_in(heap_self) && !heap_self->busy && !heap_self->sending) {
        heap_trim(heap_self);
        remote_collect_everywhere(heap_self);
    }
    for (uint32_t i = 0; i < region_map.count; i++)
        any |= region_trim(&region_list[i]);
    return any;
}
