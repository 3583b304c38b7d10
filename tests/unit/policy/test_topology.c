#include <string.h>

#include "tests/unit/policy/fixture.h"

static void every_cpu_is_in_one_place_of_each_level(void **state)
{
    static const char *const machines[] = {
        "core:1 pu:1",        "pack:2 numa:2 l3:2 core:2 pu:2", "numa:3 core:2", "pu:6",
        "pack:3 core:2 pu:1", "pack:1 l3:8 core:4 pu:2",        "machine",
    };
    (void)state;
    for (size_t m = 0; m < sizeof(machines) / sizeof(*machines); m++) {
        struct topology *topology = load_topology(machines[m]);
        assert_int_equal(topology->cpu_count, cpuset_weight(&topology->cpus));
        assert_true(cpuset_is_subset(&topology->allowed, &topology->cpus));
        for (int level = LEVEL_NONE; level < LEVEL_COUNT; level++) {
            unsigned total = 0;
            for (size_t i = 0; i < topology->place_count[level]; i++)
                total += cpuset_weight(&topology->places[level][i].cpus);
            assert_int_equal(total, topology->cpu_count);
            for (size_t i = 0; i < topology->cpu_count; i++)
                assert_non_null(topology_place_of(topology, (enum level)level, topology->cpu[i].id));
        }
        for (size_t i = 0; i < topology->node_count; i++)
            for (size_t k = 0; k < topology->node_count; k++) {
                unsigned there = topology_distance(topology, topology->nodes[i].id, topology->nodes[k].id);
                assert_true(i == k ? there == 10 : there > 10);
            }
        topology_free(topology);
    }
}

static void nodes_below_a_package_have_their_own_cpus(void **state)
{
    (void)state;
    struct topology *topology = load_topology("pack:2 numa:2 l3:1 core:2 pu:2");
    assert_int_equal(topology->place_count[LEVEL_NODE], 4);
    assert_cpus(&topology_node(topology, 2)->cpus, "8-11");
    assert_int_equal(topology_distance(topology, 0, 1), 12);
    assert_int_equal(topology_distance(topology, 0, 2), 32);
    assert_int_equal(topology_cpu(topology, 9)->smt, 1);
    assert_int_equal(topology_cpu(topology, 9)->package, 1);
    topology_free(topology);
}

static void restrictions_move_homes_to_allowed_memory(void **state)
{
    (void)state;
    struct topology *topology = load_topology("pack:2 numa:2 l3:1 core:2 pu:2; allowed=0-5; mems=1");
    assert_cpus(&topology->allowed, "0-5");
    assert_int_equal(topology_cpu(topology, 0)->node, 0);
    assert_int_equal(topology_cpu(topology, 0)->mem_node, 1);
    assert_false(topology_node(topology, 0)->memory_allowed);
    topology_free(topology);
}

static void nonsense_is_a_finding(void **state)
{
    static const struct {
        const char *text, *code;
    } cases[] = {
        {"hello", "E061"},
        {"pack:0", "E061"},
        {"/no/such/file.xml", "E060"},
        {"core:2; allowed=9", "E063"},
        {"core:2; allowed=x", "E063"},
        {"core:2; colour=red", "E063"},
        {"core:2; mems=7", "E063"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct topology *topology = NULL;
        struct diag_list diags = {0};
        assert_true(topology_load(&topology, cases[i].text, &diags) < 0);
        if (!was_said(&diags, cases[i].code))
            fail_msg("\"%s\" did not give %s", cases[i].text, cases[i].code);
        diag_list_free(&diags);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cpu_is_in_one_place_of_each_level),
        cmocka_unit_test(nodes_below_a_package_have_their_own_cpus),
        cmocka_unit_test(restrictions_move_homes_to_allowed_memory),
        cmocka_unit_test(nonsense_is_a_finding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
