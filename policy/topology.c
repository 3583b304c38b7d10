#include "policy/topology.h"

#include <stdlib.h>

/* Lookups are by binary or linear search over small sorted arrays; none is on a hot path of a program. */

const struct topo_cpu *topology_cpu(const struct topology *topology, unsigned id)
{
    for (size_t i = 0; i < topology->cpu_count; i++)
        if (topology->cpu[i].id == id)
            return &topology->cpu[i];
    return NULL;
}

static size_t node_index(const struct topology *topology, unsigned id)
{
    for (size_t i = 0; i < topology->node_count; i++)
        if (topology->nodes[i].id == id)
            return i;
    return topology->node_count;
}

const struct topo_node *topology_node(const struct topology *topology, unsigned id)
{
    size_t index = node_index(topology, id);
    return index < topology->node_count ? &topology->nodes[index] : NULL;
}

const struct place *topology_place_of(const struct topology *topology, enum level level, unsigned cpu)
{
    for (size_t i = 0; i < topology->place_count[level]; i++)
        if (cpuset_has(&topology->places[level][i].cpus, cpu))
            return &topology->places[level][i];
    return NULL;
}

unsigned topology_distance(const struct topology *topology, unsigned a, unsigned b)
{
    size_t from = node_index(topology, a), to = node_index(topology, b);
    if (a == b)
        return 10;
    if (from == topology->node_count || to == topology->node_count || !topology->distances)
        return 20;
    return topology->distances[from * topology->node_count + to];
}

void topology_free(struct topology *topology)
{
    if (!topology)
        return;
    for (int level = 0; level < LEVEL_COUNT; level++) {
        for (size_t i = 0; i < topology->place_count[level]; i++)
            cpuset_free(&topology->places[level][i].cpus);
        free(topology->places[level]);
    }
    for (size_t i = 0; i < topology->node_count; i++)
        cpuset_free(&topology->nodes[i].cpus);
    for (size_t i = 0; i < topology->device_count; i++) {
        free(topology->devices[i].name);
        free(topology->devices[i].pci);
        cpuset_free(&topology->devices[i].cpus);
        cpuset_free(&topology->devices[i].nodes);
    }
    cpuset_free(&topology->cpus);
    cpuset_free(&topology->allowed);
    cpuset_free(&topology->isolated);
    free(topology->source);
    free(topology->cpu_model);
    free(topology->measured.file);
    free(topology->cpu);
    free(topology->nodes);
    free(topology->distances);
    free(topology->devices);
    free(topology);
}
