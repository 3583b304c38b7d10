#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/shares.h"
#include "tests/unit/policy/fixture.h"

/* --- shares --- */

static void each_level_and_order(void **state)
{
    static const struct {
        const char *machine;
        enum process_distribution distribution;
        enum level level;
        const char *sets; /* joined with blanks */
    } cases[] = {
        {"pack:2 numa:2 core:2", PROC_DIST_COMPACT, LEVEL_NODE, "0-1 2-3 4-5 6-7"},
        {"pack:2 numa:2 core:2", PROC_DIST_SCATTER, LEVEL_NODE, "0-1 4-5 2-3 6-7"},
        {"pack:2 numa:2 core:2", PROC_DIST_ROUND_ROBIN, LEVEL_SOCKET, "0-3 4-7"},
        {"pack:2 l3:2 core:2", PROC_DIST_SCATTER, LEVEL_L3, "0-1 4-5 2-3 6-7"},
        {"pack:2 numa:2 core:2; allowed=0-2", PROC_DIST_COMPACT, LEVEL_NODE, "0-1 2"},
        {"core:4", PROC_DIST_SCATTER, LEVEL_NODE, "0-3"},
        {"pack:2 numa:1 core:2 pu:2", PROC_DIST_COMPACT, LEVEL_CORE, "0-1 2-3 4-5 6-7"},
        {"pack:2 numa:1 core:2 pu:2", PROC_DIST_SCATTER, LEVEL_CORE, "0-1 4-5 2-3 6-7"},
        {"pack:2 numa:1 core:2 pu:2; allowed=1,6-7", PROC_DIST_ROUND_ROBIN, LEVEL_CORE, "1 6-7"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct topology *topology = load_topology(cases[i].machine);
        struct shares shares;
        char text[256] = "";
        assert_int_equal(shares_list(&shares, topology, &topology->allowed, cases[i].distribution, cases[i].level), 0);
        for (size_t s = 0; s < shares.count; s++) {
            char *set = cpuset_to_string(&shares.sets[s]);
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", s ? " " : "", set);
            free(set);
        }
        if (strcmp(text, cases[i].sets) != 0)
            fail_msg("%s: %s", cases[i].machine, text);
        shares_free(&shares);
        topology_free(topology);
    }
}

/* Neighbours go together, those of one node where nodes are few enough, and nothing is left over. */
static void more_places_than_a_ledger_holds(void **state)
{
    static const struct {
        const char *machine;
        size_t shares;
        unsigned cpus, nodes; /* of a share, at most */
    } cases[] = {
        {"pack:8 numa:4 core:128 pu:2", 256, 32, 1}, {"pack:8 numa:4 core:8 pu:2", 256, 2, 1},
        {"pack:3 numa:1 core:100 pu:1", 150, 2, 1},  {"pack:5 numa:1 core:103 pu:2", 5 * 35, 6, 1},
        {"pack:300 numa:1 core:1 pu:2", 150, 4, 2},  {"pack:8 numa:4 core:128 pu:2; allowed=0-7", 4, 2, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        for (int scatter = 0; scatter < 2; scatter++) {
            struct topology *topology = load_topology(cases[i].machine);
            struct cpuset all = CPUSET_EMPTY;
            struct shares shares;
            unsigned sum = 0;
            assert_int_equal(shares_list(&shares, topology, &topology->allowed,
                                         scatter ? PROC_DIST_SCATTER : PROC_DIST_COMPACT, LEVEL_CORE),
                             0);
            assert_int_equal(shares.count, cases[i].shares);
            for (size_t s = 0; s < shares.count; s++) {
                unsigned nodes = 0;
                for (size_t n = 0; n < topology->node_count; n++)
                    nodes += cpuset_intersects(&topology->nodes[n].cpus, &shares.sets[s]);
                assert_in_range(cpuset_weight(&shares.sets[s]), 1, cases[i].cpus);
                assert_in_range(nodes, 1, cases[i].nodes);
                sum += cpuset_weight(&shares.sets[s]);
                assert_int_equal(cpuset_or(&all, &shares.sets[s]), 0);
            }
            assert_true(cpuset_equal(&all, &topology->allowed));
            assert_int_equal(sum, cpuset_weight(&all));
            cpuset_free(&all);
            shares_free(&shares);
            topology_free(topology);
        }
}

/* Disjoint as long as there are CPUs, whole cores as long as there are cores, and nothing is left over. */
static void parts_of_a_set(void **state)
{
    struct topology *topology = load_topology("pack:1 core:6 pu:2");
    (void)state;
    for (unsigned parts = 1; parts <= 14; parts++) {
        struct cpuset all = CPUSET_EMPTY;
        unsigned sum = 0;
        for (unsigned part = 0; part < parts; part++) {
            struct cpuset set;
            assert_int_equal(shares_part(&set, topology, &topology->allowed, part, parts), 0);
            assert_true(cpuset_weight(&set) > 0);
            assert_true(parts > 6 || cpuset_weight(&set) % 2 == 0);
            sum += cpuset_weight(&set);
            cpuset_or(&all, &set);
            cpuset_free(&set);
        }
        assert_int_equal(cpuset_weight(&all), 12);
        assert_true(parts > 12 || sum == 12);
        cpuset_free(&all);
    }
    topology_free(topology);
}

/* Ranks divide what the rules use, whatever the places are. */
static void the_whole_is_what_the_rules_use(void **state)
{
    struct compiled compiled = compile_text(
        "schema = 1\n[process]\ndistribution = \"ranks\"\n[topology]\nreserve_cpus = \"0-1\"\n[defaults]\nbind_to = \"none\"\n",
        "pack:2 numa:2 core:2 pu:1");
    struct shares shares;
    (void)state;
    assert_int_equal(compiled.result, 0);
    assert_int_equal(compiled.view.header->process_shares, 0); /* a process without a rank is not narrowed */
    assert_int_equal(shares_whole(&shares, &compiled.view), 0);
    assert_int_equal(shares.count, 1);
    assert_cpus(&shares.sets[0], "2-7");
    shares_free(&shares);
    compiled_free(&compiled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_level_and_order), cmocka_unit_test(more_places_than_a_ledger_holds),
        cmocka_unit_test(parts_of_a_set), cmocka_unit_test(the_whole_is_what_the_rules_use)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
