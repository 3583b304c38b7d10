#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/measure/matrix.h"

#define MIB ((uint64_t)1 << 20)

static void buffers_are_larger_than_caches_and_bounded(void **state)
{
    (void)state;
    assert_true(buffer_wanted(32 * MIB) >= 4 * 32 * MIB);
    assert_true(buffer_wanted(32 * MIB) < 4 * 32 * MIB + 8 * MIB);
    assert_true(buffer_wanted(1 * MIB) >= 64 * MIB);
    assert_true(buffer_wanted(0) >= 256 * MIB);
    assert_true(buffer_wanted(UINT64_C(1) << 40) <= 1024 * MIB + 8 * MIB);
}

static void buffers_leave_most_of_what_is_free(void **state)
{
    (void)state;
    assert_int_equal(buffer_granted(132 * MIB, 4096 * MIB), 132 * MIB);
    assert_true(buffer_granted(132 * MIB, 400 * MIB) <= 100 * MIB);
    assert_true(buffer_granted(132 * MIB, 400 * MIB) > 0);
    assert_int_equal(buffer_granted(132 * MIB, 40 * MIB), 0);
}

static int64_t plenty(unsigned node)
{
    (void)node;
    return (int64_t)1 << 36;
}

static int64_t little_on_node_1(unsigned node)
{
    return node == 1 ? (int64_t)8 << 20 : plenty(node);
}

static struct topology *load(const char *text)
{
    struct diag_list diags = {0};
    struct topology *topology = NULL;
    assert_int_equal(topology_load(&topology, text, &diags), 0);
    diag_list_free(&diags);
    return topology;
}

static void what_this_process_may_not_use_says_so(void **state)
{
    struct topology *topology = load("numa:3 core:2 pu:2; allowed=0-3,8-9; mems=0,1");
    struct sites sites;
    (void)state;
    assert_int_equal(sites_make(&sites, topology, little_on_node_1), 0);
    assert_string_equal(sites.items[0].cpus.why, "");
    assert_string_equal(sites.items[0].memory.why, "");
    assert_int_equal(cpuset_weight(&sites.items[0].cores), 2); /* one of each core */
    assert_int_equal(cpuset_weight(&sites.items[2].cores), 1);
    assert_string_equal(sites.items[1].cpus.why, "gives this process none of its CPUs (affinity or cpuset)");
    assert_string_equal(sites.items[1].memory.why, "has too little memory free (8 MiB)");
    assert_string_equal(sites.items[2].memory.why, "gives this process no memory (cpuset)");
    assert_false(sites.items[1].cpus.is_lasting || sites.items[1].memory.is_lasting ||
                 sites.items[2].memory.is_lasting);
    sites_free(&sites);
    topology_free(topology);
}

static void nodes_without_cpus_or_memory_are_half_measured(void **state)
{
    struct topology *topology = load("numa:3 core:2 pu:1");
    struct sites sites;
    (void)state;
    topology->nodes[1].memory = 0;
    topology->nodes[1].memory_allowed = false;
    cpuset_clear(&topology->nodes[2].cpus);
    cpuset_clear(&topology->places[LEVEL_NODE][2].cpus);
    assert_int_equal(sites_make(&sites, topology, plenty), 0);
    assert_string_equal(sites.items[1].memory.why, "has no memory");
    assert_string_equal(sites.items[1].cpus.why, "");
    assert_string_equal(sites.items[2].cpus.why, "has no CPUs");
    assert_string_equal(sites.items[2].memory.why, "");
    assert_true(sites.items[1].memory.is_lasting && sites.items[2].cpus.is_lasting);
    sites_free(&sites);
    topology_free(topology);
}

/* Of ten nodes, with the latency to node n of 100 + n from each. */
static void large_machines_measure_bandwidth_to_the_nearest_and_farthest(void **state)
{
    struct cell latency[100] = {0};
    struct matrix matrix = {.latency = latency, .sites = {.count = 10}};
    bool chosen[10];
    (void)state;
    for (size_t i = 0; i < 100; i++)
        samples_add(&latency[i].samples, 100 + (double)(i % 10));
    matrix_choose(&matrix, 4, chosen);
    for (size_t to = 0; to < 10; to++)
        assert_int_equal(chosen[to], to == 4 || to == 0 || to == 9);
    matrix.all = true;
    matrix_choose(&matrix, 4, chosen);
    assert_true(chosen[5]);
    matrix = (struct matrix){.latency = latency, .sites = {.count = BANDWIDTH_NODES}};
    matrix_choose(&matrix, 4, chosen);
    assert_true(chosen[5]);
}

/* A pair that the machine has and that is not measured would leave a distance that means something else. */
static void distances_need_each_pair_that_there_is(void **state)
{
    struct cell latency[4] = {0};
    struct matrix matrix = {.latency = latency, .sites = {.count = 2}};
    uint32_t *distances;
    (void)state;
    samples_add(&latency[0].samples, 100);
    samples_add(&latency[1].samples, 200);
    latency[2].lack.is_lasting = latency[3].lack.is_lasting = true;
    assert_int_equal(matrix_distances(&distances, &matrix), 0);
    assert_int_equal(distances[1], 20);
    assert_int_equal(distances[2], 20);
    free(distances);
    latency[2].lack.is_lasting = false;
    assert_int_equal(matrix_distances(&distances, &matrix), -ENODATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_are_larger_than_caches_and_bounded),
        cmocka_unit_test(buffers_leave_most_of_what_is_free),
        cmocka_unit_test(what_this_process_may_not_use_says_so),
        cmocka_unit_test(nodes_without_cpus_or_memory_are_half_measured),
        cmocka_unit_test(large_machines_measure_bandwidth_to_the_nearest_and_farthest),
        cmocka_unit_test(distances_need_each_pair_that_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
