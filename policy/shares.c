#include "policy/shares.h"

#include <errno.h>
#include <stdlib.h>

#include "policy/compile.h"

void shares_free(struct shares *shares)
{
    for (size_t i = 0; i < shares->count; i++)
        cpuset_free(&shares->sets[i]);
    free(shares->sets);
    *shares = (struct shares){0};
}

static int add(struct shares *shares, const struct cpuset *limit, const struct place *place)
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

/* The n-th place that lies in the package, NULL: it has no more. */
static const struct place *nth_in_package(const struct topology *topology, enum level level, unsigned package, size_t n)
{
    for (size_t i = 0; i < topology->place_count[level]; i++) {
        const struct place *place = &topology->places[level][i];
        int first = cpuset_first(&place->cpus);
        const struct topo_cpu *cpu = first < 0 ? NULL : topology_cpu(topology, (unsigned)first);
        if (cpu && cpu->package == package && n-- == 0)
            return place;
    }
    return NULL;
}

/* The first of every package, then the second of every package. */
static int add_apart(struct shares *shares, const struct topology *topology, const struct cpuset *limit,
                     enum level level)
{
    size_t packages = topology->place_count[LEVEL_SOCKET], total = topology->place_count[level];
    int error = 0;
    for (size_t n = 0; n < total && error == 0; n++)
        for (size_t i = 0; i < packages && error == 0; i++) {
            const struct place *place = nth_in_package(topology, level, topology->places[LEVEL_SOCKET][i].id, n);
            if (place)
                error = add(shares, limit, place);
        }
    return error;
}

int shares_list(struct shares *ret_shares, const struct topology *topology, const struct cpuset *limit,
                enum process_distribution distribution, enum level level)
{
    size_t total = topology->place_count[level];
    int error = 0;
    *ret_shares = (struct shares){.sets = calloc(total + 1, sizeof(*ret_shares->sets))};
    if (!ret_shares->sets)
        return -ENOMEM;
    if (distribution == PROC_DIST_SCATTER)
        error = add_apart(ret_shares, topology, limit, level);
    else
        for (size_t i = 0; i < total && error == 0; i++)
            error = add(ret_shares, limit, &topology->places[level][i]);
    if (error < 0)
        shares_free(ret_shares);
    return error;
}

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
