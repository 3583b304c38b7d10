#include "tools/picture/scene_machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/json_fields.h"

/* --- cells, cores and caches of a node --- */

/* One element more, zeroed. The array stays its owner's when memory runs out. */
static void *grow(void *array, size_t count, size_t size)
{
    char *grown = reallocarray(array, count + 1, size);
    if (grown)
        memset(grown + count * size, 0, size);
    return grown;
}

static int add_cell(struct scene_node *node, const struct cpuset *cpus)
{
    struct scene_cell *cells = grow(node->cells, node->cell_count, sizeof(*cells));
    if (!cells)
        return -ENOMEM;
    node->cells = cells;
    struct scene_cell *cell = &cells[node->cell_count];
    int error = cpuset_copy(&cell->cpus, cpus);
    if (error < 0)
        return error;
    node->cell_count++;
    cpuset_format(cpus, cell->label, sizeof(cell->label));
    return 0;
}

static int add_span(struct scene_span **spans, size_t *count, struct scene_span span)
{
    struct scene_span *grown = grow(*spans, *count, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    *spans = grown;
    grown[(*count)++] = span;
    return 0;
}

/* A cell for each CPU: the hardware threads of a core stand beside each other. */
static int add_cpus(struct scene_node *node, const struct cpuset *cpus)
{
    struct cpuset one = CPUSET_EMPTY;
    int error = 0;
    CPUSET_FOREACH(id, cpus) {
        cpuset_clear(&one);
        if (error >= 0)
            error = cpuset_add(&one, (unsigned)id);
        if (error >= 0)
            error = add_cell(node, &one);
    }
    cpuset_free(&one);
    return error < 0 ? error : 0;
}

/* What is drawn as one core: its CPUs as a cell each, or all in one. */
static int add_core(struct scene_node *node, const char *text, long long number, bool each_cpu)
{
    struct cpuset cpus = CPUSET_EMPTY;
    size_t first = node->cell_count;
    if (cpuset_parse_list(&cpus, text, NULL) < 0)
        cpuset_clear(&cpus);
    int error = 0;
    if (!cpuset_is_empty(&cpus))
        error = each_cpu ? add_cpus(node, &cpus) : add_cell(node, &cpus);
    if (error == 0 && node->cell_count > first)
        error = add_span(&node->cores, &node->core_count,
                         (struct scene_span){.number = number, .first = first, .count = node->cell_count - first});
    cpuset_free(&cpus);
    return error;
}

static int add_cache(struct scene_node *node, const json_t *cache, enum scene_level level, long long first_core)
{
    size_t index, first = node->core_count;
    json_t *core;
    int error = 0;
    if (level == SCENE_CACHE)
        error = add_core(node, text_of(cache, "cpus"), first_core, false);
    else
        json_array_foreach(json_object_get(cache, "cores"), index, core) {
            if (error == 0 && json_is_string(core))
                error = add_core(node, json_string_value(core), first_core + (long long)index, level == SCENE_CPU);
        }
    if (error < 0 || node->core_count == first)
        return error;
    return add_span(
        &node->caches, &node->cache_count,
        (struct scene_span){.number = number_of(cache, "id"), .first = first, .count = node->core_count - first});
}

static long long cores_of(const json_t *cache)
{
    return (long long)json_array_size(json_object_get(cache, "cores"));
}

static int make_cells(struct scene_node *node, const json_t *caches, enum scene_level level, long long first_core)
{
    size_t index;
    json_t *cache;
    int error = 0;
    if (level == SCENE_NODE) {
        error = add_core(node, node->cpus_text, first_core, false);
        if (error == 0 && node->core_count)
            error = add_span(&node->caches, &node->cache_count, (struct scene_span){.count = 1});
        return error;
    }
    json_array_foreach(caches, index, cache) {
        if (error == 0)
            error = add_cache(node, cache, level, first_core);
        first_core += cores_of(cache);
    }
    return error;
}

/* --- nodes --- */

static bool is_used(const struct scene *scene, const struct scene_node *node)
{
    for (size_t i = 0; i < scene->group_count; i++)
        if (cpuset_intersects(&scene->groups[i].set, &node->cpus))
            return true;
    return false;
}

static int read_nodes(struct scene *scene, const json_t *nodes)
{
    size_t index;
    json_t *node;
    scene->nodes = calloc(json_array_size(nodes) + 1, sizeof(*scene->nodes));
    if (!scene->nodes)
        return -ENOMEM;
    json_array_foreach(nodes, index, node) {
        struct scene_node *to = &scene->nodes[scene->node_count++];
        to->id = number_of(node, "id");
        to->memory_bytes = number_of(node, "memory_bytes");
        to->sockets = text_of(node, "sockets");
        to->cpus_text = text_of(node, "cpus");
        if (cpuset_parse_list(&to->cpus, to->cpus_text, NULL) < 0)
            to->cpus = CPUSET_EMPTY;
        to->is_used = is_used(scene, to);
    }
    return 0;
}

/* A small program on a large machine: its nodes are drawn, the others are a line each. */
static void shorten_unused(struct scene *scene)
{
    size_t cpus = 0, used = 0;
    for (size_t i = 0; i < scene->node_count; i++) {
        cpus += cpuset_weight(&scene->nodes[i].cpus);
        used += scene->nodes[i].is_used;
    }
    for (size_t i = 0; i < scene->node_count; i++)
        scene->nodes[i].is_short = cpus > SCENE_WHOLE && used && !scene->nodes[i].is_used;
}

/* The finest level that leaves room. */
static enum scene_level level_of(const struct scene *scene, const json_t *nodes)
{
    size_t count[SCENE_CPU + 1] = {0}, i, k;
    json_t *node, *cache;
    json_array_foreach(nodes, i, node) {
        if (scene->nodes[i].is_short)
            continue;
        count[SCENE_CPU] += cpuset_weight(&scene->nodes[i].cpus);
        count[SCENE_CACHE] += json_array_size(json_object_get(node, "l3"));
        json_array_foreach(json_object_get(node, "l3"), k, cache)
            count[SCENE_CORE] += (size_t)cores_of(cache);
    }
    enum scene_level level = SCENE_CPU;
    while (level > SCENE_NODE && count[level] > SCENE_CELLS)
        level--;
    return level;
}

static int make_nodes(struct scene *scene, const json_t *nodes)
{
    size_t index, k;
    json_t *node, *cache;
    long long cores = 0; /* numbered through the machine */
    int error = read_nodes(scene, nodes);
    if (error < 0)
        return error;
    shorten_unused(scene);
    scene->level = level_of(scene, nodes);
    json_array_foreach(nodes, index, node) {
        const json_t *caches = json_object_get(node, "l3");
        if (error == 0)
            error = make_cells(&scene->nodes[index], caches, scene->level, cores);
        json_array_foreach(caches, k, cache)
            cores += cores_of(cache);
    }
    return error;
}

/* --- packages --- */

static struct scene_package *package_of(struct scene *scene, const struct cpuset *sockets)
{
    for (size_t i = 0; i < scene->package_count; i++)
        if (cpuset_equal(&scene->packages[i].sockets, sockets))
            return &scene->packages[i];
    struct scene_package *package = &scene->packages[scene->package_count];
    package->nodes = calloc(scene->node_count, sizeof(struct scene_node *));
    if (!package->nodes)
        return NULL;
    scene->package_count++;
    package->alike = 1;
    return cpuset_copy(&package->sockets, sockets) < 0 ? NULL : package;
}

static int add_to_package(struct scene *scene, const struct scene_node *node)
{
    struct cpuset sockets = CPUSET_EMPTY;
    if (cpuset_parse_list(&sockets, node->sockets, NULL) < 0)
        cpuset_clear(&sockets);
    struct scene_package *package = package_of(scene, &sockets);
    cpuset_free(&sockets);
    if (!package)
        return -ENOMEM;
    package->nodes[package->node_count++] = node;
    int error = cpuset_or(&package->cpus, &node->cpus);
    if (error == 0 && node->id >= 0 && node->id <= CPUSET_MAX_ID)
        error = cpuset_add(&package->node_ids, (unsigned)node->id);
    return error;
}

static bool packages_are_alike(const struct scene_package *a, const struct scene_package *b)
{
    bool alike = a->node_count == b->node_count;
    for (size_t i = 0; i < a->node_count && alike; i++)
        alike = a->nodes[i]->is_short && b->nodes[i]->is_short &&
                a->nodes[i]->memory_bytes == b->nodes[i]->memory_bytes &&
                cpuset_weight(&a->nodes[i]->cpus) == cpuset_weight(&b->nodes[i]->cpus);
    return alike;
}

static void free_package(struct scene_package *package)
{
    cpuset_free(&package->sockets);
    cpuset_free(&package->node_ids);
    cpuset_free(&package->cpus);
    free(package->nodes);
}

/* Unused packages that follow each other and are alike become one. */
static int join_packages(struct scene *scene)
{
    size_t kept = 0;
    int error = 0;
    for (size_t i = 1; i < scene->package_count; i++) {
        struct scene_package *last = &scene->packages[kept], *next = &scene->packages[i];
        if (error == 0 && packages_are_alike(last, next)) {
            error = cpuset_or(&last->sockets, &next->sockets);
            if (error == 0)
                error = cpuset_or(&last->node_ids, &next->node_ids);
            if (error == 0)
                error = cpuset_or(&last->cpus, &next->cpus);
            last->alike++;
            free_package(next);
        } else {
            scene->packages[++kept] = *next;
        }
    }
    scene->package_count = scene->package_count ? kept + 1 : 0;
    return error;
}

static int make_packages(struct scene *scene)
{
    int error = 0;
    scene->packages = calloc(scene->node_count + 1, sizeof(*scene->packages));
    if (!scene->packages)
        return -ENOMEM;
    for (size_t i = 0; i < scene->node_count && error == 0; i++)
        error = add_to_package(scene, &scene->nodes[i]);
    return error < 0 ? error : join_packages(scene);
}

/* --- all of it --- */

int scene_machine_make(struct scene *scene, const json_t *machine)
{
    int error = make_nodes(scene, json_object_get(machine, "nodes"));
    return error < 0 ? error : make_packages(scene);
}

static void free_node(struct scene_node *node)
{
    for (size_t i = 0; i < node->cell_count; i++)
        cpuset_free(&node->cells[i].cpus);
    free(node->cells);
    free(node->cores);
    free(node->caches);
    free(node->groups);
    cpuset_free(&node->cpus);
}

void scene_machine_free(struct scene *scene)
{
    for (size_t i = 0; i < scene->package_count; i++)
        free_package(&scene->packages[i]);
    for (size_t i = 0; i < scene->node_count; i++)
        free_node(&scene->nodes[i]);
    free(scene->packages);
    free(scene->nodes);
}
