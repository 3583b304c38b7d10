#include "policy/shares.h"

#include <errno.h>
#include <stdlib.h>

#include "policy/compile.h"
#include "policy/ledger.h"

void shares_free(struct shares *shares)
{
    for (size_t i = 0; i < shares->count; i++)
        cpuset_free(&shares->sets[i]);
    free(shares->sets);
    *shares = (struct shares){0};
}

/* --- the places of a level --- */

static int add_place(struct shares *shares, const struct cpuset *limit, const struct place *place)
{
    struct cpuset *set = &shares->sets[shares->count];
    int error = cpuset_copy(set, &place->cpus);
    if (error < 0)
        return error;
    cpuset_and(set, limit);
    if (cpuset_is_empty(set))
        cpuset_free(set);
    else
        shares->count++;
    return 0;
}

static const struct topo_cpu *first_cpu(const struct topology *topology, const struct cpuset *set)
{
    return topology_cpu(topology, (unsigned)cpuset_first(set));
}

static bool on_one_node(const struct topology *topology, const struct cpuset *a, const struct cpuset *b)
{
    const struct topo_cpu *one = first_cpu(topology, a), *other = first_cpu(topology, b);
    return one && other && one->node == other->node;
}

/* Makes one share of up to `most` neighbours; of different nodes only if `mix`. */
static int merge(struct shares *shares, const struct topology *topology, size_t most, bool mix)
{
    size_t places = shares->count, in_last = 0;
    int error = 0;
    shares->count = 0;
    for (size_t i = 0; i < places; i++) {
        struct cpuset set = shares->sets[i], *last = in_last ? &shares->sets[shares->count - 1] : NULL;
        if (last && in_last < most && (mix || on_one_node(topology, last, &set))) {
            error = error ? error : cpuset_or(last, &set);
            cpuset_free(&set);
            in_last++;
        } else {
            shares->sets[shares->count++] = set;
            in_last = 1;
        }
    }
    return error;
}

static size_t neighbours_for(size_t places)
{
    return (places + LEDGER_SHARES - 1) / LEDGER_SHARES;
}

/* A ledger has no more: cores of a large machine are dealt out in groups, on one node each where nodes are few enough. */
static int bound(struct shares *shares, const struct topology *topology)
{
    int error = merge(shares, topology, neighbours_for(shares->count), false);
    return error < 0 ? error : merge(shares, topology, neighbours_for(shares->count), true);
}

/* --- their order --- */

/* Sorted by this: the first of every package, then the second of every package. */
struct turn {
    size_t in_package, place;
    struct cpuset set;
};

static int by_turn(const void *a, const void *b)
{
    const struct turn *one = a, *other = b;
    if (one->in_package != other->in_package)
        return one->in_package < other->in_package ? -1 : 1;
    return one->place < other->place ? -1 : 1;
}

static size_t places_before(const struct shares *shares, const struct topology *topology, size_t place)
{
    const struct topo_cpu *cpu = first_cpu(topology, &shares->sets[place]);
    size_t count = 0;
    for (size_t i = 0; i < place; i++) {
        const struct topo_cpu *other = first_cpu(topology, &shares->sets[i]);
        count += cpu && other && cpu->package == other->package;
    }
    return count;
}

static void set_apart(struct shares *shares, const struct topology *topology)
{
    struct turn turns[LEDGER_SHARES];
    for (size_t i = 0; i < shares->count; i++)
        turns[i] = (struct turn){places_before(shares, topology, i), i, shares->sets[i]};
    qsort(turns, shares->count, sizeof(*turns), by_turn);
    for (size_t i = 0; i < shares->count; i++)
        shares->sets[i] = turns[i].set;
}

int shares_list(struct shares *ret_shares, const struct topology *topology, const struct cpuset *limit,
                enum process_distribution distribution, enum level level)
{
    size_t total = topology->place_count[level];
    int error = 0;
    *ret_shares = (struct shares){.sets = calloc(total + 1, sizeof(*ret_shares->sets))};
    if (!ret_shares->sets)
        return -ENOMEM;
    for (size_t i = 0; i < total && error == 0; i++)
        error = add_place(ret_shares, limit, &topology->places[level][i]);
    if (error == 0)
        error = bound(ret_shares, topology);
    if (error == 0 && distribution == PROC_DIST_SCATTER)
        set_apart(ret_shares, topology);
    if (error < 0)
        shares_free(ret_shares);
    return error;
}

/* --- shares of a plan --- */

int shares_of_plan(struct shares *ret_shares, const struct plan_view *plan)
{
    uint32_t count = plan->header->process_shares;
    int error = 0;
    *ret_shares = (struct shares){.sets = calloc(count + 1, sizeof(*ret_shares->sets))};
    if (!ret_shares->sets)
        return -ENOMEM;
    for (uint32_t i = 0; i < count && error == 0; i++) {
        error = plan_mask_cpuset(plan, plan->ranges[plan->header->share_sizes + i].last, &ret_shares->sets[i]);
        ret_shares->count += error == 0;
    }
    if (error < 0)
        shares_free(ret_shares);
    return error;
}

int shares_whole(struct shares *ret_shares, const struct plan_view *plan)
{
    *ret_shares = (struct shares){.sets = calloc(1, sizeof(*ret_shares->sets)), .count = 1};
    int error = ret_shares->sets ? plan_mask_cpuset(plan, plan->header->main_mask, ret_shares->sets) : -ENOMEM;
    if (error < 0) {
        free(ret_shares->sets);
        *ret_shares = (struct shares){0};
    }
    return error;
}

/* --- parts of a share --- */

/* Items first to last, both within count; at least one. */
static void bounds(size_t count, unsigned part, unsigned parts, size_t *ret_first, size_t *ret_last)
{
    *ret_first = count * part / parts;
    *ret_last = count * (part + 1) / parts;
    if (*ret_last > *ret_first)
        (*ret_last)--;
    else
        *ret_last = *ret_first;
}

static int add_cores(struct cpuset *part, const struct topology *topology, const struct cpuset *set, size_t first,
                     size_t last)
{
    size_t core = 0;
    int error = 0;
    for (size_t i = 0; i < topology->place_count[LEVEL_CORE] && error == 0; i++) {
        const struct place *place = &topology->places[LEVEL_CORE][i];
        if (!cpuset_intersects(&place->cpus, set))
            continue;
        if (core >= first && core <= last)
            error = cpuset_or(part, &place->cpus);
        core++;
    }
    if (error == 0)
        cpuset_and(part, set);
    return error;
}

static size_t count_cores(const struct topology *topology, const struct cpuset *set)
{
    size_t cores = 0;
    for (size_t i = 0; i < topology->place_count[LEVEL_CORE]; i++)
        cores += cpuset_intersects(&topology->places[LEVEL_CORE][i].cpus, set);
    return cores;
}

int shares_part(struct cpuset *ret_part, const struct topology *topology, const struct cpuset *set, unsigned part,
                unsigned parts)
{
    size_t cores = count_cores(topology, set), cpus = cpuset_weight(set), first, last, number = 0;
    int error = 0;
    *ret_part = CPUSET_EMPTY;
    if (cores >= parts) {
        bounds(cores, part, parts, &first, &last);
        error = add_cores(ret_part, topology, set, first, last);
    } else {
        bounds(cpus, part, parts, &first, &last);
        CPUSET_FOREACH(id, set) {
            if (number >= first && number <= last && error == 0)
                error = cpuset_add(ret_part, (unsigned)id);
            number++;
        }
    }
    if (error < 0)
        cpuset_free(ret_part);
    return error;
}
