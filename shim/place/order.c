/*
 * Each pick has a ticket, which counts the picks. Two threads are inverted when the one that was created first has the
 * later ticket. If all other threads are in order, an exchange with the outermost inverted thread puts this thread in
 * order, and the other thread is the next to be moved: an insertion sort. A busy record gets WORK_ORDER; its owner does
 * that work before it gives the record back, so the last owner to finish leaves all threads in order.
 */
#include "shim/place/order.h"

#include <stddef.h>

#include "shim/base/state.h"

struct search {
    const struct thread *from;
    struct thread *found;
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

static bool is_further(const struct thread *from, const struct thread *a, const struct thread *b)
{
    uint32_t distance_a = a->ticket > from->ticket ? a->ticket - from->ticket : from->ticket - a->ticket;
    uint32_t distance_b = b->ticket > from->ticket ? b->ticket - from->ticket : from->ticket - b->ticket;
    return distance_a > distance_b;
}

static void consider(struct thread *thread, void *context)
{
    struct search *search = context;
    if (thread == search->from || !may_exchange(search->from, thread))
        return;
    if (!search->found || is_further(search->from, thread, search->found))
        search->found = thread;
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
    bool changed = false;
    for (;;) {
        struct search search = {current, NULL};
        thread_each(consider, &search);
        struct thread *other = search.found;
        if (!other)
            break;
        if (atomic_exchange(&other->busy, 1)) {
            atomic_fetch_or(&other->work, WORK_ORDER);
            released(other); /* the owner may have left between the two steps */
            break;
        }
        if (!may_exchange(current, other)) { /* the record changed before this thread owned it */
            atomic_store(&other->busy, 0);
            released(other);
            continue;
        }
        exchange(current, other);
        moved(current);
        if (current != thread) {
            atomic_store(&current->busy, 0);
            released(current);
        }
        current = other;
        changed = true;
    }
    if (changed)
        moved(current);
    if (current != thread) {
        atomic_store(&current->busy, 0);
        released(current);
    }
}
