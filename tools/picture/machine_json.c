#include "tools/picture/machine_json.h"

#include <stdlib.h>

#include "policy/compile.h"

static json_t *take_text(char *text)
{
    json_t *value = json_string(text ? text : "");
    free(text);
    return value;
}

static json_t *set_json(struct cpuset *set)
{
    json_t *value = take_text(cpuset_to_string(set));
    cpuset_free(set);
    return value;
}

enum field { FIELD_L3, FIELD_CORE, FIELD_PACKAGE };

static uint32_t field_of(const struct plan_cpu *cpu, enum field field)
{
    return field == FIELD_L3 ? cpu->l3 : field == FIELD_CORE ? cpu->core : cpu->package;
}

/* Of the CPUs not yet in `done` the lowest's group: all of `within` with the same number. -1: all are done. */
static int next_group(const struct plan_view *plan, const struct cpuset *within, enum field field, struct cpuset *done,
                      struct cpuset *ret_group)
{
    int first = cpuset_first(within);
    cpuset_clear(ret_group);
    while (first >= 0 && cpuset_has(done, (unsigned)first))
        first = cpuset_next(within, first);
    if (first < 0)
        return -1;
    uint32_t number = field_of(&plan->cpus[first], field);
    for (int id = first; id >= 0; id = cpuset_next(within, id))
        if (field_of(&plan->cpus[id], field) == number && !cpuset_has(done, (unsigned)id) &&
            cpuset_add(ret_group, (unsigned)id) == 0)
            cpuset_add(done, (unsigned)id);
    return (int)number;
}

static json_t *cores_json(const struct plan_view *plan, const struct cpuset *cpus)
{
    json_t *cores = json_array();
    struct cpuset done = CPUSET_EMPTY, core = CPUSET_EMPTY;
    while (next_group(plan, cpus, FIELD_CORE, &done, &core) >= 0)
        json_array_append_new(cores, take_text(cpuset_to_string(&core)));
    cpuset_free(&done);
    cpuset_free(&core);
    return cores;
}

static json_t *caches_json(const struct plan_view *plan, const struct cpuset *cpus)
{
    json_t *caches = json_array();
    struct cpuset done = CPUSET_EMPTY, cache = CPUSET_EMPTY;
    int id;
    while ((id = next_group(plan, cpus, FIELD_L3, &done, &cache)) >= 0)
        json_array_append_new(caches,
                              json_pack("{s:i, s:o, s:o}", "id", id, "cpus", take_text(cpuset_to_string(&cache)),
                                        "cores", cores_json(plan, &cache)));
    cpuset_free(&done);
    cpuset_free(&cache);
    return caches;
}

static json_t *node_json(const struct plan_view *plan, const struct plan_node *node)
{
    struct cpuset cpus = CPUSET_EMPTY, sockets = CPUSET_EMPTY;
    if (plan_mask_cpuset(plan, node->cpus, &cpus) < 0)
        cpuset_clear(&cpus);
    CPUSET_FOREACH(id, &cpus)
        cpuset_add(&sockets, plan->cpus[id].package);
    json_t *caches = caches_json(plan, &cpus);
    return json_pack("{s:i, s:I, s:o, s:o, s:o}", "id", (int)node->id, "memory_bytes", (json_int_t)node->memory,
                     "sockets", set_json(&sockets), "cpus", set_json(&cpus), "l3", caches);
}

json_t *machine_json(const struct plan_view *plan)
{
    json_t *nodes = json_array();
    for (uint32_t i = 0; i < plan->count[PLAN_NODES]; i++)
        json_array_append_new(nodes, node_json(plan, &plan->nodes[i]));
    return json_pack("{s:o}", "nodes", nodes);
}
