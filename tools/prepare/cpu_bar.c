#include "tools/prepare/cpu_bar.h"

#include <stdlib.h>

enum unit { UNIT_CPU, UNIT_CORE, UNIT_L3, UNIT_NODE };

/* A CPU with its place, in the order of the bar. */
struct cpu {
    uint32_t node, l3, core, id;
};

static int by_number(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int by_place(const void *left, const void *right)
{
    const struct cpu *a = left, *b = right;
    int order = by_number(a->node, b->node);
    if (order == 0)
        order = by_number(a->l3, b->l3);
    if (order == 0)
        order = by_number(a->core, b->core);
    return order ? order : by_number(a->id, b->id);
}

static size_t list_cpus(const struct plan_view *plan, struct cpu *ret_cpus)
{
    size_t count = 0;
    for (uint32_t id = 0; id < plan->count[PLAN_CPUS]; id++) {
        const struct plan_cpu *cpu = &plan->cpus[id];
        if (cpu->node != PLAN_NONE)
            ret_cpus[count++] = (struct cpu){cpu->node, cpu->l3, cpu->core, id};
    }
    qsort(ret_cpus, count, sizeof(*ret_cpus), by_place);
    return count;
}

static bool is_same(const struct cpu *a, const struct cpu *b, enum unit unit)
{
    if (a->node != b->node || unit == UNIT_NODE)
        return a->node == b->node;
    if (a->l3 != b->l3 || unit == UNIT_L3)
        return a->l3 == b->l3;
    return a->core == b->core && (unit == UNIT_CORE || a->id == b->id);
}

/* The first CPU behind those of the unit that begins at `first`. */
static size_t end_of(const struct cpu *cpus, size_t count, size_t first, enum unit unit)
{
    size_t end = first + 1;
    while (end < count && is_same(&cpus[first], &cpus[end], unit))
        end++;
    return end;
}

static enum unit finest_unit(const struct cpu *cpus, size_t count)
{
    for (enum unit unit = UNIT_CPU; unit < UNIT_NODE; unit++) {
        size_t signs = 0;
        for (size_t i = 0; i < count; i = end_of(cpus, count, i, unit))
            signs++;
        if (signs <= CPU_BAR_SIGNS)
            return unit;
    }
    return UNIT_NODE;
}

static char sign_of(const struct cpu *cpus, size_t first, size_t end, const struct cpuset *set)
{
    size_t in = 0;
    for (size_t i = first; i < end; i++)
        in += cpuset_has(set, cpus[i].id);
    return in == 0 ? '.' : in == end - first ? '#' : '+';
}

char *cpu_bar(const struct plan_view *plan, const struct cpuset *set)
{
    struct cpu *cpus = calloc(plan->count[PLAN_CPUS] + 1u, sizeof(*cpus));
    size_t count = cpus ? list_cpus(plan, cpus) : 0;
    char *text = cpus ? malloc(2 * count + 3) : NULL, *to = text;
    enum unit unit = finest_unit(cpus, count);
    if (!text) {
        free(cpus);
        return NULL;
    }
    *to++ = '[';
    for (size_t i = 0; i < count;) {
        size_t end = end_of(cpus, count, i, unit);
        if (i > 0 && unit != UNIT_NODE && cpus[i].node != cpus[i - 1].node)
            *to++ = '|';
        *to++ = sign_of(cpus, i, end, set);
        i = end;
    }
    *to++ = ']';
    *to = '\0';
    free(cpus);
    return text;
}
