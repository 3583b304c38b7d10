/* What the parts of a scene are called, alike in every renderer. */
#include "tools/common/cli.h"
#include "tools/picture/scene.h"

const char *scene_mark(const struct scene *scene, size_t rule)
{
    return rule < scene->rule_count ? scene->rules[rule].mark : "·";
}

const char *scene_cell_word(const struct scene *scene)
{
    static const char *const words[] = {
        [SCENE_NODE] = "node", [SCENE_CACHE] = "cache", [SCENE_CORE] = "core", [SCENE_CPU] = "CPU"};
    return words[scene->level];
}

void scene_group_label(const struct scene_group *group, char *ret_label, size_t size)
{
    if (group->count == 1)
        snprintf(ret_label, size, "%s", group->name);
    else
        snprintf(ret_label, size, "%zu threads (%s, …)", group->count, group->name);
}

void scene_group_cpus(const struct scene_group *group, char *ret_text, size_t size)
{
    snprintf(ret_text, size, "CPU%s %s", cpuset_weight(&group->set) == 1 ? "" : "s",
             *group->cpus ? group->cpus : "not known");
}

void scene_memory(const struct scene_node *node, char *ret_text, size_t size)
{
    if (node->memory_bytes > 0)
        size_text((uint64_t)node->memory_bytes, ret_text, size);
    else
        snprintf(ret_text, size, "no memory");
}

void scene_package_label(const struct scene_package *package, char *ret_label, size_t size)
{
    char sockets[64];
    cpuset_format(&package->sockets, sockets, sizeof(sockets));
    if (cpuset_is_empty(&package->sockets))
        snprintf(ret_label, size, "memory only");
    else
        snprintf(ret_label, size, "socket%s %s", cpuset_weight(&package->sockets) == 1 ? "" : "s", sockets);
}

void scene_node_label(const struct scene_node *node, char *ret_label, size_t size)
{
    char memory[32], threads[32];
    scene_memory(node, memory, sizeof(memory));
    snprintf(threads, sizeof(threads), "%zu thread%s", node->threads, node->threads == 1 ? "" : "s");
    snprintf(ret_label, size, "%s · %s", memory, cpuset_is_empty(&node->cpus) ? "no CPUs" : threads);
}
