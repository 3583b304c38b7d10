#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/setexpr_eval.h"
#include "tests/unit/policy/fixture.h"

#define FOUR_NODES "pack:2 numa:2 l3:1 core:2 pu:2" /* 16 CPUs: node n has 4n .. 4n+3 */

static void assert_value(struct set_value *value, const char *cpus, const char *nodes)
{
    assert_cpus(&value->cpus, cpus);
    assert_cpus(&value->nodes, nodes);
    set_value_free(value);
    *value = (struct set_value){0};
}

static int numbers(const struct set_scope *scope, enum set_unit unit, bool relative, const char *ids,
                   struct set_value *ret_value)
{
    struct cpuset set = CPUSET_EMPTY;
    assert_int_equal(cpuset_parse_list(&set, ids, NULL), 0);
    int error = eval_numbers(scope, unit, relative, &set, ret_value);
    cpuset_free(&set);
    return error;
}

static void cpus_bring_their_nodes_and_nodes_their_cpus(void **state)
{
    struct topology *topology = load_topology(FOUR_NODES);
    struct set_scope scope = {.topology = topology, .limit = &topology->allowed, .gpu = -1};
    struct set_value value = {0};
    (void)state;
    assert_int_equal(numbers(&scope, SET_CPUS, false, "3-4,15", &value), 0);
    assert_value(&value, "3-4,15", "0-1,3");
    assert_int_equal(numbers(&scope, SET_NODES, false, "1,3", &value), 0);
    assert_value(&value, "4-7,12-15", "1,3");
    assert_int_equal(numbers(&scope, SET_CPUS, true, "0,15", &value), 0);
    assert_value(&value, "0,15", "0,3");
    topology_free(topology);
}

/* Node 0 has no CPU that may be used, node 3 no memory: a thread or memory may still be on three of them. */
static void all_is_what_may_be_used(void **state)
{
    struct topology *topology = load_topology(FOUR_NODES "; allowed=5-15; mems=1-2");
    struct set_scope scope = {.topology = topology, .limit = &topology->allowed, .gpu = -1};
    struct set_value value = {0};
    (void)state;
    assert_int_equal(eval_word(&scope, SET_WORD_ALL, &value), 0);
    assert_cpus(&value.nodes, "1-3");
    assert_int_equal(eval_invert(&scope, SET_NODES, &value), 0);
    assert_value(&value, "", "");
    assert_int_equal(eval_word(&scope, SET_WORD_LOCAL, &value), 0);
    assert_value(&value, "5-15", "1-3");
    assert_int_equal(numbers(&scope, SET_NODES, true, "0", &value), 0);
    assert_value(&value, "4-7", "1");
    topology_free(topology);
}

/* --- devices --- */

/* Two GPUs, the first of which shows as two devices behind one PCI function, and a network card. */
static void add_devices(struct topology *topology)
{
    static const struct {
        enum device_kind kind;
        const char *name, *pci;
        unsigned node;
    } devices[] = {{DEVICE_GPU, "card0", "0000:3b:00.0", 1},
                   {DEVICE_GPU, "renderD128", "0000:3b:00.0", 1},
                   {DEVICE_NETDEV, "eth0", "0000:01:00.0", 0},
                   {DEVICE_GPU, "card1", "0001:af:00.0", 3}};
    const size_t count = sizeof(devices) / sizeof(*devices);
    topology->devices = calloc(count, sizeof(*topology->devices));
    assert_non_null(topology->devices);
    topology->device_count = count;
    for (size_t i = 0; i < count; i++) {
        struct device *device = &topology->devices[i];
        device->kind = devices[i].kind;
        device->name = strdup(devices[i].name);
        device->pci = strdup(devices[i].pci);
        cpuset_add_range(&device->cpus, 4 * devices[i].node, 4 * devices[i].node + 3);
        cpuset_add(&device->nodes, devices[i].node);
    }
}

static void a_device_is_found_by_each_of_its_names(void **state)
{
    static const struct {
        enum set_device kind;
        const char *name, *cpus, *nodes; /* NULL: there is none */
        int gpu;
    } cases[] = {
        {SET_DEVICE_NETDEV, "eth0", "0-3", "0", -1},
        {SET_DEVICE_NETDEV, "card0", NULL, NULL, -1},
        {SET_DEVICE_BLOCK, "eth0", NULL, NULL, -1},
        {SET_DEVICE_PCI, "0000:3B:00.0", "4-7", "1", -1},
        {SET_DEVICE_PCI, "3b:00.0", "4-7", "1", -1},
        {SET_DEVICE_PCI, "af:00.0", NULL, NULL, -1}, /* of another domain */
        {SET_DEVICE_PCI, "0001:af:00.0", "12-15", "3", -1},
        {SET_DEVICE_GPU, "card1", "12-15", "3", -1},
        {SET_DEVICE_GPU, "0", "4-7", "1", -1},
        {SET_DEVICE_GPU, "1", "12-15", "3", -1}, /* one function is one GPU */
        {SET_DEVICE_GPU, "2", NULL, NULL, -1},
        {SET_DEVICE_GPU, "auto", "4-7,12-15", "1,3", -1},
        {SET_DEVICE_GPU, "auto", "4-7", "1", 0},
        {SET_DEVICE_GPU, "auto", "12-15", "3", 1},
        {SET_DEVICE_GPU, "auto", "4-7", "1", 2}, /* more ranks than GPUs: in turn */
        {SET_DEVICE_GPU, "auto", "12-15", "3", 7},
        {SET_DEVICE_FILE, "/", NULL, NULL, -1}, /* a described machine has no files */
    };
    struct topology *topology = load_topology(FOUR_NODES);
    (void)state;
    add_devices(topology);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct set_scope scope = {.topology = topology, .limit = &topology->allowed, .gpu = cases[i].gpu};
        struct set_value value = {0};
        int error = eval_device(&scope, cases[i].kind, cases[i].name, &value);
        if (error != (cases[i].cpus ? 0 : -ENODEV))
            fail_msg("case %zu, %s: %d", i, cases[i].name, error);
        assert_value(&value, cases[i].cpus ? cases[i].cpus : "", cases[i].nodes ? cases[i].nodes : "");
    }
    topology_free(topology);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpus_bring_their_nodes_and_nodes_their_cpus),
        cmocka_unit_test(all_is_what_may_be_used),
        cmocka_unit_test(a_device_is_found_by_each_of_its_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
