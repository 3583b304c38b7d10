#include "tools/measure/sites.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/common/read_file.h"

#define MIB           ((uint64_t)1 << 20)
#define BUFFER_LEAST  (64 * MIB)
#define BUFFER_MOST   (1024 * MIB)
#define BUFFER_BLIND  (256 * MIB) /* where the cache is not known: four times that of a large desktop */
#define BUFFER_USEFUL (16 * MIB)
#define BUFFER_STEP   (6 * MIB) /* of whole huge pages, and in three equal arrays */

/* --- sizes --- */

uint64_t buffer_wanted(uint64_t cache)
{
    uint64_t wanted = cache ? 4 * cache : BUFFER_BLIND;
    wanted = wanted < BUFFER_LEAST ? BUFFER_LEAST : wanted > BUFFER_MOST ? BUFFER_MOST : wanted;
    return (wanted + BUFFER_STEP - 1) / BUFFER_STEP * BUFFER_STEP;
}

uint64_t buffer_granted(uint64_t wanted, uint64_t free)
{
    uint64_t granted = wanted < free / 4 ? wanted : free / 4 / BUFFER_STEP * BUFFER_STEP;
    return granted < BUFFER_USEFUL ? 0 : granted;
}

/* --- caches --- */

/* "32768K", "32M". */
static uint64_t size_of(const char *text)
{
    char *unit;
    uint64_t size = strtoull(text, &unit, 10);
    return *unit == 'K' ? size << 10 : *unit == 'M' ? size << 20 : size;
}

/* The largest of the CPU's caches, which is the last; 0: the kernel shows none. */
static uint64_t last_cache(unsigned cpu)
{
    uint64_t largest = 0;
    for (unsigned index = 0; index < 8; index++) {
        char path[96], text[32];
        snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/cache/index%u/size", cpu, index);
        uint64_t size = read_line(path, text, sizeof(text)) ? size_of(text) : 0;
        largest = size > largest ? size : largest;
    }
    if (largest == 0 && sysconf(_SC_LEVEL3_CACHE_SIZE) > 0)
        largest = (uint64_t)sysconf(_SC_LEVEL3_CACHE_SIZE);
    return largest;
}

static uint64_t caches_of(const struct topology *topology, const struct cpuset *cpus)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < topology->place_count[LEVEL_L3]; i++)
        if (cpuset_intersects(&topology->places[LEVEL_L3][i].cpus, cpus))
            sum += last_cache((unsigned)cpuset_first(&topology->places[LEVEL_L3][i].cpus));
    return sum;
}

/* --- CPUs --- */

static const struct place *place_of_node(const struct topology *topology, unsigned node)
{
    for (size_t i = 0; i < topology->place_count[LEVEL_NODE]; i++)
        if (topology->places[LEVEL_NODE][i].id == node && !cpuset_is_empty(&topology->places[LEVEL_NODE][i].cpus))
            return &topology->places[LEVEL_NODE][i];
    return NULL;
}

/* The first CPU of each core that may be used. */
static int take_cores(struct cpuset *ret_cores, const struct topology *topology, const struct cpuset *cpus)
{
    int error = 0;
    for (size_t i = 0; i < topology->place_count[LEVEL_CORE] && error == 0; i++) {
        struct cpuset core = CPUSET_EMPTY;
        error = cpuset_copy(&core, &topology->places[LEVEL_CORE][i].cpus);
        cpuset_and(&core, cpus);
        cpuset_and(&core, &topology->allowed);
        if (error == 0 && !cpuset_is_empty(&core))
            error = cpuset_add(ret_cores, (unsigned)cpuset_first(&core));
        cpuset_free(&core);
    }
    return error;
}

static void lacks(struct lack *lack, bool lasting, const char *why)
{
    lack->is_lasting = lasting;
    snprintf(lack->why, sizeof(lack->why), "%s", why);
}

static int look_at_cpus(struct site *site, const struct topology *topology, const struct topo_node *node)
{
    const struct place *place = place_of_node(topology, node->id);
    if (!place) {
        lacks(&site->cpus, true, cpuset_is_empty(&node->cpus) ? "has no CPUs" : "shares the CPUs of another node");
        return 0;
    }
    int error = take_cores(&site->cores, topology, &place->cpus);
    site->cache_bytes = caches_of(topology, &place->cpus);
    if (error == 0 && cpuset_is_empty(&site->cores))
        lacks(&site->cpus, false, "gives this process none of its CPUs (affinity or cpuset)");
    return error;
}

/* --- memory --- */

static void look_at_memory(struct site *site, const struct topo_node *node, int64_t (*free_of)(unsigned node))
{
    int64_t free_bytes = node->memory && node->memory_allowed ? free_of(node->id) : 0;
    if (!node->memory)
        lacks(&site->memory, true, "has no memory");
    else if (!node->memory_allowed)
        lacks(&site->memory, false, "gives this process no memory (cpuset)");
    else if (free_bytes < 0)
        lacks(&site->memory, false, "has no memory that the kernel knows");
    site->free_bytes = free_bytes > 0 ? (uint64_t)free_bytes : 0;
}

static void grant_buffer(struct site *site, uint64_t wanted)
{
    if (*site->memory.why)
        return;
    site->buffer_bytes = buffer_granted(wanted, site->free_bytes);
    if (!site->buffer_bytes)
        snprintf(site->memory.why, sizeof(site->memory.why), "has too little memory free (%llu MiB)",
                 (unsigned long long)(site->free_bytes / MIB));
}

/* --- all --- */

int sites_make(struct sites *ret_sites, const struct topology *topology, int64_t (*free_of)(unsigned node))
{
    struct sites sites = {calloc(topology->node_count + 1, sizeof(*sites.items)), topology->node_count, 0};
    uint64_t cache = 0;
    int error = sites.items ? 0 : -ENOMEM;
    for (size_t i = 0; i < sites.count && error == 0; i++) {
        struct site *site = &sites.items[i];
        site->node = topology->nodes[i].id;
        error = look_at_cpus(site, topology, &topology->nodes[i]);
        look_at_memory(site, &topology->nodes[i], free_of);
        cache = site->cache_bytes > cache ? site->cache_bytes : cache;
    }
    sites.wanted_bytes = buffer_wanted(cache);
    for (size_t i = 0; i < sites.count && error == 0; i++)
        grant_buffer(&sites.items[i], sites.wanted_bytes);
    if (error < 0)
        sites_free(&sites);
    else
        *ret_sites = sites;
    return error;
}

void sites_free(struct sites *sites)
{
    for (size_t i = 0; i < sites->count && sites->items; i++)
        cpuset_free(&sites->items[i].cores);
    free(sites->items);
    *sites = (struct sites){0};
}
