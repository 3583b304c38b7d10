#include "shim/api/topology.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "shim/api/cpus.h"
#include "shim/api/library.h"

struct nw_topology {
    _Atomic unsigned users;
    struct topology *machine;
};

/* This machine's: it is read once, and stays. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct nw_topology *this_machine;

const struct topology *topology_of(const struct nw_topology *topology)
{
    return topology->machine;
}

/* --- opening --- */

/*
 * The process's CPUs are those that it was started with. What the calling thread may use at this moment, which
 * topology_load() takes for them, may be a pin.
 */
static int allow_base(struct topology *machine)
{
    uint64_t base[CPUS_MAX / 64];
    struct cpuset allowed = CPUSET_EMPTY;
    size_t words = library_base_mask(base, CPUS_MAX / 64);
    int error = 0;
    for (unsigned cpu = 0; cpu < words * 64 && !error; cpu++)
        if (base[cpu / 64] >> cpu % 64 & 1)
            error = cpuset_add(&allowed, cpu);
    cpuset_and(&allowed, &machine->cpus);
    if (error || cpuset_is_empty(&allowed)) {
        cpuset_free(&allowed);
        return error;
    }
    cpuset_free(&machine->allowed);
    machine->allowed = allowed;
    return 0;
}

static int load(const char *text, struct nw_topology **ret)
{
    struct diag_list findings = {0};
    struct nw_topology *topology = calloc(1, sizeof(*topology));
    if (!topology)
        return -ENOMEM;
    atomic_init(&topology->users, 1);
    int error = topology_load(&topology->machine, text, &findings);
    diag_list_free(&findings);
    if (!error && topology->machine->is_this_machine) {
        error = allow_base(topology->machine);
        if (error)
            topology_free(topology->machine);
    }
    if (error) {
        free(topology);
        return error == -ENOMEM ? error : text ? -EINVAL : -EIO;
    }
    *ret = topology;
    return 0;
}

static int open_this_machine(struct nw_topology **ret)
{
    int error = 0;
    pthread_mutex_lock(&lock);
    if (!this_machine)
        error = load(NULL, &this_machine);
    if (!error) {
        atomic_fetch_add_explicit(&this_machine->users, 1, memory_order_relaxed);
        *ret = this_machine;
    }
    pthread_mutex_unlock(&lock);
    return error;
}

API int nw_topology_open(const char *synthetic, struct nw_topology **ret)
{
    int saved = errno;
    int error = synthetic ? load(synthetic, ret) : open_this_machine(ret);
    errno = saved;
    return error;
}

API void nw_topology_close(struct nw_topology *topology)
{
    /* acq_rel: what other users did with it comes before the last one frees it */
    if (!topology || atomic_fetch_sub_explicit(&topology->users, 1, memory_order_acq_rel) > 1)
        return;
    topology_free(topology->machine);
    free(topology);
}

/* --- sets --- */

static int no_rules(void *unused, const char *name, struct cpuset *ret_cpus)
{
    (void)unused, (void)name, (void)ret_cpus;
    return -ENOENT;
}

int topology_resolve(const struct nw_topology *topology, const char *set, enum set_unit unit, struct set_result *ret)
{
    struct text item = {.value = set, .span = {.source = "set"}};
    struct set_list list = {&item, 1};
    struct set_scope scope = {
        .topology = topology->machine, .limit = &topology->machine->allowed, .rule_cpus = no_rules, .gpu = -1};
    struct diag_list findings = {0};
    struct set_result result = {0};
    if (!set)
        return -EINVAL;
    int error = setexpr_resolve(&list, unit, &scope, &result, &findings);
    diag_list_free(&findings);
    if (!error && result.alternative == list.count)
        error = -ENOENT;
    if (error)
        set_result_free(&result);
    else
        *ret = result;
    return error;
}

static int export_set(const struct cpuset *set, struct nw_set *ret)
{
    size_t words = ((size_t)(cpuset_last(set) + 1) + LONG_BIT - 1) / LONG_BIT;
    unsigned long *bits = calloc(words ? words : 1, sizeof(*bits));
    if (!bits)
        return -ENOMEM;
    CPUSET_FOREACH(id, set)
        bits[id / LONG_BIT] |= 1ul << id % LONG_BIT;
    *ret = (struct nw_set){bits, words};
    return 0;
}

API int nw_topology_set(const struct nw_topology *topology, const char *set, struct nw_set *ret)
{
    int saved = errno;
    struct set_result result;
    int error = topology_resolve(topology, set, SET_CPUS, &result);
    if (!error) {
        error = cpuset_is_empty(&result.cpus) ? -ENOENT : export_set(&result.cpus, ret);
        set_result_free(&result);
    }
    errno = saved;
    return error;
}

API void nw_set_free(struct nw_set *set)
{
    if (!set)
        return;
    free(set->bits);
    *set = (struct nw_set){NULL, 0};
}

/* --- nodes --- */

API unsigned nw_topology_nodes(const struct nw_topology *topology, int32_t *ret_ids, unsigned room)
{
    const struct topology *machine = topology->machine;
    for (unsigned i = 0; i < room && i < machine->node_count; i++)
        ret_ids[i] = (int32_t)machine->nodes[i].id;
    return (unsigned)machine->node_count;
}

static const struct topo_node *node_of(const struct nw_topology *topology, int32_t node)
{
    return node < 0 ? NULL : topology_node(topology->machine, (unsigned)node);
}

API int nw_topology_node(const struct nw_topology *topology, int32_t node, struct nw_set *ret_cpus, uint64_t *ret_bytes)
{
    const struct topo_node *found = node_of(topology, node);
    int saved = errno;
    if (!found)
        return -ENOENT;
    int error = ret_cpus ? export_set(&found->cpus, ret_cpus) : 0;
    if (!error && ret_bytes)
        *ret_bytes = found->memory;
    errno = saved;
    return error;
}

API int nw_topology_distance(const struct nw_topology *topology, int32_t from, int32_t to)
{
    if (!node_of(topology, from) || !node_of(topology, to))
        return -ENOENT;
    return (int)topology_distance(topology->machine, (unsigned)from, (unsigned)to);
}
