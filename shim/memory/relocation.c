#include "shim/memory/relocation.h"

#include <string.h>

#include "shim/arena/arena.h"
#include "shim/arena/lock.h"
#include "shim/memory/follower.h"
#include "shim/memory/owned.h"
#include "shim/place/thread.h"
#include "shim/state.h"
#include "shim/telemetry/segment.h"

#define STRETCHES_MOST 64u /* of a batch */
#define PAGE           4096u

/* --- orders --- */

static struct {
    struct lock lock;
    _Atomic uint32_t count;
    struct order orders[ORDERS_MOST]; /* the oldest first */
} queue;

/* A thread that moves on before its memory came: the last word counts. */
static struct order *order_of(uint32_t tid)
{
    for (uint32_t i = 0; i < queue.count; i++)
        if (queue.orders[i].owner.tid == tid)
            return &queue.orders[i];
    return queue.count < ORDERS_MOST ? &queue.orders[queue.count++] : NULL;
}

static bool put(const struct order *order)
{
    struct order *place;

    if (!lock_take(&queue.lock))
        return false;
    place = order_of(order->owner.tid);
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

/* --- asking --- */

static bool is_asked(const struct thread *thread, uint32_t from)
{
    uint32_t age = (uint32_t)((monotonic_ns() - nw_shim.start_monotonic) / 1000000u) - thread->born_ms;

    return thread->holds_pick && (nw_shim.plan.rules[thread->rule].flags & PLAN_RULE_MIGRATE) && from != PLAN_NONE &&
           thread->home_node != PLAN_NONE && from != thread->home_node && (thread->main || age >= RELOCATION_AGE_MS);
}

void relocation_thread_moved(struct thread *thread, uint32_t from)
{
    struct order order;

    if (!is_asked(thread, from))
        return;
    arena_move_house(thread);
    order = (struct order){
        .owner = {.heap = atomic_load_explicit(&thread->heap, memory_order_relaxed),
                  .tid = atomic_load_explicit(&thread->tid, memory_order_relaxed)},
        .node = thread->home_node,
        .stack_end = thread->main || !thread->stack_size ? 0 : (thread->thread_pointer | (PAGE - 1)) + 1,
        .stack_size = thread->stack_size,
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
    follower_serve();
}

/* --- carrying out --- */

struct batch {
    struct mover *mover;
    uint32_t node, count;
    struct stretch stretches[STRETCHES_MOST];
};

static void move_range(struct mover *mover, uintptr_t start, size_t size, uint32_t node)
{
    while (size) {
        size_t added = mover_add(mover, start, size, node);

        start += added;
        size -= added;
        if (size)
            mover_run(mover);
    }
}

/* Given back and taken by somebody else while it was under way: its pages go where the address says. */
static void finish(struct batch *batch)
{
    bool moved = mover_run(batch->mover) == 0;

    for (uint32_t i = 0; moved && i < batch->count; i++) {
        const struct stretch *stretch = &batch->stretches[i];

        if (!moving_check(stretch) && nw_regions[stretch->region].node != UINT32_MAX)
            move_range(batch->mover, stretch->start, stretch->size, nw_regions[stretch->region].node);
    }
    mover_run(batch->mover);
    batch->count = 0;
}

static void add(struct batch *batch, const struct stretch *stretch)
{
    if (!moving_mark(stretch, batch->node))
        return;
    batch->stretches[batch->count++] = *stretch;
    if (region_has_huge_pages(&nw_regions[stretch->region], stretch->start + stretch->size))
        mover_cut(stretch->start, stretch->size);
    move_range(batch->mover, stretch->start, stretch->size, batch->node);
}

/* What the program mapped itself; it may be unmapped meanwhile, and then is nobody's that cares. */
static void move_mappings(struct mover *mover, const struct order *order, bool (*may_go_on)(void *context),
                          void *context)
{
    struct big mappings[OWNED_MOST];
    uint32_t count = order->owner.tid ? owned_list(mappings, OWNED_MOST, order->owner.tid) : 0;

    for (uint32_t i = 0; i < count; i++)
        for (size_t done = 0; done < mappings[i].size;) {
            if (!owned_check(&mappings[i]))
                break;
            done += mover_add(mover, mappings[i].start + done, mappings[i].size - done, order->node);
            mover_run(mover);
            if (!may_go_on(context))
                return;
        }
}

static bool is_full(const struct batch *batch)
{
    return batch->count == STRETCHES_MOST || batch->mover->count == MOVER_BATCH;
}

/* The kernel's huge pages stay, and what was asked to be on its node and nowhere else. */
static bool can_be_moved(const struct region *region)
{
    return region->opened && region->flavour.binding == BINDING_PREFERRED && region->flavour.huge_pages != HUGE_2MIB &&
           region->flavour.huge_pages != HUGE_1GIB;
}

void relocation_carry_out(struct mover *mover, const struct order *order, bool (*may_go_on)(void *context),
                          void *context)
{
    struct batch batch = {.mover = mover, .node = order->node};
    struct stretch stretch;

    if (order->owner.heap)
        move_range(mover, (uintptr_t)order->owner.heap, sizeof(*order->owner.heap) + PAGE - 1, order->node);
    if (order->stack_end)
        move_range(mover, order->stack_end - order->stack_size, order->stack_size, order->node);
    for (uint32_t i = 0; i < nw_map.count; i++)
        for (uint32_t slice = 0;
             can_be_moved(&nw_regions[i]) && moving_next(&nw_regions[i], &slice, &order->owner, &stretch);) {
            add(&batch, &stretch);
            if (is_full(&batch))
                finish(&batch);
            if (!may_go_on(context))
                return;
        }
    finish(&batch);
    move_mappings(mover, order, may_go_on, context);
}
