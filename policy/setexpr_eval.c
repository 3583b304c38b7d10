#include "policy/setexpr_eval.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/setexpr_host.h"

void set_value_free(struct set_value *value)
{
    cpuset_free(&value->cpus);
    cpuset_free(&value->nodes);
}

int eval_union(struct set_value *value, const struct set_value *other)
{
    int error = cpuset_or(&value->cpus, &other->cpus);
    return error < 0 ? error : cpuset_or(&value->nodes, &other->nodes);
}

/* Adds the nodes that the value's CPUs belong to. */
static int add_nodes_of_cpus(const struct topology *topology, struct set_value *value)
{
    int error = 0;
    for (size_t i = 0; i < topology->place_count[LEVEL_NODE] && error == 0; i++) {
        const struct place *place = &topology->places[LEVEL_NODE][i];
        if (cpuset_intersects(&place->cpus, &value->cpus))
            error = cpuset_add(&value->nodes, place->id);
    }
    return error;
}

static int add_node(const struct topo_node *node, struct set_value *value)
{
    int error = cpuset_add(&value->nodes, node->id);
    return error < 0 ? error : cpuset_or(&value->cpus, &node->cpus);
}

/* Drops the nodes that have CPUs, but none of the value's, and those of `others` that have none. others: NULL: none. */
static int drop_nodes(const struct topology *topology, struct set_value *value, const struct cpuset *others)
{
    struct cpuset gone = CPUSET_EMPTY;
    int error = 0;
    for (size_t i = 0; i < topology->node_count && error == 0; i++) {
        const struct topo_node *node = &topology->nodes[i];
        bool is_out = cpuset_is_empty(&node->cpus) ? others && cpuset_has(others, node->id)
                                                   : !cpuset_intersects(&node->cpus, &value->cpus);
        if (is_out)
            error = cpuset_add(&gone, node->id);
    }
    cpuset_andnot(&value->nodes, &gone);
    cpuset_free(&gone);
    return error;
}

int eval_intersect(const struct set_scope *scope, struct set_value *value, const struct set_value *other)
{
    cpuset_and(&value->cpus, &other->cpus);
    cpuset_and(&value->nodes, &other->nodes);
    return drop_nodes(scope->topology, value, NULL);
}

int eval_without(const struct set_scope *scope, struct set_value *value, const struct set_value *other)
{
    cpuset_andnot(&value->cpus, &other->cpus);
    return drop_nodes(scope->topology, value, &other->nodes);
}

/* May anything of ours be on the node: a thread, or memory. */
static bool node_is_usable(const struct set_scope *scope, const struct topo_node *node)
{
    return cpuset_intersects(&node->cpus, scope->limit) || (cpuset_is_empty(&node->cpus) && node->memory_allowed);
}

int eval_invert(const struct set_scope *scope, enum set_unit unit, struct set_value *value)
{
    const struct topology *topology = scope->topology;
    struct set_value rest = {0};
    int error = 0;
    if (unit == SET_CPUS) {
        error = cpuset_copy(&rest.cpus, scope->limit);
        cpuset_andnot(&rest.cpus, &value->cpus);
        if (error == 0)
            error = add_nodes_of_cpus(topology, &rest);
    } else {
        for (size_t i = 0; i < topology->node_count && error == 0; i++)
            if (node_is_usable(scope, &topology->nodes[i]) && !cpuset_has(&value->nodes, topology->nodes[i].id))
                error = add_node(&topology->nodes[i], &rest);
    }
    set_value_free(value);
    *value = rest;
    return error;
}

static int eval_kind(const struct set_scope *scope, enum core_kind kind, struct set_value *ret_value)
{
    const struct topology *topology = scope->topology;
    int error = 0;
    for (size_t i = 0; i < topology->cpu_count && error == 0; i++)
        if (topology->cpu[i].kind == kind || (kind == CORE_KIND_PERFORMANCE && topology->cpu[i].kind == CORE_KIND_ONLY))
            error = cpuset_add(&ret_value->cpus, topology->cpu[i].id);
    return error < 0 ? error : add_nodes_of_cpus(topology, ret_value);
}

int eval_word(const struct set_scope *scope, enum set_word word, struct set_value *ret_value)
{
    int error = 0;
    switch (word) {
    case SET_WORD_NONE:
        return 0;
    case SET_WORD_PERF: /* where all cores are alike, all are the fast ones */
        return eval_kind(scope, CORE_KIND_PERFORMANCE, ret_value);
    case SET_WORD_EFF:
        return eval_kind(scope, CORE_KIND_EFFICIENT, ret_value);
    case SET_WORD_LOCAL:
        error = cpuset_copy(&ret_value->cpus, scope->limit);
        return error < 0 ? error : add_nodes_of_cpus(scope->topology, ret_value);
    case SET_WORD_ALL:
        for (size_t i = 0; i < scope->topology->node_count && error == 0; i++)
            if (node_is_usable(scope, &scope->topology->nodes[i]))
                error = add_node(&scope->topology->nodes[i], ret_value);
        return error < 0 ? error : cpuset_or(&ret_value->cpus, scope->limit);
    }
    return 0;
}

/* The ids of the n-th allowed ones for all n in `positions`. */
static int nth_of(const struct cpuset *allowed, const struct cpuset *positions, struct cpuset *ret_ids)
{
    unsigned n = 0;
    int error = 0;
    CPUSET_FOREACH(id, allowed) {
        if (cpuset_has(positions, n++) && error == 0)
            error = cpuset_add(ret_ids, (unsigned)id);
    }
    return error;
}

static int usable_nodes(const struct set_scope *scope, struct cpuset *ret_nodes)
{
    int error = 0;
    for (size_t i = 0; i < scope->topology->node_count && error == 0; i++)
        if (node_is_usable(scope, &scope->topology->nodes[i]))
            error = cpuset_add(ret_nodes, scope->topology->nodes[i].id);
    return error;
}

int eval_numbers(const struct set_scope *scope, enum set_unit unit, bool relative, const struct cpuset *ids,
                 struct set_value *ret_value)
{
    const struct topology *topology = scope->topology;
    struct cpuset allowed = CPUSET_EMPTY, real = CPUSET_EMPTY;
    int error = 0;
    if (relative) {
        error = unit == SET_CPUS ? cpuset_copy(&allowed, scope->limit) : usable_nodes(scope, &allowed);
        if (error == 0)
            error = nth_of(&allowed, ids, &real);
    } else {
        error = cpuset_copy(&real, ids);
    }
    if (error == 0 && unit == SET_CPUS) {
        cpuset_and(&real, &topology->cpus);
        error = cpuset_or(&ret_value->cpus, &real);
        if (error == 0)
            error = add_nodes_of_cpus(topology, ret_value);
    }
    for (size_t i = 0; i < topology->node_count && error == 0 && unit != SET_CPUS; i++)
        if (cpuset_has(&real, topology->nodes[i].id))
            error = add_node(&topology->nodes[i], ret_value);
    cpuset_free(&allowed);
    cpuset_free(&real);
    return error;
}

int eval_places(const struct set_scope *scope, enum level level, const struct cpuset *ids, struct set_value *ret_value)
{
    const struct topology *topology = scope->topology;
    int error = 0;
    if (level == LEVEL_NODE)
        return eval_numbers(scope, SET_NODES, false, ids, ret_value);
    for (size_t i = 0; i < topology->place_count[level] && error == 0; i++)
        if (cpuset_has(ids, topology->places[level][i].id))
            error = cpuset_or(&ret_value->cpus, &topology->places[level][i].cpus);
    return error < 0 ? error : add_nodes_of_cpus(topology, ret_value);
}

int eval_level_of(const struct set_scope *scope, enum level level, const struct set_value *value,
                  struct set_value *ret_value)
{
    const struct topology *topology = scope->topology;
    int error = 0;
    for (size_t i = 0; i < topology->place_count[level] && error == 0; i++)
        if (cpuset_intersects(&topology->places[level][i].cpus, &value->cpus))
            error = cpuset_or(&ret_value->cpus, &topology->places[level][i].cpus);
    return error < 0 ? error : add_nodes_of_cpus(topology, ret_value);
}

/* --- devices --- */

static int add_device(const struct device *device, struct set_value *value)
{
    int error = cpuset_or(&value->cpus, &device->cpus);
    return error < 0 ? error : cpuset_or(&value->nodes, &device->nodes);
}

static int named_device(const struct topology *topology, enum device_kind kind, const char *name,
                        struct set_value *ret_value)
{
    for (size_t i = 0; i < topology->device_count; i++)
        if (topology->devices[i].kind == kind && strcmp(topology->devices[i].name, name) == 0)
            return add_device(&topology->devices[i], ret_value);
    return -ENODEV;
}

/*
 * "0000:3b:00.0", without the domain as lspci(8) prints it where there is only one, or with a domain of eight digits as
 * NVIDIA's tools print it.
 */
static bool is_pci(const struct device *device, const char *address)
{
    const char *own = device->pci;
    if (strlen(address) == strlen(own) + 4 && strncmp(address, "0000", 4) == 0)
        address += 4;
    return *own &&
           (strcasecmp(own, address) == 0 || (strncmp(own, "0000:", 5) == 0 && strcasecmp(own + 5, address) == 0));
}

static int pci_device(const struct topology *topology, const char *address, struct set_value *ret_value)
{
    for (size_t i = 0; i < topology->device_count; i++)
        if (is_pci(&topology->devices[i], address))
            return add_device(&topology->devices[i], ret_value);
    return -ENODEV;
}

/* One GPU often shows several devices (card0, renderD128, cuda0) behind one PCI function: it counts once. */
static bool is_repeated_gpu(const struct topology *topology, size_t index)
{
    const struct device *device = &topology->devices[index];
    for (size_t i = 0; i < index; i++)
        if (topology->devices[i].kind == DEVICE_GPU && *device->pci &&
            strcmp(topology->devices[i].pci, device->pci) == 0)
            return true;
    return false;
}

static int count_gpus(const struct topology *topology)
{
    int count = 0;
    for (size_t i = 0; i < topology->device_count; i++)
        count += topology->devices[i].kind == DEVICE_GPU && !is_repeated_gpu(topology, i);
    return count;
}

static int numbered_gpu(const struct topology *topology, int number, struct set_value *ret_value)
{
    for (size_t i = 0; i < topology->device_count; i++)
        if (topology->devices[i].kind == DEVICE_GPU && !is_repeated_gpu(topology, i) && number-- == 0)
            return add_device(&topology->devices[i], ret_value);
    return -ENODEV;
}

/* gpu:auto is the rank's own GPU; more ranks than GPUs share them in turn; without a rank it is any of them. */
static int auto_gpu(const struct set_scope *scope, struct set_value *ret_value)
{
    int count = count_gpus(scope->topology), error = 0;
    if (count == 0)
        return -ENODEV;
    if (scope->gpu >= 0)
        return numbered_gpu(scope->topology, scope->gpu % count, ret_value);
    for (int i = 0; i < count && error == 0; i++)
        error = numbered_gpu(scope->topology, i, ret_value);
    return error;
}

/* The GPU behind a PCI function. */
static int gpu_at(const struct topology *topology, const char *address, struct set_value *ret_value)
{
    for (size_t i = 0; i < topology->device_count; i++)
        if (topology->devices[i].kind == DEVICE_GPU && is_pci(&topology->devices[i], address))
            return add_device(&topology->devices[i], ret_value);
    return -ENODEV;
}

/* As in CUDA_VISIBLE_DEVICES. */
static int gpu_of_uuid(const struct set_scope *scope, const char *uuid, struct set_value *ret_value)
{
    char address[32];
    if (!scope->topology->is_this_machine || host_gpu_of_uuid(HOST_NVIDIA_GPUS, uuid, address, sizeof(address)) < 0)
        return -ENODEV;
    return gpu_at(scope->topology, address, ret_value);
}

static int gpu_device(const struct set_scope *scope, const char *name, struct set_value *ret_value)
{
    if (strcmp(name, "auto") == 0)
        return auto_gpu(scope, ret_value);
    if (name[strspn(name, "0123456789")] == '\0' && strlen(name) < 5)
        return numbered_gpu(scope->topology, atoi(name), ret_value);
    if (strncasecmp(name, "GPU-", 4) == 0)
        return gpu_of_uuid(scope, name, ret_value);
    if (strchr(name, ':'))
        return gpu_at(scope->topology, name, ret_value);
    return named_device(scope->topology, DEVICE_GPU, name, ret_value);
}

/* A file or address is a question to the running system, and only its own topology can use the answer. */
static int device_behind(const struct set_scope *scope, enum set_device kind, const char *name,
                         struct set_value *ret_value)
{
    char device[256];
    if (!scope->topology->is_this_machine)
        return -ENODEV;
    int error = kind == SET_DEVICE_FILE ? host_block_of_file(name, device, sizeof(device))
                                        : host_netdev_of_address(name, device, sizeof(device));
    if (error < 0)
        return -ENODEV;
    return named_device(scope->topology, kind == SET_DEVICE_FILE ? DEVICE_BLOCK : DEVICE_NETDEV, device, ret_value);
}

int eval_device(const struct set_scope *scope, enum set_device kind, const char *name, struct set_value *ret_value)
{
    switch (kind) {
    case SET_DEVICE_NETDEV:
        return named_device(scope->topology, DEVICE_NETDEV, name, ret_value);
    case SET_DEVICE_BLOCK:
        return named_device(scope->topology, DEVICE_BLOCK, name, ret_value);
    case SET_DEVICE_PCI:
        return pci_device(scope->topology, name, ret_value);
    case SET_DEVICE_GPU:
        return gpu_device(scope, name, ret_value);
    case SET_DEVICE_FILE:
    case SET_DEVICE_IP:
        return device_behind(scope, kind, name, ret_value);
    }
    return -ENODEV;
}

int eval_rule(const struct set_scope *scope, const char *name, struct set_value *ret_value)
{
    int error = scope->rule_cpus(scope->context, name, &ret_value->cpus);
    return error < 0 ? error : add_nodes_of_cpus(scope->topology, ret_value);
}
