#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/steal_order.h"
#include "tests/unit/policy/fixture.h"

#define CAPTURED TEST_SOURCE "/tests/golden/topologies/"

/* One worker on each CPU that the process may use. */
static struct steal_order order_of(const struct topology *topology, enum steal steal)
{
    struct steal_order order;
    unsigned *cpus = calloc(topology->cpu_count, sizeof(*cpus));
    size_t count = 0;
    assert_non_null(cpus);
    for (size_t i = 0; i < topology->cpu_count; i++)
        if (cpuset_has(&topology->allowed, topology->cpu[i].id))
            cpus[count++] = topology->cpu[i].id;
    assert_int_equal(steal_order_make(&order, topology, cpus, count, steal), 0);
    free(cpus);
    return order;
}

static unsigned distance_of(const struct topology *topology, const struct steal_order *order, size_t from, size_t to)
{
    return topology_distance(topology, order->groups[from].node, order->groups[to].node);
}

static void check_row(const struct topology *topology, const struct steal_order *order, size_t group)
{
    const struct steal_step *step = &order->steps[order->groups[group].step_first];
    uint32_t count = order->groups[group].step_count;
    assert_int_equal(step[0].group, group);
    assert_int_equal(step[0].tier, TIER_L3);
    for (uint32_t i = 1; i < count; i++) {
        assert_true(step[i].tier >= step[i - 1].tier);
        if (step[i].tier == step[i - 1].tier)
            assert_true(distance_of(topology, order, group, step[i].group) >=
                        distance_of(topology, order, group, step[i - 1].group));
        for (uint32_t j = 0; j < i; j++)
            assert_int_not_equal(step[i].group, step[j].group);
    }
}

static void check_machine(const char *text)
{
    struct topology *topology = load_topology(text);
    struct steal_order order = order_of(topology, STEAL_ANY);
    uint32_t members = 0;
    for (size_t group = 0; group < order.group_count; group++) {
        assert_int_equal(order.groups[group].step_count, order.group_count);
        for (uint32_t i = 0; i < order.groups[group].count; i++)
            assert_int_equal(order.group_of[order.members[order.groups[group].first + i]], group);
        members += order.groups[group].count;
        check_row(topology, &order, group);
    }
    assert_int_equal(members, order.worker_count);
    steal_order_free(&order);
    topology_free(topology);
}

static void every_group_is_looked_at_once_and_nearest_first(void **state)
{
    char line[256], name[64], text[128], path[512];
    FILE *index = fopen(CAPTURED "index", "r");
    unsigned machines = 0;
    (void)state;
    assert_non_null(index);
    while (fgets(line, sizeof(line), index)) {
        if (line[0] == '#' || sscanf(line, "%63[^| ] | %127[^|]", name, text) != 2)
            continue;
        while (text[strlen(text) - 1] == ' ')
            text[strlen(text) - 1] = '\0';
        snprintf(path, sizeof(path), "%s%s", strstr(text, ".xml") ? CAPTURED : "", text);
        check_machine(path);
        machines++;
    }
    fclose(index);
    assert_true(machines >= 17);
    check_machine("pack:16 numa:2 l3:8 core:8 pu:2"); /* 4096 CPUs */
}

static uint32_t group_at(const struct steal_order *order, unsigned node)
{
    uint32_t group = 0;
    while (order->groups[group].node != node)
        group++;
    return group;
}

static void a_theft_goes_no_farther_than_asked(void **state)
{
    static const struct {
        enum steal steal;
        uint32_t steps;
    } cases[] = {{STEAL_OFF, 0}, {STEAL_L3, 1}, {STEAL_NODE, 2}, {STEAL_SOCKET, 4}, {STEAL_ANY, 8}};
    (void)state;
    struct topology *topology = load_topology("pack:2 numa:2 l3:2 core:2 pu:1");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct steal_order order = order_of(topology, cases[i].steal);
        for (size_t group = 0; group < order.group_count; group++)
            assert_int_equal(order.groups[group].step_count, cases[i].steps);
        steal_order_free(&order);
    }
    topology_free(topology);
}

static void node_numbers_with_gaps_are_kept(void **state)
{
    (void)state;
    struct topology *topology = load_topology(CAPTURED "sparse.xml");
    struct steal_order order = order_of(topology, STEAL_ANY);
    assert_int_equal(order.groups[group_at(&order, 8)].node, 8);
    steal_order_free(&order);
    topology_free(topology);
}

static void equally_far_groups_are_not_all_looked_at_in_one_order(void **state)
{
    (void)state;
    struct topology *topology = load_topology("pack:1 numa:1 l3:4 core:2 pu:1");
    struct steal_order order = order_of(topology, STEAL_ANY);
    for (uint32_t group = 0; group < 4; group++)
        assert_int_equal(order.steps[order.groups[group].step_first + 1].group, (group + 1) % 4);
    steal_order_free(&order);
    topology_free(topology);
}

static void a_cpu_that_does_not_exist_is_an_error(void **state)
{
    struct steal_order order;
    unsigned cpu = 99;
    (void)state;
    struct topology *topology = load_topology("core:2");
    assert_int_equal(steal_order_make(&order, topology, &cpu, 1, STEAL_ANY), -EINVAL);
    assert_int_equal(steal_order_make(&order, topology, &cpu, 0, STEAL_ANY), -EINVAL);
    topology_free(topology);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_group_is_looked_at_once_and_nearest_first),
        cmocka_unit_test(a_theft_goes_no_farther_than_asked),
        cmocka_unit_test(node_numbers_with_gaps_are_kept),
        cmocka_unit_test(equally_far_groups_are_not_all_looked_at_in_one_order),
        cmocka_unit_test(a_cpu_that_does_not_exist_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
