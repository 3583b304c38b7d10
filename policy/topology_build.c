#include "policy/topology_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int build_place(struct topology *topology, enum level level, unsigned id, const struct cpuset *cpus)
{
    size_t count = topology->place_count[level];
    struct place place = {.id = id};
    /* Growing at powers of two without a capacity field: a count that is one is full. */
    if ((count & (count - 1)) == 0) {
        struct place *places = realloc(topology->places[level], (count ? 2 * count : 1) * sizeof(*places));
        if (!places)
            return -ENOMEM;
        topology->places[level] = places;
    }
    int error = cpuset_copy(&place.cpus, cpus);
    if (error == 0)
        topology->places[level][topology->place_count[level]++] = place;
    return error;
}

int build_device(struct topology *topology, struct device *device)
{
    struct device *devices = realloc(topology->devices, (topology->device_count + 1) * sizeof(*devices));
    if (!devices) {
        free(device->name);
        free(device->pci);
        cpuset_free(&device->cpus);
        cpuset_free(&device->nodes);
        return -ENOMEM;
    }
    topology->devices = devices;
    devices[topology->device_count++] = *device;
    return 0;
}

/* --- restrictions of an imagined process --- */

static int restrict_one(struct topology *topology, struct cpuset *mems, const char *item, struct diag_list *diags)
{
    const struct span span = {.source = "--topology"};
    const char *equals = strchr(item, '=');
    bool is_cpus = strncmp(item, "allowed=", 8) == 0;
    struct cpuset set = CPUSET_EMPTY;
    if (!equals || (!is_cpus && strncmp(item, "mems=", 5) != 0)) {
        diag_add(diags, DIAG_E063, span, NULL, "allowed=CPUS and mems=NODES, as in \"…; allowed=0-7; mems=0\"",
                 "\"%s\" is no restriction of a topology", item);
        return -EINVAL;
    }
    int error = cpuset_parse_list(&set, equals + 1, NULL);
    if (error == 0) {
        cpuset_and(is_cpus ? &topology->allowed : mems, &set);
        if (cpuset_is_empty(is_cpus ? &topology->allowed : mems))
            error = -EINVAL;
    }
    if (error == -EINVAL || error == -ERANGE) {
        diag_add(diags, DIAG_E063, span, NULL, NULL, "\"%s\" leaves nothing of this topology", item);
        error = -EINVAL;
    }
    cpuset_free(&set);
    return error;
}

int build_restrict(struct topology *topology, struct cpuset *mems, const char *text, struct diag_list *diags)
{
    char *copy = strdup(text), *rest = copy;
    int error = copy ? 0 : -ENOMEM;
    for (char *item; error == 0 && (item = strsep(&rest, ";"));) {
        item += strspn(item, " ");
        size_t length = strlen(item);
        while (length && item[length - 1] == ' ')
            item[--length] = '\0';
        if (*item)
            error = restrict_one(topology, mems, item, diags);
    }
    free(copy);
    return error;
}

/* --- every CPU in one place of each level --- */

/* CPUs that no place of the level holds. */
static int left_over(const struct topology *topology, enum level level, struct cpuset *ret_cpus)
{
    int error = cpuset_copy(ret_cpus, &topology->cpus);
    for (size_t i = 0; i < topology->place_count[level]; i++)
        cpuset_andnot(ret_cpus, &topology->places[level][i].cpus);
    return error;
}

static int add_numbered(struct topology *topology, enum level level, const struct cpuset *cpus)
{
    unsigned id = 0;
    for (size_t i = 0; i < topology->place_count[level]; i++)
        if (topology->places[level][i].id >= id)
            id = topology->places[level][i].id + 1;
    return build_place(topology, level, id, cpus);
}

/* One place for all CPUs that the source put nowhere. */
static int complete_packages(struct topology *topology)
{
    struct cpuset rest = CPUSET_EMPTY;
    int error = left_over(topology, LEVEL_SOCKET, &rest);
    if (error == 0 && !cpuset_is_empty(&rest))
        error = add_numbered(topology, LEVEL_SOCKET, &rest);
    cpuset_free(&rest);
    return error;
}

static int complete_cores(struct topology *topology)
{
    struct cpuset rest = CPUSET_EMPTY, one = CPUSET_EMPTY;
    int error = left_over(topology, LEVEL_CORE, &rest);
    CPUSET_FOREACH(id, &rest) {
        cpuset_clear(&one);
        if (error == 0)
            error = cpuset_add(&one, (unsigned)id);
        if (error == 0)
            error = add_numbered(topology, LEVEL_CORE, &one);
    }
    cpuset_free(&rest);
    cpuset_free(&one);
    return error;
}

/* Without a shared cache, what shares memory is the nearest thing to one: the CPUs of a node in a package. */
static int complete_caches(struct topology *topology)
{
    struct cpuset rest = CPUSET_EMPTY, part = CPUSET_EMPTY;
    int error = left_over(topology, LEVEL_L3, &rest);
    for (size_t s = 0; s < topology->place_count[LEVEL_SOCKET] && error == 0; s++)
        for (size_t n = 0; n < topology->place_count[LEVEL_NODE] && error == 0; n++) {
            error = cpuset_copy(&part, &rest);
            cpuset_and(&part, &topology->places[LEVEL_SOCKET][s].cpus);
            cpuset_and(&part, &topology->places[LEVEL_NODE][n].cpus);
            if (error == 0 && !cpuset_is_empty(&part))
                error = add_numbered(topology, LEVEL_L3, &part);
        }
    cpuset_free(&rest);
    cpuset_free(&part);
    return error;
}

static const struct topo_node *node_around(const struct topology *topology, unsigned cpu)
{
    const struct topo_node *best = NULL;
    unsigned best_weight = 0;
    for (size_t i = 0; i < topology->node_count; i++) {
        const struct topo_node *node = &topology->nodes[i];
        if (!cpuset_has(&node->cpus, cpu))
            continue;
        unsigned weight = cpuset_weight(&node->cpus);
        if (!best || weight < best_weight) {
            best = node;
            best_weight = weight;
        }
    }
    return best ? best : topology->nodes;
}

static int number_cpus(struct topology *topology)
{
    topology->cpu_count = topology->place_count[LEVEL_CPU];
    topology->cpu = calloc(topology->cpu_count ? topology->cpu_count : 1, sizeof(*topology->cpu));
    if (!topology->cpu)
        return -ENOMEM;
    for (size_t i = 0; i < topology->cpu_count; i++) {
        unsigned id = topology->places[LEVEL_CPU][i].id;
        topology->cpu[i] = (struct topo_cpu){.id = id, .node = node_around(topology, id)->id};
    }
    return 0;
}

static int add_node_place(struct topology *topology, const struct topo_node *node)
{
    struct cpuset cpus = CPUSET_EMPTY;
    int error = 0;
    for (size_t i = 0; i < topology->cpu_count && error == 0; i++)
        if (topology->cpu[i].node == node->id)
            error = cpuset_add(&cpus, topology->cpu[i].id);
    if (error == 0)
        error = build_place(topology, LEVEL_NODE, node->id, &cpus);
    cpuset_free(&cpus);
    return error;
}

/* Node places in the order of their first CPUs; afterwards nodes[] says the same as the places. */
static int place_nodes(struct topology *topology, const struct cpuset *mems)
{
    int error = 0;
    for (size_t i = 0; i < topology->cpu_count && error == 0; i++)
        if (!topology_place_of(topology, LEVEL_NODE, topology->cpu[i].id))
            error = add_node_place(topology, topology_node(topology, topology->cpu[i].node));
    for (size_t n = 0; n < topology->node_count && error == 0; n++) {
        struct topo_node *node = &topology->nodes[n];
        node->memory_allowed = node->memory > 0 && cpuset_has(mems, node->id);
        cpuset_clear(&node->cpus);
        for (size_t i = 0; i < topology->place_count[LEVEL_NODE] && error == 0; i++)
            if (topology->places[LEVEL_NODE][i].id == node->id)
                error = cpuset_copy(&node->cpus, &topology->places[LEVEL_NODE][i].cpus);
    }
    return error;
}

/* The number of the place of each CPU, by one walk over the places. */
static void write_place_ids(struct topology *topology, const size_t *index_of_cpu)
{
    static const enum level levels[] = {LEVEL_SOCKET, LEVEL_L3, LEVEL_CORE};
    for (size_t l = 0; l < sizeof(levels) / sizeof(*levels); l++)
        for (size_t p = 0; p < topology->place_count[levels[l]]; p++) {
            const struct place *place = &topology->places[levels[l]][p];
            CPUSET_FOREACH(id, &place->cpus) {
                struct topo_cpu *cpu = &topology->cpu[index_of_cpu[id]];
                *(levels[l] == LEVEL_SOCKET ? &cpu->package
                  : levels[l] == LEVEL_L3   ? &cpu->l3
                                            : &cpu->core) = place->id;
            }
        }
    for (size_t i = 1; i < topology->cpu_count; i++)
        if (topology->cpu[i].core == topology->cpu[i - 1].core)
            topology->cpu[i].smt = topology->cpu[i - 1].smt + 1;
}

int build_cpus(struct topology *topology, const struct cpuset *mems)
{
    size_t *index_of_cpu = calloc((size_t)cpuset_last(&topology->cpus) + 2, sizeof(*index_of_cpu));
    int error = index_of_cpu ? number_cpus(topology) : -ENOMEM;
    if (error == 0)
        error = place_nodes(topology, mems);
    if (error == 0)
        error = complete_packages(topology);
    if (error == 0)
        error = complete_caches(topology);
    if (error == 0)
        error = complete_cores(topology);
    if (error == 0)
        error = build_place(topology, LEVEL_NONE, 0, &topology->cpus);
    if (error == 0) {
        for (size_t i = 0; i < topology->cpu_count; i++)
            index_of_cpu[topology->cpu[i].id] = i;
        write_place_ids(topology, index_of_cpu);
    }
    free(index_of_cpu);
    return error;
}

/* --- distances and homes --- */

static int package_of_node(const struct topology *topology, const struct topo_node *node)
{
    for (size_t i = 0; i < topology->cpu_count; i++)
        if (topology->cpu[i].node == node->id)
            return (int)topology->cpu[i].package;
    return -1;
}

int build_default_distances(struct topology *topology)
{
    size_t n = topology->node_count;
    int *package = calloc(n + 1, sizeof(*package));
    topology->distances = calloc(n * n + 1, sizeof(*topology->distances));
    if (!topology->distances || !package) {
        free(package);
        return -ENOMEM;
    }
    for (size_t i = 0; i < n; i++)
        package[i] = package_of_node(topology, &topology->nodes[i]);
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b < n; b++)
            topology->distances[a * n + b] = a == b                             ? 10
                                             : package[a] < 0 || package[b] < 0 ? 20
                                             : package[a] == package[b]         ? 12
                                                                                : 32;
    free(package);
    return 0;
}

static unsigned nearest_memory(const struct topology *topology, unsigned node)
{
    unsigned best = node, best_distance = ~0u;
    for (size_t i = 0; i < topology->node_count; i++) {
        const struct topo_node *candidate = &topology->nodes[i];
        unsigned distance = topology_distance(topology, node, candidate->id);
        if (candidate->memory_allowed && distance < best_distance) {
            best = candidate->id;
            best_distance = distance;
        }
    }
    return best;
}

int build_homes(struct topology *topology)
{
    for (size_t i = 0; i < topology->cpu_count; i++)
        topology->cpu[i].mem_node = nearest_memory(topology, topology->cpu[i].node);
    return 0;
}
