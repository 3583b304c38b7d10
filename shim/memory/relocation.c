#include "shim/memory/relocation.h"

#include <string.h>

#include "shim/arena/arena.h"
#include "shim/arena/lock.h"
#include "shim/base/common.h"
#include "shim/base/state.h"
#include "shim/base/thread.h"
#include "shim/memory/owned.h"
#include "shim/telemetry/segment.h"
#include "shim/worker/worker.h"

#define STRETCHES_MOST 64u /* in one batch */

/* --- the queue of orders --- */

static struct {
    struct lock lock;
    _Atomic uint32_t count;
    struct order orders[ORDERS_MOST]; /* oldest first */
} queue;

/*
 * A thread has one order at a time. When it moves again before its memory has followed, the new order replaces the old.
 */
static struct order *order_of(uint32_t tid)
{
    for (uint32_t i = 0; i < queue.count; i++)
        if (queue.orders[i].owner.tid == tid)
            return &queue.orders[i];
    return queue.count < ORDERS_MOST ? &queue.orders[queue.count++] : NULL;
}

static bool put(const struct order *order)
{
    if (!lock_take(&queue.lock))
        return false;
    struct order *place = order_of(order->owner.tid);
    if (place)
        *place = *order;
    lock_give(&queue.lock);
    return place;
}

bool relocation_take(struct order *ret_order)
{
    bool any = false;
    if (!relocation_is_due() || !lock_take(&queue.lock))
        return false;
    if (queue.count) {
        *ret_order = queue.orders[0];
        queue.count--;
        memmove(queue.orders, queue.orders + 1, queue.count * sizeof(queue.orders[0]));
        any = true;
    }
    lock_give(&queue.lock);
    return any;
}

bool relocation_is_due(void)
{
    return atomic_load_explicit(&queue.count, memory_order_relaxed) > 0;
}

void relocation_forked(void)
{
    atomic_store_explicit(&queue.lock.word, 0, memory_order_relaxed);
    queue.count = 0;
}

/* --- requests --- */

/* The caller has made sure that the thread holds a pick: others have no rule. */
static bool is_wanted(const struct thread *thread)
{
    return thread->why == REASON_SHARED_USE || (shim.plan.rules[thread->rule].flags & PLAN_RULE_MIGRATE);
}

static bool is_asked(const struct thread *thread, uint32_t from)
{
    uint32_t age = thread_now_ms() - thread->born_ms;
    return thread->holds_pick && is_wanted(thread) && from != PLAN_NONE && thread->home_node != PLAN_NONE &&
           from != thread->home_node && (thread->main || age >= RELOCATION_AGE_MS);
}

void relocation_thread_moved(struct thread *thread, uint32_t from, struct stack_area stack)
{
    struct order order;
    if (!is_asked(thread, from))
        return;
    arena_rehome(thread);
    order = (struct order){
        .owner = {.heap = atomic_load_explicit(&thread->heap, memory_order_relaxed),
                  .tid = atomic_load_explicit(&thread->tid, memory_order_relaxed)},
        .node = thread->home_node,
        .rule = thread->rule,
        .stack = stack,
    };
    if (!put(&order)) {
        segment_event(&(struct event){.kind = EVENT_REFUSED,
                                      .tid = order.owner.tid,
                                      .rule = thread->rule,
                                      .outcome = OUTCOME_NONE,
                                      .reason = REASON_BUDGET,
                                      .text = "relocation"});
        return;
    }
    worker_wake();
}

/* --- execution --- */

/* Bytes [from, from + size) of a stretch that are in the current batch. */
struct part {
    struct stretch stretch;
    uintptr_t from;
    size_t size;
};

struct batch {
    struct mover *mover;
    uint32_t node, count;
    struct part parts[STRETCHES_MOST];
    bool (*may_go_on)(void *context);
    void *context;
};

/*
 * The owner freed the stretch during the move, and another thread may have allocated it. Its pages return to the node
 * of their region.
 */
static void undo(struct batch *batch, const struct part *part)
{
    uint32_t home = region_list[part->stretch.region].node;
    if (home != UINT32_MAX)
        mover_add_all(batch->mover, part->from, part->size, home);
}

/* Splits huge pages at the last moment: khugepaged would merge pages again that were split earlier. */
static void cut_edges(const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct part *part = &batch->parts[i];
        if (region_has_huge_pages(&region_list[part->stretch.region], part->from + part->size))
            mover_cut(part->from, part->size);
    }
}

static void finish(struct batch *batch)
{
    cut_edges(batch);
    bool moved = mover_run(batch->mover) == 0;

    for (uint32_t i = 0; moved && i < batch->count; i++)
        if (!moving_check(&batch->parts[i].stretch))
            undo(batch, &batch->parts[i]);
    mover_run(batch->mover);
    batch->count = 0;
}

static bool is_full(const struct batch *batch)
{
    return batch->count == STRETCHES_MOST || batch->mover->count == MOVER_BATCH;
}

/* Adds as much of the rest of a stretch as the batch has room for. Returns where the remaining rest begins. */
static uintptr_t add_part(struct batch *batch, const struct stretch *stretch, uintptr_t from)
{
    size_t rest = stretch->start + stretch->size - from, size = mover_add(batch->mover, from, rest, batch->node);
    batch->parts[batch->count++] = (struct part){*stretch, from, size};
    return from + size;
}

/*
 * A large object takes many batches. When its owner frees it meanwhile, the current batch is undone; the parts that
 * were moved before have gone back to the kernel together with the object. false: the order is cancelled.
 */
static bool move_stretch(struct batch *batch, const struct stretch *stretch)
{
    uintptr_t at = stretch->start, end = stretch->start + stretch->size;
    if (!moving_mark(stretch, batch->node))
        return true;
    while (at < end) {
        at = add_part(batch, stretch, at);
        if (!is_full(batch))
            continue;
        finish(batch);
        if (!batch->may_go_on(batch->context))
            return false;
        if (at < end && !moving_mark(stretch, batch->node))
            return true;
    }
    return true;
}

/* Reserved huge pages stay, and so does memory that the policy strictly binds to its node. */
static bool can_be_moved(const struct region *region)
{
    unsigned binding = region->flavour.binding;
    return region->opened && (binding == BINDING_PREFERRED || binding == BINDING_TOUCH) && !region_huge_size(region);
}

/* false: the order is cancelled. */
static bool move_region(struct batch *batch, struct region *region, const struct owner *owner)
{
    struct stretch stretch;
    for (uint32_t slice = 0; moving_next(region, &slice, owner, &stretch);)
        if (!move_stretch(batch, &stretch))
            return false;
    return true;
}

/*
 * Moves the mappings that the program made itself. A mapping that the program unmaps meanwhile needs no undo: it has no
 * owner whose node it should be on.
 */
static void move_mappings(struct mover *mover, const struct order *order, bool (*may_go_on)(void *context),
                          void *context)
{
    struct big mappings[OWNED_MOST];
    uint32_t count = order->owner.tid ? owned_list(mappings, OWNED_MOST, order->owner.tid) : 0;
    for (uint32_t i = 0; i < count; i++)
        for (size_t done = 0; done < mappings[i].size;) {
            if (!owned_check(&mappings[i], false))
                break;
            done += mover_add(mover, mappings[i].start + done, mappings[i].size - done, order->node);
            mover_run(mover);
            if (!may_go_on(context))
                return;
        }
}

void relocation_carry_out(struct mover *mover, const struct order *order, bool (*may_go_on)(void *context),
                          void *context)
{
    struct batch batch = {.mover = mover, .node = order->node, .may_go_on = may_go_on, .context = context};
    bool goes_on = true;
    if (order->owner.heap)
        mover_add_all(mover, (uintptr_t)order->owner.heap, page_ceiling(sizeof(*order->owner.heap)), order->node);
    if (order->stack.end)
        mover_add_all(mover, order->stack.end - order->stack.size, order->stack.size, order->node);
    for (uint32_t i = 0; i < region_map.count && goes_on; i++)
        if (can_be_moved(&region_list[i]))
            goes_on = move_region(&batch, &region_list[i], &order->owner);
    finish(&batch);
    if (goes_on)
        move_mappings(mover, order, may_go_on, context);
}
