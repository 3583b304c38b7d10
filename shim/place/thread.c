/*
 * Chunk k of the pool holds FIRST_CHUNK << k records, the first one is static. A record's number gives its chunk
 * and position by arithmetic, so records never move and a number stays valid for the life of the process.
 */
#include "shim/place/thread.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shim/state.h"
#include "shim/sys/raw.h"

#define FIRST_CHUNK 256u
#define CHUNKS      15u /* 8 million records: twice the largest pid_max */
/* Busy records that a search passes before the pool grows instead: bounds the cost of a creation. */
#define SEARCH_LIMIT 64u
#define LEAVING_MS   10000u

__thread struct thread *nw_self __attribute__((tls_model("initial-exec")));

static struct thread first_chunk[FIRST_CHUNK];
static _Atomic(struct thread *) chunks[CHUNKS] = {first_chunk};
static _Atomic uint32_t chunk_count = 1;         /* release after the pointer is in chunks[] */
static _Atomic uint32_t hand ON_DATA_PAGE;       /* next record to look at */
static _Atomic uint32_t live ON_DATA_PAGE;       /* records in use */
static _Atomic uint32_t used_below ON_DATA_PAGE; /* no record at or above was ever taken */

pid_t thread_own_tid(void)
{
    return (pid_t)raw_call(SYS_gettid);
}

uint32_t thread_now_ms(void)
{
    return (uint32_t)((monotonic_ns() - nw_shim.start_monotonic) / 1000000u);
}

static uint32_t chunk_first(uint32_t chunk)
{
    return FIRST_CHUNK * ((1u << chunk) - 1);
}

static struct thread *record(uint32_t number)
{
    uint32_t chunk = 31u - (uint32_t)__builtin_clz(number / FIRST_CHUNK + 1);
    struct thread *records = atomic_load_explicit(&chunks[chunk], memory_order_acquire);

    return &records[number - chunk_first(chunk)];
}

/* The records from that one on, up to the end of its chunk or `total`: a walk over all asks once for each chunk. */
static uint32_t records_from(uint32_t number, uint32_t total, struct thread **ret_records)
{
    uint32_t chunk = 31u - (uint32_t)__builtin_clz(number / FIRST_CHUNK + 1), end = chunk_first(chunk + 1);

    *ret_records = record(number);
    return (end < total ? end : total) - number;
}

/* true: the pool is larger than `seen` chunks now, by our doing or another's. */
static bool pool_grow(uint32_t seen)
{
    size_t size = (size_t)(FIRST_CHUNK << seen) * sizeof(struct thread);
    struct thread *none = NULL, *records;

    if (seen >= CHUNKS)
        return false;
    records = raw_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (records == MAP_FAILED)
        return false;
    if (!atomic_compare_exchange_strong(&chunks[seen], &none, records))
        raw_munmap(records, size);
    /* whoever lost the first race may still win this one: both want the same value */
    atomic_compare_exchange_strong(&chunk_count, &seen, seen + 1);
    return true;
}

static void raise_used_below(uint32_t number)
{
    uint32_t seen = atomic_load_explicit(&used_below, memory_order_relaxed);

    while (seen <= number && !atomic_compare_exchange_weak(&used_below, &seen, number + 1))
        ;
}

static struct thread *try_take(uint32_t number)
{
    struct thread *thread = record(number);
    uint32_t state = atomic_load_explicit(&thread->state, memory_order_relaxed);

    if (state != THREAD_FREE && state != THREAD_ENDED)
        return NULL;
    /* acquire: pairs with the release in thread_give, the last owner's writes come before ours */
    if (!atomic_compare_exchange_strong_explicit(&thread->state, &state, THREAD_STARTING, memory_order_acquire,
                                                 memory_order_relaxed))
        return NULL;
    raise_used_below(number);
    thread->number = number;
    return thread;
}

static void record_clear(struct thread *thread)
{
    /* busy first: from now on others leave their work to us */
    atomic_store(&thread->busy, 1);
    atomic_store(&thread->work, 0);
    atomic_store(&thread->tid, 0);
    atomic_store_explicit(&thread->heap, NULL, memory_order_relaxed);
    atomic_store_explicit(&thread->moves_house, false, memory_order_relaxed);
    thread->stack_size = 0;
    thread->measured_at = thread->load = 0;
    thread->holds_pick = thread->reloading = false;
    thread->start.posix = NULL;
    thread->created_by = NULL;
    thread->ordered = thread->named_before = false;
    thread->main = thread->mask_by_attribute = thread->adopted = false;
    thread->unnamed = true;
    thread->flags = 0;
    thread->rule = thread->creator_slot = PLAN_NONE;
    thread->cpu_outcome = thread->cpu_reason = thread->memory_outcome = thread->memory_reason = 0;
    thread->got_policy = 0;
    thread->got_cpus = 0;
    thread->home_node = UINT32_MAX;
    thread->stack_reason = REASON_NOT_ASKED;
    thread->start_library = thread->start_function = thread->creator_library = thread->creator_function = 0;
    thread->frames = 0;
    memset(thread->name, 0, sizeof(thread->name));
    memset(thread->creator_name, 0, sizeof(thread->creator_name));
}

struct thread *thread_take(void)
{
    for (;;) {
        uint32_t seen = atomic_load_explicit(&chunk_count, memory_order_acquire);
        uint32_t capacity = chunk_first(seen);

        for (uint32_t i = 0; i < SEARCH_LIMIT; i++) {
            struct thread *thread = try_take(atomic_fetch_add_explicit(&hand, 1, memory_order_relaxed) % capacity);

            if (thread) {
                atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
                record_clear(thread);
                return thread;
            }
        }
        if (!pool_grow(seen))
            return NULL;
        atomic_store_explicit(&hand, capacity, memory_order_relaxed); /* the new chunk's first record */
    }
}

void thread_give(struct thread *thread, enum segment_thread_state state)
{
    if (state == THREAD_ENDED) {
        atomic_store_explicit(&thread->left_tid, atomic_load(&thread->tid), memory_order_relaxed);
        atomic_store_explicit(&thread->left_ms, thread_now_ms(), memory_order_relaxed);
    }
    atomic_store(&thread->tid, 0);
    atomic_store(&thread->busy, 0);
    atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
    atomic_store_explicit(&thread->state, state, memory_order_release); /* pairs with try_take */
}

uint32_t thread_live_count(void)
{
    return atomic_load_explicit(&live, memory_order_relaxed);
}

struct thread *thread_find(pid_t tid)
{
    uint32_t total = atomic_load(&used_below);
    uint32_t capacity = chunk_first(atomic_load_explicit(&chunk_count, memory_order_acquire));
    uint32_t newest = atomic_load_explicit(&hand, memory_order_relaxed) % capacity;

    for (uint32_t i = 0; i < total; i++) {
        struct thread *thread = record((newest + total - 1 - i) % total);

        /* seq_cst: one side of the handshake with register_self() in place.c */
        if (atomic_load(&thread->tid) == (uint32_t)tid)
            return thread;
    }
    return NULL;
}

void thread_each(void (*visit)(struct thread *thread, void *context), void *context)
{
    uint32_t total = atomic_load(&used_below), count;
    struct thread *records;

    for (uint32_t first = 0; first < total; first += count) {
        count = records_from(first, total, &records);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t state = atomic_load(&records[i].state);

            if (state == THREAD_STARTING || state == THREAD_LIVE)
                visit(&records[i], context);
        }
    }
}

void thread_each_leaving(void (*visit)(uint32_t tid, void *context), void *context)
{
    uint32_t total = atomic_load(&used_below), now = thread_now_ms(), count;
    struct thread *records;

    for (uint32_t first = 0; first < total; first += count) {
        count = records_from(first, total, &records);
        for (uint32_t i = 0; i < count; i++)
            if (atomic_load_explicit(&records[i].state, memory_order_acquire) == THREAD_ENDED &&
                now - atomic_load_explicit(&records[i].left_ms, memory_order_relaxed) < LEAVING_MS)
                visit(atomic_load_explicit(&records[i].left_tid, memory_order_relaxed), context);
    }
}

void thread_forget_others(struct thread *keep)
{
    uint32_t total = atomic_load(&used_below);

    for (uint32_t i = 0; i < total; i++) {
        struct thread *thread = record(i);

        if (thread != keep && atomic_load(&thread->state) != THREAD_FREE)
            thread_give(thread, THREAD_FREE);
    }
    atomic_store(&live, keep ? 1 : 0);
}
