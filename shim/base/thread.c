/*
 * Chunk 0 of the pool holds PART records, chunk k holds PART << (k - 1), so each further chunk doubles the pool. A
 * record's number gives its chunk and position by arithmetic. Records never move, and a number stays valid for the life
 * of the process.
 *
 * The first PARTS * PART records are static and divided into parts, one for each node number modulo PARTS. A new thread
 * takes a record of the part of its creator's home node. The first touch of a page decides its node, and creator and
 * new thread mostly share a node, so records and segment entries are near to the threads that write them. When a part
 * is nearly full, records come from one circle over all chunks.
 */
#include "shim/base/thread.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shim/base/state.h"
#include "shim/sys/raw.h"

#define PART         256u
#define PARTS        4u
#define PART_FULL    (PART - PART / 4)
#define STATIC_COUNT (PARTS * PART)
#define CHUNKS       16u /* 8 million records: twice the largest pid_max */
/* The pool grows after a search has passed this many busy records, which bounds the cost of a thread creation. */
#define SEARCH_LIMIT 64u
#define LEAVING_MS   10000u

__thread struct thread *thread_self __attribute__((tls_model("initial-exec")));
__thread bool thread_in_libc __attribute__((tls_model("initial-exec")));

static struct thread static_records[STATIC_COUNT];
static _Atomic(struct thread *) chunks[CHUNKS] = {static_records, static_records + PART, static_records + 2 * PART};
static _Atomic uint32_t chunk_count = 1; /* chunks in the circle; raised after the pointer is in chunks[] */

/*
 * One entry for each part; the last entry is for the records behind all parts. hand: the next record to try (last
 * entry: in the circle). in_use: how many records are taken. used_below: no record from this number on was ever taken.
 */
static _Atomic uint32_t hand[PARTS + 1] ON_DATA_PAGE;
static _Atomic uint32_t in_use[PARTS + 1] ON_DATA_PAGE;
static _Atomic uint32_t used_below[PARTS + 1] ON_DATA_PAGE;

pid_t thread_own_tid(void)
{
    return raw_gettid();
}

uint32_t thread_now_ms(void)
{
    return (uint32_t)((monotonic_ns() - shim.start_monotonic) / 1000000u);
}

static uint32_t chunk_first(uint32_t chunk)
{
    return chunk ? PART << (chunk - 1) : 0;
}

static uint32_t chunk_of(uint32_t number)
{
    return number < PART ? 0 : 32u - (uint32_t)__builtin_clz(number / PART);
}

static uint32_t part_of(uint32_t number)
{
    return number < STATIC_COUNT ? number / PART : PARTS;
}

static struct thread *record(uint32_t number)
{
    uint32_t chunk = chunk_of(number);
    struct thread *records = atomic_load_explicit(&chunks[chunk], memory_order_acquire);
    return &records[number - chunk_first(chunk)];
}

/* A range of adjacent records that may have been taken. A walk begins with a zeroed run. */
struct run {
    uint32_t part, next, count;
    struct thread *records;
};

/* Returns the next range, one for each chunk of each part. false: the walk is complete. */
static bool next_run(struct run *run)
{
    for (; run->part <= PARTS; run->part++, run->next = run->part * PART) {
        uint32_t used = atomic_load(&used_below[run->part]), end = chunk_first(chunk_of(run->next) + 1);
        if (run->next >= used)
            continue;
        run->records = record(run->next);
        run->count = (end < used ? end : used) - run->next;
        run->next += run->count;
        return true;
    }
    return false;
}

/* true: the pool has more than `seen` chunks now. This thread or another one added them. */
static bool pool_grow(uint32_t seen)
{
    size_t size = (size_t)(chunk_first(seen + 1) - chunk_first(seen)) * sizeof(struct thread);
    struct thread *none = NULL, *records;
    if (seen >= CHUNKS)
        return false;
    if (!atomic_load(&chunks[seen])) {
        records = raw_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        if (records == MAP_FAILED)
            return false;
        if (!atomic_compare_exchange_strong(&chunks[seen], &none, records))
            raw_munmap(records, size);
    }
    /* the loser of the first race may win this one: both threads store the same value */
    atomic_compare_exchange_strong(&chunk_count, &seen, seen + 1);
    return true;
}

static void raise_used_below(uint32_t number)
{
    _Atomic uint32_t *mark = &used_below[part_of(number)];
    uint32_t seen = atomic_load_explicit(mark, memory_order_relaxed);
    while (seen <= number && !atomic_compare_exchange_weak(mark, &seen, number + 1))
        ;
}

/* acquire: pairs with the release in thread_give(); the last owner's writes happen before those of the new owner */
static bool take_if(struct thread *thread, uint32_t *state)
{
    return atomic_compare_exchange_strong_explicit(&thread->state, state, THREAD_STARTING, memory_order_acquire,
                                                   memory_order_relaxed);
}

static struct thread *try_take(uint32_t number)
{
    struct thread *thread = record(number);
    uint32_t state =
        THREAD_FREE; /* not read: the first look at a new page would be another fault than the first write */
    if (!take_if(thread, &state) && (state != THREAD_ENDED || !take_if(thread, &state)))
        return NULL;
    raise_used_below(number);
    thread->number = number;
    return thread;
}

static void record_clear(struct thread *thread)
{
    /* busy comes first: from now on other threads leave their work to this owner */
    atomic_store(&thread->busy, 1);
    atomic_store(&thread->work, 0);
    atomic_store(&thread->tid, 0);
    atomic_store_explicit(&thread->heap, NULL, memory_order_relaxed);
    atomic_store_explicit(&thread->rehomes, false, memory_order_relaxed);
    thread->stack_size = 0;
    thread->measured_at = thread->load = 0;
    thread->holds_pick = thread->reloading = false;
    thread->holds = 0;
    atomic_store_explicit(&thread->held, 0, memory_order_relaxed);
    thread->start.posix = NULL;
    thread->created_by = NULL;
    thread->ordered = thread->named_before = false;
    thread->main = thread->mask_by_attribute = thread->reads_own = thread->adopted = false;
    thread->unnamed = true;
    thread->flags = 0;
    thread->rule = thread->creator_slot = PLAN_NONE;
    thread->cpu_outcome = thread->cpu_reason = thread->memory_outcome = thread->memory_reason = 0;
    thread->got_policy = GOT_NO_POLICY;
    thread->got_cpus = 0;
    thread->home_node = UINT32_MAX;
    thread->stack_reason = REASON_NOT_ASKED;
    thread->start_library = thread->start_function = thread->creator_library = thread->creator_function = 0;
    thread->frames = 0;
    memset(thread->name, 0, sizeof(thread->name));
    memset(thread->creator_name, 0, sizeof(thread->creator_name));
}

static struct thread *taken(struct thread *thread)
{
    atomic_fetch_add_explicit(&in_use[part_of(thread->number)], 1, memory_order_relaxed);
    record_clear(thread);
    return thread;
}

static struct thread *take_of_part(uint32_t part)
{
    struct thread *thread = NULL;
    if (atomic_load_explicit(&in_use[part], memory_order_relaxed) >= PART_FULL)
        return NULL;
    for (uint32_t i = 0; i < SEARCH_LIMIT && !thread; i++)
        thread = try_take(part * PART + atomic_fetch_add_explicit(&hand[part], 1, memory_order_relaxed) % PART);
    return thread;
}

/* The part of the calling thread's home node; 0 for threads that have none. */
static uint32_t own_part(void)
{
    return thread_self && thread_self->home_node != UINT32_MAX ? thread_self->home_node % PARTS : 0;
}

static struct thread *take_of_all(void)
{
    for (;;) {
        uint32_t seen = atomic_load_explicit(&chunk_count, memory_order_acquire);
        uint32_t capacity = chunk_first(seen);
        for (uint32_t i = 0; i < SEARCH_LIMIT; i++) {
            struct thread *thread =
                try_take(atomic_fetch_add_explicit(&hand[PARTS], 1, memory_order_relaxed) % capacity);
            if (thread)
                return thread;
        }
        if (!pool_grow(seen))
            return NULL;
        atomic_store_explicit(&hand[PARTS], capacity, memory_order_relaxed); /* the first record of the new chunk */
    }
}

struct thread *thread_take(void)
{
    struct thread *thread = take_of_part(own_part());
    if (!thread) {
        /* counted before it is taken: a forked child passes over what has none in use */
        atomic_fetch_add_explicit(&in_use[PARTS], 1, memory_order_relaxed);
        thread = take_of_all();
        if (thread)
            taken(thread);
        atomic_fetch_sub_explicit(&in_use[PARTS], 1, memory_order_relaxed);
        return thread;
    }
    return taken(thread);
}

void thread_give(struct thread *thread, enum segment_thread_state state)
{
    if (state == THREAD_ENDED) {
        atomic_store_explicit(&thread->left_tid, atomic_load(&thread->tid), memory_order_relaxed);
        atomic_store_explicit(&thread->left_ms, thread_now_ms(), memory_order_relaxed);
        atomic_store_explicit(&thread->left_pid, (uint32_t)shim.pid, memory_order_relaxed);
    }
    atomic_store(&thread->tid, 0);
    atomic_store(&thread->busy, 0);
    atomic_store_explicit(&thread->state, state, memory_order_release); /* pairs with try_take() */
    atomic_fetch_sub_explicit(&in_use[part_of(thread->number)], 1, memory_order_relaxed);
}

uint32_t thread_live_count(void)
{
    uint32_t count = 0;
    for (uint32_t part = 0; part <= PARTS; part++)
        count += atomic_load_explicit(&in_use[part], memory_order_relaxed);
    return count;
}

/* Position of the hand, counted from the first record of the part, or from the first record behind all parts. */
static uint32_t newest_of(uint32_t part)
{
    uint32_t at = atomic_load_explicit(&hand[part], memory_order_relaxed);
    if (part < PARTS)
        return at % PART;
    at %= chunk_first(atomic_load_explicit(&chunk_count, memory_order_acquire));
    return at > STATIC_COUNT ? at - STATIC_COUNT : 0;
}

/* Searches backwards from the hand and wraps around: the newest records come first. */
static struct thread *find_in(uint32_t part, uint32_t tid)
{
    uint32_t first = part * PART, end = atomic_load(&used_below[part]), total = end > first ? end - first : 0;
    uint32_t newest = newest_of(part);
    for (uint32_t i = 0; i < total; i++) {
        struct thread *thread = record(first + (newest + total - 1 - i) % total);
        /* seq_cst: one side of the handshake with register_self() in place.c */
        if (atomic_load(&thread->tid) == tid)
            return thread;
    }
    return NULL;
}

struct thread *thread_find(pid_t tid)
{
    uint32_t own = own_part();
    struct thread *thread = find_in(own, (uint32_t)tid);
    for (uint32_t part = PARTS + 1; part-- > 0 && !thread;)
        if (part != own)
            thread = find_in(part, (uint32_t)tid);
    return thread;
}

static void visit_run(const struct run *run, void (*visit)(struct thread *thread, void *context), void *context)
{
    for (uint32_t i = 0; i < run->count; i++) {
        uint32_t state = atomic_load(&run->records[i].state);
        if (state == THREAD_STARTING || state == THREAD_LIVE)
            visit(&run->records[i], context);
    }
}

void thread_each(void (*visit)(struct thread *thread, void *context), void *context)
{
    for (struct run run = {0}; next_run(&run);)
        visit_run(&run, visit, context);
}

void thread_each_leaving(void (*visit)(uint32_t tid, void *context), void *context)
{
    uint32_t now = thread_now_ms();
    for (struct run run = {0}; next_run(&run);)
        for (uint32_t i = 0; i < run.count; i++)
            if (atomic_load_explicit(&run.records[i].state, memory_order_acquire) == THREAD_ENDED &&
                atomic_load_explicit(&run.records[i].left_pid, memory_order_relaxed) == (uint32_t)shim.pid &&
                now - atomic_load_explicit(&run.records[i].left_ms, memory_order_relaxed) < LEAVING_MS)
                visit(atomic_load_explicit(&run.records[i].left_tid, memory_order_relaxed), context);
}

static void forget(struct thread *thread, void *keep)
{
    if (thread != keep)
        thread_give(thread, THREAD_FREE);
}

/*
 * Records of threads that have ended stay as they are: each write would cost the child a page. left_pid says whose they
 * were.
 */
void thread_forget_others(struct thread *keep)
{
    for (struct run run = {0}; next_run(&run);)
        if (atomic_load_explicit(&in_use[run.part], memory_order_relaxed))
            visit_run(&run, forget, keep);
    for (uint32_t part = 0; part <= PARTS; part++)
        atomic_store(&in_use[part], keep && part_of(keep->number) == part);
}
