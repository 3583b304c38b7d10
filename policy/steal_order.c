#include "policy/steal_order.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

struct ranked {
    struct steal_step step;
    unsigned distance; /* of the nodes */
    uint32_t turn;     /* how far behind the looking group, around the circle */
};

static enum steal_tier tier_of(const struct steal_group *from, const struct steal_group *to)
{
    if (from->node == to->node)
        return from->l3 == to->l3 ? TIER_L3 : TIER_NODE;
    return from->package == to->package ? TIER_SOCKET : TIER_REMOTE;
}

static bool reaches(enum steal steal, enum steal_tier tier)
{
    switch (steal) {
    case STEAL_L3:
        return tier <= TIER_L3;
    case STEAL_NODE:
        return tier <= TIER_NODE;
    case STEAL_SOCKET:
        return tier <= TIER_SOCKET;
    case STEAL_ANY:
        return true;
    case STEAL_OFF:
    case STEAL_COUNT:
        break;
    }
    return false;
}

static int nearer(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->step.tier != y->step.tier)
        return x->step.tier < y->step.tier ? -1 : 1;
    if (x->distance != y->distance)
        return x->distance < y->distance ? -1 : 1;
    return x->turn < y->turn ? -1 : x->turn > y->turn;
}

/* --- groups --- */

static uint32_t find_group(struct steal_order *order, const struct topo_cpu *cpu)
{
    uint32_t group = 0;
    while (group < order->group_count && (order->groups[group].node != cpu->node || order->groups[group].l3 != cpu->l3))
        group++;
    if (group == order->group_count)
        order->groups[order->group_count++] =
            (struct steal_group){.node = cpu->node, .package = cpu->package, .l3 = cpu->l3};
    return group;
}

static int find_groups(struct steal_order *order, const struct topology *topology, const unsigned *cpus)
{
    for (size_t i = 0; i < order->worker_count; i++) {
        const struct topo_cpu *cpu = topology_cpu(topology, cpus[i]);
        if (!cpu)
            return -EINVAL;
        order->group_of[i] = find_group(order, cpu);
        order->groups[order->group_of[i]].count++;
    }
    return 0;
}

static void list_members(struct steal_order *order)
{
    uint32_t next = 0;
    for (size_t group = 0; group < order->group_count; group++) {
        order->groups[group].first = next;
        next += order->groups[group].count;
        order->groups[group].count = 0;
    }
    for (uint32_t worker = 0; worker < order->worker_count; worker++) {
        struct steal_group *group = &order->groups[order->group_of[worker]];
        order->members[group->first + group->count++] = worker;
    }
}

/* --- steps --- */

static uint32_t rank_groups(const struct steal_order *order, const struct topology *topology, uint32_t self,
                            enum steal steal, struct ranked *ret_ranked)
{
    const struct steal_group *from = &order->groups[self];
    uint32_t total = (uint32_t)order->group_count, count = 0;
    for (uint32_t group = 0; group < total; group++) {
        enum steal_tier tier = tier_of(from, &order->groups[group]);
        if (reaches(steal, tier))
            ret_ranked[count++] = (struct ranked){{group, tier},
                                                  topology_distance(topology, from->node, order->groups[group].node),
                                                  (group + total - self) % total};
    }
    qsort(ret_ranked, count, sizeof(*ret_ranked), nearer);
    return count;
}

static int list_steps(struct steal_order *order, const struct topology *topology, enum steal steal)
{
    struct ranked *ranked = calloc(order->group_count, sizeof(*ranked));
    order->steps = calloc(order->group_count * order->group_count, sizeof(*order->steps));
    uint32_t next = 0;
    for (uint32_t group = 0; ranked && order->steps && group < order->group_count; group++) {
        struct steal_group *from = &order->groups[group];
        from->step_first = next;
        from->step_count = rank_groups(order, topology, group, steal, ranked);
        for (uint32_t i = 0; i < from->step_count; i++)
            order->steps[next++] = ranked[i].step;
    }
    bool made = ranked && order->steps;
    free(ranked);
    return made ? 0 : -ENOMEM;
}

int steal_order_make(struct steal_order *ret_order, const struct topology *topology, const unsigned *cpus, size_t count,
                     enum steal steal)
{
    if (!count)
        return -EINVAL;
    struct steal_order order = {
        .worker_count = count,
        .groups = calloc(count, sizeof(*order.groups)),
        .members = calloc(count, sizeof(*order.members)),
        .group_of = calloc(count, sizeof(*order.group_of)),
    };
    int error = order.groups && order.members && order.group_of ? 0 : -ENOMEM;
    if (error == 0)
        error = find_groups(&order, topology, cpus);
    if (error == 0) {
        list_members(&order);
        error = list_steps(&order, topology, steal);
    }
    if (error == 0)
        *ret_order = order;
    else
        steal_order_free(&order);
    return error;
}

void steal_order_free(struct steal_order *order)
{
    free(order->groups);
    free(order->members);
    free(order->group_of);
    free(order->steps);
    *order = (struct steal_order){0};
}
