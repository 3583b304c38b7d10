#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/prepare/cpu_bar.h"

#define CPUS 1024u

static struct plan_cpu cpus[CPUS];

/* Nodes of caches of cores of threads; the second thread of each core has a number behind all first ones. */
static struct plan_view machine(unsigned nodes, unsigned caches, unsigned cores, unsigned threads)
{
    unsigned count = nodes * caches * cores;
    for (unsigned id = 0; id < CPUS; id++)
        cpus[id] = (struct plan_cpu){.node = PLAN_NONE};
    for (unsigned id = 0; id < count * threads; id++) {
        unsigned core = id % count;
        cpus[id] = (struct plan_cpu){.node = core / (caches * cores), .l3 = core / cores, .core = core};
    }
    struct plan_view plan = {.cpus = cpus};
    plan.count[PLAN_CPUS] = count * threads;
    return plan;
}

static void assert_bar(const struct plan_view *plan, const char *list, const char *bar)
{
    struct cpuset set = CPUSET_EMPTY;
    assert_int_equal(cpuset_parse_list(&set, list, NULL), 0);
    char *text = cpu_bar(plan, &set);
    assert_string_equal(text, bar);
    free(text);
    cpuset_free(&set);
}

static void nodes_are_set_apart_and_hardware_threads_of_a_core_stand_together(void **state)
{
    (void)state;
    struct plan_view plan = machine(2, 1, 2, 2);
    assert_bar(&plan, "0,4", "[##..|....]");
    assert_bar(&plan, "3", "[....|..#.]");
    assert_bar(&plan, "", "[....|....]");
    assert_bar(&plan, "0-7", "[####|####]");
}

static void a_large_machine_has_a_sign_for_each_core_then_cache_then_node(void **state)
{
    (void)state;
    struct plan_view plan = machine(2, 2, 16, 2); /* 128 CPUs, 64 cores */
    assert_bar(&plan, "0,64,1,33", "[#+..............................|.+..............................]");
    plan = machine(2, 4, 16, 2); /* 128 cores, 8 caches */
    assert_bar(&plan, "0-15,128-143,16", "[#+..|....]");
    plan = machine(128, 1, 1, 2); /* a cache in each node */
    char bar[131];
    memset(bar, '.', sizeof(bar));
    memcpy(bar, "[#+", 3);
    memcpy(bar + 129, "]", 2);
    assert_bar(&plan, "0,128,1", bar);
}

static void cpus_that_are_not_there_have_no_sign(void **state)
{
    (void)state;
    struct plan_view plan = machine(1, 1, 4, 1);
    cpus[1].node = PLAN_NONE;
    assert_bar(&plan, "0,2", "[##.]");
    plan.count[PLAN_CPUS] = 0;
    assert_bar(&plan, "0", "[]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_set_apart_and_hardware_threads_of_a_core_stand_together),
        cmocka_unit_test(a_large_machine_has_a_sign_for_each_core_then_cache_then_node),
        cmocka_unit_test(cpus_that_are_not_there_have_no_sign),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
