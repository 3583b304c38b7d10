/* Where a worker looks for tasks. */
#include <stddef.h>

#include "shim/api/pool/park.h"
#include "shim/api/pool/pool.h"
#include "shim/api/pool/task.h"

enum {
    BATCH = 32,      /* tasks that go from an inbox to a deque at once */
    INBOX_TURN = 61, /* every so many tasks the inbox comes first: a worker that feeds itself does not starve it */
};

/* The caller's deque is empty, and it is about to run a task of that group. */
static void set_leap(struct worker *worker, struct nw_group *group)
{
    atomic_store_explicit(&worker->leap.frame, worker->frame, memory_order_relaxed);
    atomic_store(&worker->leap.group, group);
}

/* Takes a batch: the first is the result, the others go to the own deque, where others can steal them. */
static struct nw_task *take_batch(struct worker *worker, struct inbox *inbox, enum steal_tier tier)
{
    struct entry batch[BATCH];
    size_t number = inbox_take(inbox, batch, BATCH);
    if (!number)
        return NULL;
    if (tier >= TIER_SOCKET) {
        count(&worker_counts(worker)->stolen[tier], number);
        worker->foreign = (uint32_t)number - 1; /* the own deque was empty */
    }
    for (size_t i = number - 1; i > 0; i--) /* the oldest on top of the others: the order stays */
        if (deque_push(&worker->deque, batch[i]) < 0)
            worker_run(worker, batch[i].task);
        else if (batch[i].group)
            park_offer(batch[i].group);
    return batch[0].task;
}

static struct nw_task *steal_from(struct worker *worker, struct worker *victim, enum steal_tier tier)
{
    struct entry entry;
    enum theft theft;
    bool was_empty = !deque_peek(&worker->deque, &entry);
    do
        theft = deque_steal(&victim->deque, &entry);
    while (theft == THEFT_LOST);
    if (theft == THEFT_EMPTY)
        return NULL;
    count(&worker_counts(worker)->stolen[tier], 1);
    if (was_empty && !worker->running)
        set_leap(worker, entry.group);
    return entry.task;
}

static struct worker *member(const struct nw_pool *pool, const struct steal_group *group, uint32_t i)
{
    return pool->workers[pool->order.members[group->first + i]];
}

/* Begins with another one each time, so that thieves spread over their victims. */
static struct nw_task *steal_from_group(struct worker *worker, const struct steal_step *step)
{
    struct nw_pool *pool = worker->pool;
    const struct steal_group *group = &pool->order.groups[step->group];
    for (uint32_t i = 0; i < group->count; i++) {
        struct worker *victim = member(pool, group, (i + worker->turn) % group->count);
        struct nw_task *task = victim == worker ? NULL : steal_from(worker, victim, step->tier);
        if (task)
            return task;
    }
    return NULL;
}

static struct nw_task *look_at_deques(struct worker *worker, bool far)
{
    const struct steal_order *order = &worker->pool->order;
    const struct steal_group *group = &order->groups[worker->group];
    worker->turn++;
    for (uint32_t i = 0; i < group->step_count; i++) {
        const struct steal_step *step = &order->steps[group->step_first + i];
        if (!far && step->tier > TIER_NODE)
            break;
        struct nw_task *task = steal_from_group(worker, step);
        if (task)
            return task;
    }
    return NULL;
}

static enum steal_tier tier_of_node(const struct worker *worker, uint32_t node)
{
    const struct nw_pool *pool = worker->pool;
    const struct steal_order *order = &pool->order;
    const struct steal_group *group = &order->groups[worker->group];
    for (uint32_t i = 0; i < group->step_count; i++) {
        const struct steal_step *step = &order->steps[group->step_first + i];
        if ((int32_t)order->groups[step->group].node == pool->nodes[node].id)
            return step->tier;
    }
    return TIER_REMOTE;
}

static struct nw_task *look_at_far_inboxes(struct worker *worker)
{
    const struct pool_node *node = &worker->pool->nodes[worker->node];
    for (uint32_t i = 1; i < node->nearest_count; i++) {
        struct inbox *inbox = &worker->pool->nodes[node->nearest[i]].inbox;
        if (!inbox_count(inbox))
            continue;
        struct nw_task *task = take_batch(worker, inbox, tier_of_node(worker, node->nearest[i]));
        if (task)
            return task;
    }
    return NULL;
}

/*
 * Does the own deque hold nothing but what came from another node's inbox? That lies below all that was pushed later, and
 * thieves take the lowest first.
 */
static bool has_only_foreign(struct worker *worker)
{
    return worker->foreign && deque_count(&worker->deque) <= worker->foreign;
}

/* What has come for this node since it had nothing. */
static struct nw_task *look_at_own_node(struct worker *worker, struct inbox *inbox)
{
    struct nw_task *task = take_batch(worker, inbox, TIER_L3);
    return task ? task : look_at_deques(worker, false);
}

struct nw_task *worker_look(struct worker *worker, bool far)
{
    struct entry entry;
    struct nw_task *task = NULL;
    struct inbox *inbox = &worker->pool->nodes[worker->node].inbox;
    atomic_store_explicit(&worker->leap.group, NULL, memory_order_relaxed);
    if (++worker->tick % INBOX_TURN == 0)
        task = take_batch(worker, inbox, TIER_L3);
    if (!task && has_only_foreign(worker))
        task = look_at_own_node(worker, inbox);
    if (!task && deque_pop(&worker->deque, &entry))
        return entry.task;
    if (!task) {
        worker->foreign = 0;
        task = take_batch(worker, inbox, TIER_L3);
    }
    if (!task)
        task = look_at_deques(worker, far);
    if (!task && far)
        task = look_at_far_inboxes(worker);
    return task;
}

bool worker_sees_work(struct worker *worker)
{
    struct nw_pool *pool = worker->pool;
    const struct pool_node *node = &pool->nodes[worker->node];
    const struct steal_group *group = &pool->order.groups[worker->group];
    if (inbox_count(&node->inbox) || deque_count(&worker->deque))
        return true;
    for (uint32_t i = 1; i < node->nearest_count; i++)
        if (inbox_count(&pool->nodes[node->nearest[i]].inbox))
            return true;
    for (uint32_t i = 0; i < group->step_count; i++) {
        const struct steal_group *other = &pool->order.groups[pool->order.steps[group->step_first + i].group];
        for (uint32_t k = 0; k < other->count; k++)
            if (deque_count(&member(pool, other, k)->deque))
                return true;
    }
    return false;
}

/* --- what a waiting worker may run --- */

static bool is_wanted(struct entry entry, const struct nw_group *group, const struct nw_task *task)
{
    return group ? entry.group == group : entry.task == task;
}

/* Pops down to a wanted task, and puts what lay above it back in its order. */
static struct nw_task *dig(struct worker *worker, const struct nw_group *group, const struct nw_task *task)
{
    struct nw_task *above = NULL, *found = NULL;
    struct entry entry;
    while (!found && deque_pop(&worker->deque, &entry)) {
        if (is_wanted(entry, group, task)) {
            found = entry.task;
        } else {
            task_inside(entry.task)->next = above;
            above = entry.task;
        }
    }
    while (above) {
        struct nw_task *next = task_inside(above)->next;
        /* There is room: the array has held them a moment ago, and never shrinks. */
        deque_push(&worker->deque, (struct entry){above, above->group});
        above = next;
    }
    return found;
}

static struct nw_task *look_below(struct worker *worker, const struct nw_group *group, const struct nw_task *task)
{
    struct entry entry;
    if (!deque_peek(&worker->deque, &entry))
        return NULL;
    if (is_wanted(entry, group, task))
        return deque_pop(&worker->deque, &entry) ? entry.task : NULL;
    return deque_holds(&worker->deque, group, task) ? dig(worker, group, task) : NULL;
}

/* Work that thieves of the group's tasks have made out of them. */
static struct nw_task *leap_back(struct worker *worker, const struct nw_group *group)
{
    struct nw_pool *pool = worker->pool;
    struct entry entry;
    bool was_empty = !deque_peek(&worker->deque, &entry);
    for (uint32_t i = 0; i < pool->worker_count; i++) {
        struct worker *thief = pool->workers[i];
        if (thief == worker || atomic_load_explicit(&thief->leap.group, memory_order_relaxed) != group)
            continue;
        if (deque_steal_leap(&thief->deque, &thief->leap, group, &entry) != THEFT_GOT)
            continue;
        if (was_empty)
            set_leap(worker, entry.group);
        count(&worker_counts(worker)->stolen[TIER_L3], 1);
        return entry.task;
    }
    return NULL;
}

/* Moves tasks of a queue that holds a wanted one into the own deque until that one comes. */
static struct nw_task *move_until_wanted(struct worker *worker, struct worker *victim, struct inbox *inbox,
                                         const struct nw_group *group, const struct nw_task *task)
{
    struct entry entry;
    while (victim ? deque_holds(&victim->deque, group, task) : inbox_holds(inbox, group, task)) {
        bool got = victim ? deque_steal(&victim->deque, &entry) == THEFT_GOT : inbox_take(inbox, &entry, 1) == 1;
        if (!got)
            continue;
        atomic_store(&worker->leap.group, NULL);
        if (is_wanted(entry, group, task))
            return entry.task;
        if (deque_push(&worker->deque, entry) < 0)
            return entry.task; /* without memory a stranger's task is run rather than lost */
        if (entry.group)
            park_offer(entry.group);
        pool_wake(worker->pool, worker->node);
    }
    return NULL;
}

struct nw_task *worker_look_for(struct worker *worker, struct nw_group *group, struct nw_task *task, bool thorough)
{
    struct nw_pool *pool = worker->pool;
    struct nw_task *found = look_below(worker, group, task);
    if (!found && group)
        found = leap_back(worker, group);
    for (uint32_t i = 0; thorough && !found && i < pool->worker_count + pool->guest_count; i++)
        if (pool->workers[i] != worker)
            found = move_until_wanted(worker, pool->workers[i], NULL, group, task);
    for (uint32_t i = 0; thorough && !found && i < pool->node_count; i++)
        found = move_until_wanted(worker, NULL, &pool->nodes[i].inbox, group, task);
    return found;
}
