/*
 * heap: the pages that one thread at a time allocates small blocks from.
 *
 * Heaps belong to regions; threads borrow them. A thread takes a parked heap of its node at its first allocation and
 * parks it at its end, or when it runs on another node: thousands of short-lived threads use a few warm heaps, nothing
 * is abandoned and nothing is adopted on another node. Blocks that others free go to their page's `remote` list.
 *
 * A heap is touched by its borrower alone, without atomics, except for `delayed`, `check` and what remote_push() does
 * to its pages. It changes hands under its region's lock.
 *
 * `busy` is set while its lists are being changed. A fork at such a moment leaves the child a heap that cannot be
 * used again (its blocks can be read and freed all the same).
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
 * No CPU has this number, nor is it what a thread without a registered rseq area reads (RSEQ_CPU_ID_* are -1 and -2), nor
 * the low half of a thread pointer, which is even and what is read before the arenas are on.
 */
#define NO_CPU UINT32_C(0x80000001)

struct bin {
    struct page *current;     /* never NULL: nw_no_page where there is none */
    struct page *first, *last; /* pages with free blocks, the longest waiting first */
    struct page *spare;       /* an empty page, kept because the class was in use a moment ago */
};

/* Since the heap was made. Block counts are brought up to date page by page, not with each allocation. */
struct heap_counters {
    uint64_t allocations, bytes, remote_frees;
    uint64_t overflows; /* could not be served by the region */
};

struct heap {
    _Atomic uint32_t cpu; /* that its borrower ran on when it last looked; NO_CPU: look again (any thread may set it) */
    bool busy;
    uint32_t rule;            /* of its borrower, index in the plan or PLAN_NONE */
    struct page *direct[DIRECT_COUNT]; /* by (size + 15) / 16 */
    struct bin bins[CLASS_COUNT];
    struct region *region;
    struct heap *next_parked, *next_heap;
    void *owner;              /* thread pointer of the borrower, NULL when parked */
    int32_t owner_tid;        /* when its end will not be told: see heap_reclaim(); else 0 */
    uint32_t last_core;
    uint32_t ticks;           /* refills since the last look at the clock, */
    uint32_t looked_at;       /* which was at this ms */
    struct heap_counters counters, told; /* stats.h */

    _Alignas(64) _Atomic(struct page *) delayed; /* FULL pages that got a remote free */
};

/* Stand-ins whose cpu makes the fast paths miss, so that nothing else of them is read: before a thread's first
 * allocation, and where malloc is the program's own. */
extern struct heap nw_no_heap, nw_forward_heap;
extern struct page nw_no_page;

/* The calling thread's heap, never NULL. */
extern __thread struct heap *nw_heap __attribute__((tls_model("initial-exec")));

/* The CPU that runs the thread, as glibc's rseq area has it: one load. */
static inline uint32_t arena_cpu(void)
{
    return *(const volatile uint32_t *)((const char *)__builtin_thread_pointer() + nw_map.cpu_offset);
}

/* A heap of the region for the calling thread; NULL: no memory can be had. */
struct heap *heap_borrow(struct region *region, uint32_t core);
/* Gives it back, with what it holds. The thread must not use it any more. */
void heap_park(struct heap *heap);

/* Empty pages, and what others have freed, back to the region. The caller is the borrower. */
void heap_trim(struct heap *heap);
/* The same for heaps that nobody has borrowed, and then all dirty memory to the kernel. Returns whether any went. */
bool region_trim(struct region *region);

/* Makes the borrower look at its CPU, rule and arena at its next allocation. Any thread. */
static inline void heap_look_again(struct heap *heap)
{
    atomic_store_explicit(&heap->cpu, NO_CPU, memory_order_relaxed);
}

#endif
