/*
 * Each pick has a ticket, which counts the picks. Two threads are inverted when the one that was created first has the
 * later ticket. If all other threads are in order, an exchange with the outermost inverted thread puts this thread in
 * order, and the other thread is the next to be moved: an insertion sort.
 *
 * Others may be at it at the same time. Of two threads that are inverted at least one has WORK_ORDER or is being looked
 * at: each inverted thread whose record is busy gets it, and both of an exchange do. An owner does that work before it
 * gives the record back, and each exchange leaves fewer pairs inverted, so the last owner leaves all threads in order.
 */
#include "shim/place/order.h"

#include <stddef.h>

#include "shim/base/state.h"

struct search {
    const struct thread *from;
    uint64_t limit; /* only those nearer than that */
    struct thread *found;
    uint64_t distance;
};

static bool is_inverted(const struct thread *a, const struct thread *b)
{
    return (a->index < b->index) != (a->ticket < b->ticket);
}

/* Only a thread itself can set its memory policy, so threads with different policies do not exchange places. */
static bool same_memory(const struct thread *a, const struct thread *b)
{
    unsigned policy = shim.plan.rules[a->rule].mem_policy;
    const struct plan_slot *slots = shim.plan.slots;
    return policy == MEM_DEFAULT || policy == MEM_LOCAL || slots[a->pick.slot].mem_mask == slots[b->pick.slot].mem_mask;
}

static bool may_exchange(const struct thread *a, const struct thread *b)
{
    return b->ordered && b->holds_pick && b->rule == a->rule && atomic_load(&b->tid) && same_memory(a, b) &&
           is_inverted(a, b);
}

/* Between the picks, and different for all threads. */
static uint64_t distance_of(const struct thread *from, const struct thread *to)
{
    uint32_t before = from->ticket, ticket = to->ticket;
    return ticket > before ? (uint64_t)(ticket - before) * 2 : (uint64_t)(before - ticket) * 2 + 1;
}

static void consider(struct thread *thread, void *context)
{
    struct search *search = context;
    if (thread == search->from || !may_exchange(search->from, thread))
        return;
    uint64_t distance = distance_of(search->from, thread);
    if (distance >= search->limit || (search->found && distance < search->distance))
        return;
    search->found = thread;
    search->distance = distance;
}

static void exchange(struct thread *a, struct thread *b)
{
    struct pick pick = a->pick;
    uint32_t ticket = a->ticket;
    a->pick = b->pick;
    a->ticket = b->ticket;
    b->pick = pick;
    b->ticket = ticket;
}

void order_settle(struct thread *thread, void (*moved)(struct thread *), void (*released)(struct thread *))
{
    struct thread *current = thread;
    uint64_t limit = UINT64_MAX;
    bool changed = false;
    for (;;) {
        struct search search = {current, limit, NULL, 0};
        thread_each(consider, &search);
        struct thread *other = search.found;
        if (!other)
            break;
        if (atomic_exchange(&other->busy, 1)) {
            atomic_fetch_or(&other->work, WORK_ORDER);
            released(other); /* the owner may have left between the two steps */
            limit = search.distance;
            continue;
        }
        if (!may_exchange(current, other)) { /* the record changed before this thread owned it */
            atomic_store(&other->busy, 0);
            released(other);
            continue;
        }
        exchange(current, other);
        /* it is in order with all others only if these were */
        atomic_fetch_or(&current->work, WORK_ORDER);
        moved(current);
        if (current != thread) {
            atomic_store(&current->busy, 0);
            released(current);
        }
        current = other;
        limit = UINT64_MAX;
        changed = true;
    }
    if (changed)
        moved(current);
    if (current != thread) {
        atomic_store(&current->busy, 0);
        released(current);
    }
}
