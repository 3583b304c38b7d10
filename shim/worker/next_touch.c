#include "shim/worker/next_touch.h"

#include <linux/mempolicy.h>
#include <stdatomic.h>

#include "shim/base/common.h"
#include "shim/base/page_size.h"
#include "shim/base/state.h"
#include "shim/base/thread.h"
#include "shim/memory/apart.h"
#include "shim/memory/early.h"
#include "shim/memory/owned.h"
#include "shim/memory/uses.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"
#include "shim/worker/worker.h"

#define LIST_TICKS 5u /* ticks between two listings of objects and threads */
#define BATCHES    4u /* of units, in a tick */

/* What moves at once where there may be huge pages: one of theirs, of 4 KiB pages. The kernel's larger ones are cut. */
#define TOGETHER ((size_t)2 << 20)
/* What a step takes at most while the worker has its CPU */
#define LIST_NS   UINT64_C(200000)
#define WATCH_NS  UINT64_C(50000) /* each thread that is watched anew */
#define LOOK_NS   UINT64_C(20000)
#define SAMPLE_NS UINT64_C(2000)
#define DECIDE_NS UINT64_C(100000)

/* --- objects and threads --- */

/* Reserved huge pages cannot move, and memory that the policy strictly binds to a node must not. */
static bool is_wanted(const struct big *object)
{
    const struct region *region = &region_list[object->region];
    return !region_huge_size(region) && region->flavour.binding != BINDING_BIND && by_use_is_wanted(object->rule);
}

/*
 * Several threads may initialise the memory, a thread may run on several nodes meanwhile, and the kernel may fail to
 * move a page.
 * Each chunk is therefore taken to be where its first page is. A chunk whose first page is not present is nowhere.
 */
static void find_chunks(struct piece *piece)
{
    void *pages[USAGE_CHUNKS];
    int nodes[USAGE_CHUNKS];
    for (uint32_t i = 0; i < piece->chunk_count; i++)
        pages[i] = (void *)chunk_start(piece, &piece->chunks[i]);
    if (sys_move_pages(piece->chunk_count, pages, NULL, nodes) != 0)
        return;
    for (uint32_t i = 0; i < piece->chunk_count; i++)
        usage_found(piece, &piece->chunks[i],
                    nodes[i] >= 0 && nodes[i] < USAGE_NOWHERE ? (uint16_t)nodes[i] : USAGE_NOWHERE);
}

/*
 * Memory that is where it was touched first. It has no home for undo(): when the program gives it back during the move
 * and takes the range again, no thread is expected to be near to it.
 */
static struct piece *keep_touched(struct next_touch *self, const struct big *object, size_t unit)
{
    bool is_new = !usage_knows(&self->usage, object->start, object->serial);
    if (is_new && mover_node_of(object->start) >= USAGE_NOWHERE)
        return NULL; /* no page is present yet */
    struct piece *piece = usage_keep(&self->usage, object->start, object->size, unit, object->serial, USAGE_NOWHERE);
    if (piece && (is_new || piece->votes))
        find_chunks(piece);
    return piece;
}

static void keep_objects(struct next_touch *self, struct region *region)
{
    struct big found[USAGE_PIECES];
    uint32_t count = big_list(region, found, USAGE_PIECES);
    uint16_t home = region_home(region) < USAGE_NOWHERE ? (uint16_t)region_home(region) : USAGE_NOWHERE;
    for (uint32_t i = 0; i < count; i++) {
        if (found[i].size < BIG_SIZE || !is_wanted(&found[i]))
            continue;
        size_t unit = region_has_huge_pages(region, found[i].start) ? TOGETHER : USAGE_CHUNK_LEAST;
        struct piece *piece =
            region->flavour.binding == BINDING_TOUCH
                ? keep_touched(self, &found[i], unit)
                : usage_keep(&self->usage, found[i].start, found[i].size, unit, found[i].serial, home);
        if (piece)
            self->objects[piece - self->usage.pieces] = found[i];
    }
}

static void keep_mappings(struct next_touch *self)
{
    struct big found[USAGE_PIECES];
    uint32_t count = owned_list(found, USAGE_PIECES, 0);
    for (uint32_t i = 0; i < count; i++) {
        struct piece *piece = by_use_is_wanted(found[i].rule) ? keep_touched(self, &found[i], TOGETHER) : NULL;
        if (piece)
            self->objects[piece - self->usage.pieces] = found[i];
    }
}

static void list_objects(struct next_touch *self)
{
    usage_begin(&self->usage);
    for (uint32_t i = 0; i < region_map.count; i++)
        keep_objects(self, &region_list[i]);
    keep_mappings(self);
    usage_end(&self->usage);
}

static bool is_observed(const struct thread *thread)
{
    uint32_t rule = __atomic_load_n(&thread->rule, __ATOMIC_RELAXED);
    return rule >= shim.plan.count[PLAN_RULES] || !(shim.plan.rules[rule].flags & PLAN_RULE_UNOBSERVED);
}

static void watch(struct thread *thread, void *context)
{
    struct next_touch *self = context;
    pid_t tid = (pid_t)atomic_load_explicit(&thread->tid, memory_order_relaxed);
    uint32_t number = self->live_threads++;
    if (tid && number >= self->skipped_threads && is_observed(thread) && !self->sampler.refused)
        sampler_watch(&self->sampler, tid, thread->thread_pointer);
}

/*
 * Counts the threads, because a single thread shares nothing and next touch ends then. Where the sampler has no room
 * for all of them, each window watches those after the last window's.
 */
static void list_threads(struct next_touch *self)
{
    self->live_threads = 0;
    thread_each(watch, self);
}

static void watch_others(struct next_touch *self)
{
    self->skipped_threads += SAMPLED_THREADS;
    if (self->skipped_threads >= self->live_threads)
        self->skipped_threads = 0;
}

/* --- votes --- */

static const struct big *object_of(const struct next_touch *self, const struct piece *piece)
{
    return &self->objects[piece - self->usage.pieces];
}

static uint16_t node_of_cpu(uint32_t cpu)
{
    const struct plan_view *plan = &shim.plan;
    bool known = cpu < plan->count[PLAN_CPUS] && plan->cpus[cpu].mem_node < USAGE_NOWHERE;
    return known ? (uint16_t)plan->cpus[cpu].mem_node : USAGE_NOWHERE;
}

/* Every sampled access passes here, and here alone. */
static void vote(void *context, const struct seen_access *access)
{
    struct next_touch *self = context;
    uint16_t node = node_of_cpu(access->cpu);
    if (access->cpu < shim.plan.count[PLAN_CPUS])
        seen_note(&self->seen, access, shim.plan.cpus[access->cpu].node);
    if (node == USAGE_NOWHERE || self->live_threads < 2) /* the last thread's are only counted */
        return;
    if (self->pairs && access->operand)
        pairs_saw(self->pairs, (uint32_t)access->tid, access->address);
    const struct piece *piece = usage_vote(&self->usage, access->address, node);
    if (piece)
        uses_note(object_of(self, piece)->maker, (uint32_t)access->tid);
    if (access->operand)
        by_use_vote(&self->by_use, access->address, node);
}

/* --- moving --- */

/* A mapping with a memory policy of its own is where the program wants it. It counts as gone before a move. */
static bool is_there(const struct big *object, bool mark)
{
    uint64_t nodes[NODE_WORDS];
    int mode = 0;
    if (object->region != OWNED_REGION)
        return big_check(object, mark);
    return (!mark ||
            (sys_get_memory_at((void *)object->start, &mode, nodes, NODE_WORDS) == 0 && mode == MPOL_DEFAULT)) &&
           owned_check(object, mark);
}

/*
 * The owner freed the object during the move, and another thread may have it now. Its pages go to the node where that
 * thread expects them.
 */
static void undo(struct next_touch *self, const struct piece *piece, const struct chunk *chunk)
{
    if (piece->home == USAGE_NOWHERE)
        return;
    mover_add_all(self->mover, chunk_start(piece, chunk), chunk_length(piece, chunk), piece->home);
    mover_run(self->mover);
}

/*
 * Splits huge pages that reach beyond the object. This happens at the last moment, because khugepaged makes them again.
 */
static void cut_edges(const struct next_touch *self)
{
    for (uint32_t i = 0; i < self->batch_count; i++) {
        const struct piece *piece = self->batch_piece[i];
        const struct chunk *chunk = self->batch_chunk[i];
        if (chunk == piece->chunks || chunk == &piece->chunks[piece->chunk_count - 1])
            mover_cut(chunk_start(piece, chunk), chunk_length(piece, chunk));
    }
}

/* The pages were busy with a system call, a move_pages(2) query or I/O. Most of them are free a moment later. */
static void try_again(struct next_touch *self, struct piece *piece, struct chunk *chunk)
{
    size_t busy = mover_busy_in(self->mover, chunk_start(piece, chunk), chunk_length(piece, chunk));
    if (busy)
        usage_stayed(piece, chunk, busy);
}

static void finish_batch(struct next_touch *self)
{
    cut_edges(self);
    int error = mover_run(self->mover);

    for (uint32_t i = 0; i < self->batch_count; i++) {
        struct piece *piece = self->batch_piece[i];
        if (!error && !is_there(object_of(self, piece), false))
            undo(self, piece, self->batch_chunk[i]);
        else if (!error)
            try_again(self, piece, self->batch_chunk[i]);
    }
    self->batch_count = 0;
}

static void add_chunk(struct next_touch *self, struct piece *piece, struct chunk *chunk)
{
    if (!is_there(object_of(self, piece), true)) {
        usage_gone(chunk);
        return;
    }
    self->batch_piece[self->batch_count] = piece;
    self->batch_chunk[self->batch_count++] = chunk;
    mover_uncount(self->mover, chunk->stayed);
    mover_add_all(self->mover, chunk_start(piece, chunk), chunk_length(piece, chunk), chunk->target);
    usage_moved(piece, chunk);
}

static bool has_room(const struct next_touch *self)
{
    return self->batch_count < NEXT_TOUCH_BATCH && self->mover->count < MOVER_BATCH;
}

/* Moves one batch of what the votes demand. Returns whether there was any. */
static bool move_some(struct next_touch *self)
{
    struct piece *piece = NULL;
    struct chunk *chunk;
    while (has_room(self) && (chunk = usage_next(&self->usage, &piece))) {
        if (!self->batch_count)
            mover_begin(self->mover, object_of(self, piece)->rule);
        else
            mover_also(self->mover, object_of(self, piece)->rule);
        add_chunk(self, piece, chunk);
    }
    if (!self->batch_count)
        return false;
    finish_batch(self);
    return true;
}

/* --- ticks --- */

bool next_touch_has_work(void)
{
    return shim_needs(PLAN_HAS_NEXT_TOUCH) && shim.plan.count[PLAN_NODES] > 1 &&
           atomic_load_explicit(&shim.next_index, memory_order_relaxed) > 1;
}

void next_touch_begin(struct next_touch *self, struct mover *mover)
{
    self->mover = mover;
    by_use_begin(&self->by_use, mover, &self->usage);
    early_tell();
    sampler_open(&self->sampler);
}

bool next_touch_may_go_on(const struct next_touch *self)
{
    return (self->live_threads > 1 || !self->ticks || early_is_wanted()) && !self->sampler.refused &&
           !self->mover->error;
}

static void look_at_pages(struct next_touch *self)
{
    const struct seen_clock clock = seen_now(self->sampler.samples);
    seen_look(&self->seen, &clock);
}

/* Where a report is due, sampling goes on, more slowly, and the window stands for all of the pause. */
void next_touch_pause(struct next_touch *self)
{
    if (early_is_wanted() && self->live_threads < SAMPLED_THREADS && sampler_slow(&self->sampler, true)) {
        look_at_pages(self);
        return;
    }
    const struct seen_clock clock = seen_now(self->sampler.samples);
    sampler_close(&self->sampler);
    seen_pause(&self->seen, &clock);
    watch_others(self);
}

/* What it took, but for what others took from it: the worker may wait for a CPU in between. */
static void add_cost(struct next_touch *self, uint64_t began, uint64_t most)
{
    uint64_t took = monotonic_ns() - began;
    self->looked_ns += took < most ? took : most;
}

/* Of the worker. On a machine whose CPUs are busy it waits more than it works. */
static uint64_t cpu_ns(void)
{
    struct timespec time = {0};
    if (raw_call(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &time) != 0)
        return monotonic_ns();
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

static void note_only(void *context, const struct seen_access *access)
{
    struct next_touch *self = context;
    if (access->cpu < shim.plan.count[PLAN_CPUS])
        seen_note(&self->seen, access, shim.plan.cpus[access->cpu].node);
}

/* Threads that have ended hold places in the sampler until it is full. */
void next_touch_listen(struct next_touch *self)
{
    uint64_t began = cpu_ns();
    if (!self->sampler.slow)
        return;
    sampler_read(&self->sampler, note_only, self);
    look_at_pages(self);
    if (self->sampler.count == SAMPLED_THREADS)
        sampler_close(&self->sampler);
    self->sampler.slow = true;
    list_threads(self);
    self->listened_ns += cpu_ns() - began;
}

static void list(struct next_touch *self)
{
    uint64_t began = monotonic_ns();
    uint32_t watched = self->sampler.count;
    sampler_read(&self->sampler, vote, self); /* these samples belong to the objects of the old listing */
    list_objects(self);
    list_threads(self);
    self->sampler.registers = self->usage.count > 0; /* they say where in a piece a thread walks */
    add_cost(self, began, LIST_NS + (self->sampler.count - watched) * WATCH_NS);
}

static void look(struct next_touch *self)
{
    uint64_t began = monotonic_ns();
    by_use_tick(&self->by_use);
    uint32_t samples = sampler_read(&self->sampler, vote, self);
    look_at_pages(self);
    usage_tick(&self->usage);
    add_cost(self, began, LOOK_NS + samples * SAMPLE_NS);
}

/* To find that nothing has to move is looking, and is paid for as such. */
static bool move_by_use(struct next_touch *self)
{
    uint64_t began = monotonic_ns();
    uint32_t batches = 0;
    while (batches < BATCHES && by_use_move(&self->by_use))
        batches++;
    if (!batches)
        add_cost(self, began, DECIDE_NS);
    return batches > 0;
}

static void move_again(struct next_touch *self)
{
    for (uintptr_t start; (start = apart_undone(self->mover->apart));) {
        units_forget(&self->by_use.units, start, huge_page_size());
        usage_forget(&self->usage, start, huge_page_size());
    }
}

bool next_touch_tick(struct next_touch *self)
{
    if (self->sampler.slow) {
        next_touch_listen(self);
        sampler_slow(&self->sampler, false);
    }
    if (self->ticks++ % LIST_TICKS == 0)
        list(self);
    if (!next_touch_may_go_on(self))
        return false;
    const struct seen_clock clock = seen_now(self->sampler.samples);
    seen_open(&self->seen, &clock);
    worker_pause(NEXT_TOUCH_TICK_NS);
    look(self);
    bool may_move = mover_wait(self->mover) == 0;
    move_again(self);
    bool moved = may_move && move_some(self);
    return (may_move && move_by_use(self)) || moved;
}
