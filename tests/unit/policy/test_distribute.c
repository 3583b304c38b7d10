#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/distribute.h"
#include "tests/unit/policy/fixture.h"

/* Slots as text: "0-3 | 4-7", each with "/N" for its capacity where `capacities` is set. */
static char *slots_of(const char *machine, const struct dist_request *base, const char *set_list, const char *main_list,
                      bool capacities)
{
    static char text[4096];
    struct topology *topology = load_topology(machine);
    struct cpuset set = CPUSET_EMPTY, main_at = CPUSET_EMPTY;
    struct dist_request request = *base;
    struct dist_slots slots;
    size_t length = 0;
    assert_int_equal(cpuset_parse_list(&set, set_list, NULL), 0);
    request.topology = topology;
    request.set = &set;
    if (main_list) {
        assert_int_equal(cpuset_parse_list(&main_at, main_list, NULL), 0);
        request.main_at = &main_at;
    }
    assert_int_equal(distribute(&slots, &request), 0);
    assert_true(slots.count > 0);
    text[0] = '\0';
    for (size_t i = 0; i < slots.count; i++) {
        char *cpus = cpuset_to_string(&slots.items[i].mask);
        assert_true(cpuset_is_subset(&slots.items[i].mask, &set));
        assert_true(cpuset_is_subset(&slots.items[i].mask, &slots.items[i].claim));
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s", i ? " | " : "", cpus);
        if (capacities)
            length += (size_t)snprintf(text + length, sizeof(text) - length, "/%u", slots.items[i].capacity);
        free(cpus);
    }
    dist_slots_free(&slots);
    cpuset_free(&set);
    cpuset_free(&main_at);
    topology_free(topology);
    return text;
}

#define TWO_SOCKETS "pack:2 numa:2 l3:1 core:2 pu:1" /* 8 CPUs, nodes of 2 */
#define SMT         "pack:1 numa:1 l3:1 core:4 pu:2" /* 8 CPUs, cores 0-1 2-3 4-5 6-7 */
#define CHIPLET     "pack:1 numa:1 l3:4 core:2 pu:1" /* 8 CPUs, caches of 2 */

static void order_follows_the_words(void **state)
{
    static const struct {
        const char *what, *machine;
        enum distribution distribution;
        enum level level, bind_to;
        enum smt smt;
        const char *set, *main_at, *slots;
    } cases[] = {
        {"compact fills one node before the next", TWO_SOCKETS, DIST_COMPACT, LEVEL_NODE, LEVEL_CPU, SMT_CORES_FIRST,
         "0-7", NULL, "0 | 1 | 2 | 3 | 4 | 5 | 6 | 7"},
        {"compact begins at the main thread, then the nearest", TWO_SOCKETS, DIST_COMPACT, LEVEL_NODE, LEVEL_CPU,
         SMT_CORES_FIRST, "0-7", "5", "4 | 5 | 6 | 7 | 0 | 1 | 2 | 3"},
        {"scatter spreads over packages before nodes", TWO_SOCKETS, DIST_SCATTER, LEVEL_NODE, LEVEL_NODE,
         SMT_CORES_FIRST, "0-7", NULL, "0-1 | 4-5 | 2-3 | 6-7"},
        {"scatter spreads over packages before cores", TWO_SOCKETS, DIST_SCATTER, LEVEL_CPU, LEVEL_CPU, SMT_CORES_FIRST,
         "0-7", NULL, "0 | 4 | 2 | 6 | 1 | 5 | 3 | 7"},
        {"round robin takes the nodes in order", TWO_SOCKETS, DIST_ROUND_ROBIN, LEVEL_NODE, LEVEL_CPU, SMT_CORES_FIRST,
         "0-7", NULL, "0 | 2 | 4 | 6 | 1 | 3 | 5 | 7"},
        {"least loaded has one slot a place", TWO_SOCKETS, DIST_LEAST_LOADED, LEVEL_NODE, LEVEL_NODE, SMT_CORES_FIRST,
         "0-7", NULL, "0-1 | 2-3 | 4-5 | 6-7"},
        {"primary is one place", TWO_SOCKETS, DIST_PRIMARY, LEVEL_NODE, LEVEL_NODE, SMT_CORES_FIRST, "0-7", "6", "6-7"},
        {"a wider binding than the walk", TWO_SOCKETS, DIST_COMPACT, LEVEL_NODE, LEVEL_SOCKET, SMT_CORES_FIRST, "0-7",
         NULL, "0-3 | 0-3 | 4-7 | 4-7"},
        {"no binding is one place", TWO_SOCKETS, DIST_SCATTER, LEVEL_NODE, LEVEL_NONE, SMT_CORES_FIRST, "1-6", NULL,
         "1-6"},
        {"a part of a node stays a part", TWO_SOCKETS, DIST_COMPACT, LEVEL_NODE, LEVEL_NODE, SMT_CORES_FIRST, "1-4",
         NULL, "1 | 2-3 | 4"},
        {"cores first", SMT, DIST_COMPACT, LEVEL_NODE, LEVEL_CPU, SMT_CORES_FIRST, "0-7", NULL,
         "0 | 2 | 4 | 6 | 1 | 3 | 5 | 7"},
        {"cores first, also where CPUs are walked over", SMT, DIST_COMPACT, LEVEL_CPU, LEVEL_CPU, SMT_CORES_FIRST,
         "0-7", NULL, "0 | 2 | 4 | 6 | 1 | 3 | 5 | 7"},
        {"cores first, also with a whole core to each", SMT, DIST_ROUND_ROBIN, LEVEL_CPU, LEVEL_CORE, SMT_CORES_FIRST,
         "0-7", NULL, "0-1 | 2-3 | 4-5 | 6-7 | 0-1 | 2-3 | 4-5 | 6-7"},
        {"all threads in the machine's order", SMT, DIST_COMPACT, LEVEL_NODE, LEVEL_CPU, SMT_ALLOW, "0-7", NULL,
         "0 | 1 | 2 | 3 | 4 | 5 | 6 | 7"},
        {"one thread a core", SMT, DIST_COMPACT, LEVEL_NODE, LEVEL_CPU, SMT_ONE_PER_CORE, "0-7", NULL, "0 | 2 | 4 | 6"},
        {"the thread that the set has of a core", SMT, DIST_COMPACT, LEVEL_NODE, LEVEL_CPU, SMT_ONE_PER_CORE, "1-7",
         NULL, "1 | 2 | 4 | 6"},
        {"a core holds its threads", SMT, DIST_COMPACT, LEVEL_NODE, LEVEL_CORE, SMT_CORES_FIRST, "0-7", NULL,
         "0-1 | 2-3 | 4-5 | 6-7"},
        {"caches one after the other", CHIPLET, DIST_COMPACT, LEVEL_L3, LEVEL_CORE, SMT_CORES_FIRST, "0-7", "4",
         "4 | 5 | 0 | 1 | 2 | 3 | 6 | 7"},
        {"caches in turn", CHIPLET, DIST_ROUND_ROBIN, LEVEL_L3, LEVEL_CORE, SMT_CORES_FIRST, "0-7", NULL,
         "0 | 2 | 4 | 6 | 1 | 3 | 5 | 7"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct dist_request request = {.distribution = cases[i].distribution,
                                       .level = cases[i].level,
                                       .bind_to = cases[i].bind_to,
                                       .smt = cases[i].smt};
        const char *got = slots_of(cases[i].machine, &request, cases[i].set, cases[i].main_at, false);
        if (strcmp(got, cases[i].slots) != 0)
            fail_msg("%s: %s instead of %s", cases[i].what, got, cases[i].slots);
    }
}

static void primary_has_all_places_where_threads_may_leave(void **state)
{
    struct dist_request request = {
        .distribution = DIST_PRIMARY, .level = LEVEL_NODE, .bind_to = LEVEL_NODE, .leaves = true};
    (void)state;
    assert_string_equal(slots_of(TWO_SOCKETS, &request, "0-7", "6", false), "6-7 | 4-5 | 0-1 | 2-3");
}

static void capacity_is_the_cpus_of_the_place(void **state)
{
    struct dist_request request = {.distribution = DIST_COMPACT, .level = LEVEL_NODE, .bind_to = LEVEL_NODE};
    (void)state;
    assert_string_equal(slots_of(TWO_SOCKETS, &request, "0-4", NULL, true), "0-1/2 | 2-3/2 | 4/1");
    request.exclusive = true;
    assert_string_equal(slots_of(TWO_SOCKETS, &request, "0-4", NULL, true), "0-1/1 | 2-3/1 | 4/1");
    request = (struct dist_request){
        .distribution = DIST_COMPACT, .level = LEVEL_NODE, .bind_to = LEVEL_NODE, .smt = SMT_ONE_PER_CORE};
    assert_string_equal(slots_of(SMT, &request, "0-7", NULL, true), "0,2,4,6/4");
}

/* Who wants to be alone on a core, or on one CPU of each core, has no neighbour on its other hardware thread. */
static void an_exclusive_core_is_claimed_whole(void **state)
{
    static const struct {
        enum level bind_to;
        enum smt smt;
        bool exclusive;
        const char *mask, *claim; /* of the first slot */
    } cases[] = {
        {LEVEL_CORE, SMT_ALLOW, true, "0", "0-1"},
        {LEVEL_CPU, SMT_ONE_PER_CORE, true, "0", "0-1"},
        {LEVEL_CPU, SMT_ALLOW, true, "0", "0"},
        {LEVEL_CORE, SMT_ALLOW, false, "0", "0"},
    };
    struct topology *topology = load_topology(SMT);
    struct cpuset set = CPUSET_EMPTY;
    (void)state;
    assert_int_equal(cpuset_parse_list(&set, "0,2-7", NULL), 0); /* CPU 1 is not the rule's */
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct dist_request request = {.topology = topology,
                                       .set = &set,
                                       .distribution = DIST_COMPACT,
                                       .level = LEVEL_CORE,
                                       .bind_to = cases[i].bind_to,
                                       .smt = cases[i].smt,
                                       .exclusive = cases[i].exclusive};
        struct dist_slots slots;
        assert_int_equal(distribute(&slots, &request), 0);
        assert_cpus(&slots.items[0].mask, cases[i].mask);
        assert_cpus(&slots.items[0].claim, cases[i].claim);
        dist_slots_free(&slots);
    }
    cpuset_free(&set);
    topology_free(topology);
}

static void a_large_machine_is_no_matter_of_minutes(void **state)
{
    struct dist_request request = {.distribution = DIST_SCATTER, .level = LEVEL_CPU, .bind_to = LEVEL_CPU};
    struct topology *topology = load_topology("pack:8 numa:1 l3:8 core:16 pu:4");
    struct dist_slots slots;
    (void)state;
    request.topology = topology;
    request.set = &topology->cpus;
    assert_int_equal(distribute(&slots, &request), 0);
    assert_int_equal(slots.count, 4096);
    for (size_t i = 0; i < 8; i++) /* the first eight are on eight packages */
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(cpuset_first(&slots.items[i].mask) / 512, cpuset_first(&slots.items[k].mask) / 512);
    dist_slots_free(&slots);
    topology_free(topology);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_follows_the_words),
        cmocka_unit_test(primary_has_all_places_where_threads_may_leave),
        cmocka_unit_test(capacity_is_the_cpus_of_the_place),
        cmocka_unit_test(an_exclusive_core_is_claimed_whole),
        cmocka_unit_test(a_large_machine_is_no_matter_of_minutes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
