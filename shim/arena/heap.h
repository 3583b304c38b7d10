/*
 * heap: what one thread at a time allocates small blocks from.
 *
 * Heaps belong to regions; threads borrow them. A thread takes a parked heap of its node at its first allocation, and
 * parks it when it ends or runs on another node. So thousands of short-lived threads use a few warm heaps, and no heap
 * is orphaned by the end of a thread.
 *
 * A heap has a bin for each size class: a last-in-first-out list of free blocks, on which malloc and free work alone,
 * and the pages that fill it. The block that was freed last is the one that is in the cache. When a bin runs empty it
 * takes all that a page has at once; when it holds too much, half of it goes back to the pages.
 *
 * A thread puts every block of its own region that it frees into its own bin, also blocks of other heaps' pages: they
 * are on the right node. Only on the way back to the pages the owner matters, and then many blocks go at once. Blocks
 * of another region are sent in batches (outbox.h).
 *
 * Only its borrower touches a heap, without atomics, except for `cpu`, `delayed` and what remote.h does to its pages.
 * It changes hands under its region's lock.
 *
 * `busy` is set while lists of pages are being changed. A fork at such a moment leaves the child a heap that is not
 * used again there (its blocks can be read and freed all the same).
 */
#ifndef NODEWISE_SHIM_ARENA_HEAP_H
#define NODEWISE_SHIM_ARENA_HEAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/arena/page.h"
#include "shim/arena/region.h"

/*
 * No CPU has this number, nor is it what a thread without a registered rseq area reads (RSEQ_CPU_ID_* are -1 and -2),
 * nor the low half of a thread pointer, which is even and what is read before the arenas are on.
 */
#define NO_CPU  UINT32_C(0x80000001)
#define LOOKING UINT32_C(0x80000003) /* as NO_CPU, while the borrower itself looks */

struct bin {
    _Alignas(64) void *blocks; /* free, the one freed last first */
    uint64_t taken;            /* blocks out of the list, ever */
    uint64_t put;              /* and into it; of the frees, those up to the last look */
    int32_t budget, lent;      /* frees until the next look, and how many these were at the last one */
    uint32_t limit;            /* more blocks than this are too many */
    uint32_t class_number;
    struct page *first, *last; /* pages with free or uncarved blocks, the longest waiting first */
    struct page *spare;        /* an empty page, kept because the class was in use a moment ago */
};

_Static_assert(sizeof(struct bin) == 64, "a cache line for what malloc and free touch");

/* Another thread may look at where the list begins (away.c): a plain store for the processor, and no more than a hint. */
static inline void bin_begin_with(struct bin *bin, void *block)
{
    __atomic_store_n(&bin->blocks, block, __ATOMIC_RELAXED);
}

/* Blocks in the list. */
static inline uint64_t bin_count(const struct bin *bin)
{
    return bin->put + (uint64_t)(int64_t)(bin->lent - bin->budget) - bin->taken;
}

/* Frees between two looks at a bin that is nearly full; by as many blocks its limit may be exceeded. */
static inline int32_t bin_least_budget(const struct bin *bin)
{
    return bin->limit < 64 ? (int32_t)(bin->limit / 4) : 16;
}

/*
 * free() counts down instead of comparing with the limit: the next look comes when the list can have grown beyond it.
 */
static inline void bin_count_anew(struct bin *bin)
{
    uint64_t count = bin_count(bin);
    int32_t frees = count < bin->limit ? (int32_t)(bin->limit - count) + 1 : 0, least = bin_least_budget(bin);
    bin->put = bin->taken + count;
    bin->lent = bin->budget = frees < least ? least : frees;
}

/* Since the heap was made. Block counts are brought up to date page by page, not with each allocation. */
struct heap_counters {
    uint64_t allocations, bytes, remote_frees;
    uint64_t overflows;    /* could not be served by the region */
    uint64_t large_slices; /* of large objects; in `bytes`, too, where they are added up (stats.c) */
};

/* 0: a library without counters, to measure what they cost (tools/bench/telemetry). */
#ifndef HEAP_COUNTS
#define HEAP_COUNTS 1
#endif

/* The least number of bytes that a thread frees of other heaps before it collects on behalf of their owners. */
#define PUSHED_LEAST ((uint64_t)4 << 20)

/* A large object that was freed a moment ago, see large.c. */
#define CACHED_MAX 4u

/* Pages of one slice without a block in use, of any class before: they go to the region many at once. */
#define EMPTY_MAX 16u

/* Remote frees of one slice, not sent yet; see outbox.h. */
struct remote_batch {
    uint32_t key;         /* the slice, counted from the arenas' beginning, plus one; 0: empty */
    uint16_t first, last; /* blocks, linked; in units of 16 bytes from the slice's beginning */
    uint16_t count, most;
};

#define OUTBOX_BATCHES 64u

struct heap {
    /* What malloc and free read each time: copies of region_map's words, which are on one node for all. */
    _Atomic uint32_t
        cpu; /* that its borrower ran on when it last looked, LOOKING, or NO_CPU: look again (any thread) */
    bool busy;
    bool sending, has_batches; /* see outbox.h */
    ptrdiff_t cpu_offset;      /* as region_map's */
    uintptr_t start;           /* of its region, */
    uintptr_t size;            /* and the addresses behind it whose frees come here; 0: none do. See lean.h */
    const uint8_t *classes;    /* of the region's slices */
    struct region *region;
    _Atomic uint32_t rule; /* of its borrower, index in the plan or PLAN_NONE; others read it, relaxed */
    uintptr_t base;        /* as region_map's */
    _Alignas(64) struct bin bins[CLASS_COUNT];
    struct heap *next_parked, *next_heap;
    void *owner;       /* thread pointer of the borrower, NULL when parked */
    void *grown;       /* the block that realloc moved last */
    int32_t owner_tid; /* when its end will not be told: see reclaim(); else 0 */
    uint32_t last_core;
    uint32_t parked_at, held_kib; /* ms; while it is parked */
    uint32_t last_blocks;         /* blocks that went back to pages with hardly any in use, ever; see small_look() */
    struct page *empty[EMPTY_MAX];
    uint8_t empty_count, next_cached;
    uint16_t ticks;     /* slow calls since the last look at the clock, */
    uint32_t looked_at; /* which was at this ms */
    uint32_t looks;     /* that came too early for the clock's work, ever, */
    uint32_t growth_at; /* and how many of them it takes until the counters are compared again */
    struct page *cached[CACHED_MAX];
    struct page *room; /* the span with room to grow that was freed last */
    /* what the borrower freed of other heaps' pages since it last collected for their owners, see remote.h */
    uint64_t pushed, pushed_limit; /* bytes */
    uint64_t pushed_to[REGIONS_MAX / 64];
    uint32_t other_region;               /* the next one whose idle memory is looked at */
    struct heap_counters counters, told; /* stats.h */
    struct remote_batch outbox[OUTBOX_BATCHES];
#ifdef NODEWISE_ASSERTIONS
    uint32_t slack; /* blocks that a bin may be miscounted by, see check.h */
#endif

    _Alignas(64) _Atomic(struct page *) delayed; /* FULL pages that got a remote free */
};

/* Stand-ins whose cpu makes the fast paths miss, so that nothing else of them is read: before a thread's first
 * allocation, and where malloc is the program's own. */
extern const struct heap heap_none __attribute__((visibility("hidden")));
extern const struct heap heap_forward __attribute__((visibility("hidden")));

_Static_assert(offsetof(struct heap, bins) == sizeof(struct bin),
               "an entry of region_map.classes, class number + 1, is enough");

/* entry: of region_map.classes, not 0. The head is as long as a bin, so nothing has to be subtracted. */
static inline struct bin *heap_bin(struct heap *heap, size_t entry)
{
    return (struct bin *)heap + entry;
}

/* The calling thread's heap, never NULL. */
extern __thread struct heap *heap_self __attribute__((tls_model("initial-exec")));

/* The CPU that runs the thread, as glibc's rseq area has it: one load. Stand-ins read something that is no CPU. */
static inline uint32_t heap_cpu(const struct heap *heap)
{
    return *(const volatile uint32_t *)((const char *)__builtin_thread_pointer() + heap->cpu_offset);
}

static inline uint32_t arena_cpu(void)
{
    return *(const volatile uint32_t *)((const char *)__builtin_thread_pointer() + region_map.cpu_offset);
}

/* Does the thread still run on the CPU that the heap was chosen for? */
static inline bool heap_is_here(const struct heap *heap)
{
    return atomic_load_explicit(&heap->cpu, memory_order_relaxed) == heap_cpu(heap);
}

/* Another thread may change it while its region's reach changes, see lean.h. */
static inline void heap_set_size(struct heap *heap, uintptr_t size)
{
    word_store(&heap->size, size);
}

static inline uintptr_t heap_size(const struct heap *heap)
{
    return word_load(&heap->size);
}

/* The region that the heap's blocks come from, and whose addresses it takes back itself. */
static inline bool heap_covers(const struct heap *heap, const void *pointer)
{
    return (uintptr_t)pointer - heap->start < heap_size(heap);
}

/*
 * A heap of the region for the calling thread; NULL: no memory can be had. tid: of a thread whose end no hook will
 * report, else 0.
 */
struct heap *heap_borrow(struct region *region, uint32_t core, int32_t tid);
/* Gives it back, with what it holds. The caller must not use it any more. */
void heap_park(struct heap *heap);

/*
 * Called by the borrower: the heap and all of its pages go over to another region. Their addresses stay, so for a while
 * the heap gives out memory of the old node, which the caller has moved (memory/relocation.h). Blocks that were never
 * touched are not given out any more. false: not now, the caller is a signal handler that interrupted the heap's work.
 */
bool heap_rehome(struct heap *heap, struct region *region);

/* Periodic upkeep: send batches, publish counters, purge. Called by the borrower from slow paths. */
void heap_count_time(struct heap *heap);

/* The most heaps that had borrowers at the same time: as many arenas as the C library would have. Any thread. */
uint32_t heaps_borrowed_most(void);

/* Empty pages, and what other threads have freed, back to the region. The caller is the borrower. */
void heap_trim(struct heap *heap);
/*
 * Makes the borrower look at its CPU, rule and arena at its next allocation. Any thread. What it wrote before is seen by
 * that look, and a look that is under way does not hide it: the borrower looks between these two, and one that another
 * thread interrupts stays due. Release, with the acquire of heap_begin_look(); see docs/design/ordering.md.
 */
static inline void heap_look_again(struct heap *heap)
{
    atomic_store_explicit(&heap->cpu, NO_CPU, memory_order_release);
}

/* An exchange, because it has to see what the thread wrote that was the last to ask for a look. */
static inline void heap_begin_look(struct heap *heap)
{
    atomic_exchange_explicit(&heap->cpu, LOOKING, memory_order_acquire);
}

/* cpu: what the borrower looked on. */
static inline void heap_end_look(struct heap *heap, uint32_t cpu)
{
    uint32_t looking = LOOKING;
    atomic_compare_exchange_strong_explicit(&heap->cpu, &looking, cpu, memory_order_relaxed, memory_order_relaxed);
}

#endif
