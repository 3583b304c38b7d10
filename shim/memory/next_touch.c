#include "shim/memory/next_touch.h"

#include <linux/mempolicy.h>
#include <stdatomic.h>
#include <time.h>

#include "shim/memory/owned.h"
#include "shim/place/thread.h"
#include "shim/state.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"

#define HUGE_PAGE  ((size_t)2 << 20)
#define LIST_TICKS 5u /* between two looks at what objects and threads there are */

/* --- what there is --- */

static bool rule_wants(uint16_t number)
{
    const struct plan_view *plan = &nw_shim.plan;
    uint32_t rule = number < plan->count[PLAN_RULES] ? number : plan->header->default_rule;

    return rule == PLAN_NONE || (plan->rules[rule].flags & PLAN_RULE_NEXT_TOUCH);
}

/* The kernel's own huge pages do not move, nor memory that was asked to be nowhere else. */
static bool is_wanted(const struct big *object)
{
    const struct flavour *flavour = &nw_regions[object->region].flavour;

    return flavour->huge_pages != HUGE_2MIB && flavour->huge_pages != HUGE_1GIB && flavour->binding != BINDING_BIND &&
           rule_wants(object->rule);
}

static void keep_objects(struct next_touch *self, struct region *region)
{
    struct big found[USAGE_PIECES];
    uint32_t count = big_list(region, found, USAGE_PIECES);

    for (uint32_t i = 0; i < count; i++) {
        struct piece *piece;

        if (found[i].size < BIG_SIZE || !is_wanted(&found[i]))
            continue;
        piece = usage_keep(&self->usage, found[i].start, found[i].size,
                           region_has_huge_pages(region, found[i].start) ? HUGE_PAGE : USAGE_CHUNK_LEAST,
                           found[i].serial, region->node < USAGE_NOWHERE ? (uint16_t)region->node : USAGE_NOWHERE);
        if (piece)
            self->objects[piece - self->usage.pieces] = found[i];
    }
}

static void keep_mappings(struct next_touch *self)
{
    struct big found[USAGE_PIECES];
    uint32_t count = owned_list(found, USAGE_PIECES, 0);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t node = mover_node_of(found[i].start);
        struct piece *piece;

        if (!rule_wants(found[i].rule) || node >= USAGE_NOWHERE)
            continue; /* nothing there yet */
        piece = usage_keep(&self->usage, found[i].start, found[i].size, HUGE_PAGE, found[i].serial, (uint16_t)node);
        if (piece)
            self->objects[piece - self->usage.pieces] = found[i];
    }
}

static void list_objects(struct next_touch *self)
{
    usage_begin(&self->usage);
    for (uint32_t i = 0; i < nw_map.count; i++)
        keep_objects(self, &nw_regions[i]);
    keep_mappings(self);
    usage_end(&self->usage);
}

static void watch(struct thread *thread, void *context)
{
    struct next_touch *self = context;
    pid_t tid = (pid_t)atomic_load_explicit(&thread->tid, memory_order_relaxed);

    self->live_threads++;
    if (tid && !self->sampler.refused)
        sampler_watch(&self->sampler, tid);
}

/* A thread alone has nobody to share with. */
static void list_threads(struct next_touch *self)
{
    self->live_threads = 0;
    thread_each(watch, self);
}

/* --- votes --- */

static void vote(void *context, uint32_t cpu, uintptr_t pointer)
{
    const struct plan_view *plan = &nw_shim.plan;
    struct next_touch *self = context;

    if (cpu < plan->count[PLAN_CPUS] && plan->cpus[cpu].mem_node < USAGE_NOWHERE)
        usage_vote(&self->usage, pointer, (uint16_t)plan->cpus[cpu].mem_node);
}

/* --- moving --- */

static const struct big *object_of(const struct next_touch *self, const struct piece *piece)
{
    return &self->objects[piece - self->usage.pieces];
}

/* A mapping with a memory policy of its own is where the program wants it. */
static bool is_there(const struct big *object, bool mark)
{
    uint64_t nodes[NODE_WORDS];
    int mode = 0;

    if (object->region != OWNED_REGION)
        return big_check(object, mark);
    return owned_check(object) &&
           (!mark || (sys_get_memory_at((void *)object->start, &mode, nodes, NODE_WORDS) == 0 && mode == MPOL_DEFAULT));
}

/* Freed and given to somebody else while its pages were under way: they go where they are expected. */
static void undo(struct next_touch *self, const struct piece *piece, const struct chunk *chunk)
{
    uintptr_t start = chunk_start(piece, chunk);
    size_t size = chunk_length(piece, chunk);

    while (size && piece->home != USAGE_NOWHERE) {
        size_t added = mover_add(self->mover, start, size, piece->home);

        start += added;
        size -= added;
        if (mover_run(self->mover) < 0)
            return;
    }
}

static void finish_batch(struct next_touch *self)
{
    int error = mover_run(self->mover);

    for (uint32_t i = 0; i < self->batch_count; i++) {
        struct piece *piece = self->batch_piece[i];

        if (!error && !is_there(object_of(self, piece), false))
            undo(self, piece, self->batch_chunk[i]);
    }
    self->batch_count = 0;
}

static void add_chunk(struct next_touch *self, struct piece *piece, struct chunk *chunk)
{
    uintptr_t start = chunk_start(piece, chunk);
    size_t size = chunk_length(piece, chunk);

    if (!is_there(object_of(self, piece), true)) {
        chunk->moves = USAGE_MOVES; /* gone; the next list is without it */
        return;
    }
    if (piece->moves == 0)
        mover_cut(piece->start, piece->size);
    self->batch_piece[self->batch_count] = piece;
    self->batch_chunk[self->batch_count++] = chunk;
    for (;;) {
        size_t added = mover_add(self->mover, start, size, chunk->target);

        start += added;
        size -= added;
        if (!size)
            break;
        mover_run(self->mover); /* a chunk of several batches */
    }
    usage_moved(piece, chunk);
}

static bool has_room(const struct next_touch *self)
{
    return self->batch_count < NEXT_TOUCH_BATCH && self->mover->count < MOVER_BATCH;
}

/* One batch of what the votes say. Returns whether there was any. */
static bool move_some(struct next_touch *self)
{
    struct piece *piece = NULL;
    struct chunk *chunk;

    while (has_room(self) && (chunk = usage_next(&self->usage, &piece)))
        add_chunk(self, piece, chunk);
    if (!self->batch_count)
        return false;
    finish_batch(self);
    return true;
}

/* --- ticks --- */

bool next_touch_has_work(void)
{
    return shim_needs(PLAN_HAS_NEXT_TOUCH) && nw_shim.plan.count[PLAN_NODES] > 1 && big_count() + owned_count() > 0 &&
           atomic_load_explicit(&nw_shim.next_index, memory_order_relaxed) > 1;
}

void next_touch_begin(struct next_touch *self, struct mover *mover)
{
    self->mover = mover;
    sampler_open(&self->sampler);
}

bool next_touch_may_go_on(const struct next_touch *self)
{
    return (self->live_threads > 1 || !self->ticks) && !self->sampler.refused && !self->mover->error;
}

void next_touch_pause(struct next_touch *self)
{
    sampler_close(&self->sampler);
}

bool next_touch_tick(struct next_touch *self)
{
    struct timespec tick = {0, (long)NEXT_TOUCH_TICK_NS};

    if (self->ticks++ % LIST_TICKS == 0) {
        sampler_read(&self->sampler, vote, self); /* what was seen so far is about the objects so far */
        list_objects(self);
        list_threads(self);
    }
    if (!next_touch_may_go_on(self))
        return false;
    syscall(SYS_nanosleep, &tick, NULL);
    sampler_read(&self->sampler, vote, self);
    usage_tick(&self->usage);
    return mover_wait(self->mover) == 0 && move_some(self);
}
