#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/setexpr_eval.h"
#include "policy/setexpr_host.h"
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
        {SET_DEVICE_PCI, "00000000:3B:00.0", "4-7", "1", -1}, /* as nvidia-smi prints it */
        {SET_DEVICE_GPU, "3b:00.0", "4-7", "1", -1},
        {SET_DEVICE_GPU, "00000001:AF:00.0", "12-15", "3", -1},
        {SET_DEVICE_GPU, "01:00.0", NULL, NULL, -1}, /* is a network card */
        {SET_DEVICE_GPU, "GPU-00", NULL, NULL, -1},  /* a described machine has no driver */
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

/* --- parts --- */

/* Node 2 has memory alone. Its number goes by itself, the others go with their CPUs. */
static void a_node_stays_while_any_of_its_cpus_does(void **state)
{
    struct topology *topology = load_topology(FOUR_NODES);
    struct set_scope scope = {.topology = topology, .limit = &topology->allowed, .gpu = -1};
    struct set_value value = {0}, other = {0};
    (void)state;
    cpuset_clear(&topology->nodes[2].cpus);
    assert_int_equal(numbers(&scope, SET_NODES, false, "0-2", &value), 0);
    assert_int_equal(numbers(&scope, SET_CPUS, false, "2-3,4-7", &other), 0);
    assert_int_equal(eval_without(&scope, &value, &other), 0);
    assert_value(&value, "0-1", "0,2");
    assert_int_equal(numbers(&scope, SET_NODES, false, "0-2", &value), 0);
    assert_int_equal(eval_intersect(&scope, &value, &other), 0);
    assert_value(&value, "2-7", "0-1");
    set_value_free(&other);
    assert_int_equal(numbers(&scope, SET_NODES, false, "1-2", &value), 0);
    assert_int_equal(numbers(&scope, SET_NODES, false, "2-3", &other), 0);
    assert_int_equal(eval_intersect(&scope, &value, &other), 0);
    assert_value(&value, "", "2");
    assert_int_equal(numbers(&scope, SET_NODES, false, "1-2", &value), 0);
    assert_int_equal(eval_without(&scope, &value, &other), 0);
    assert_value(&value, "4-7", "1");
    set_value_free(&other);
    topology_free(topology);
}

/* --- the driver's folder --- */

static void tell_of_gpu(const char *folder, const char *address, const char *uuid)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, address);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/%s/information", folder, address);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "Model: \t\t H100\nIRQ:   \t\t 42\nGPU UUID: \t %s\nBus Type: \t PCIe\n", uuid);
    fclose(file);
}

static void a_gpu_is_found_by_its_uuid_or_its_beginning(void **state)
{
    static const struct {
        const char *uuid, *address; /* NULL: none, or several */
    } cases[] = {{"GPU-0011aabb-1", "0000:3b:00.0"},
                 {"gpu-0011AABB-1", "0000:3b:00.0"},
                 {"GPU-0011aab", NULL},
                 {"GPU-0022", "0000:af:00.0"},
                 {"GPU-", NULL},
                 {"GPU-0033", NULL}};
    char folder[] = "/tmp/nodewise-gpus-XXXXXX", address[32], command[64], little[4];
    (void)state;
    assert_non_null(mkdtemp(folder));
    tell_of_gpu(folder, "0000:3b:00.0", "GPU-0011aabb-1");
    tell_of_gpu(folder, "0000:3c:00.0", "GPU-0011aabc-1");
    tell_of_gpu(folder, "0000:af:00.0", "GPU-00220000-1");
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        int error = host_gpu_of_uuid(folder, cases[i].uuid, address, sizeof(address));
        assert_int_equal(error, cases[i].address ? 0 : -ENODEV);
        if (error == 0)
            assert_string_equal(address, cases[i].address);
    }
    assert_int_equal(host_gpu_of_uuid(folder, "GPU-0022", little, sizeof(little)), -ENAMETOOLONG);
    assert_int_equal(host_gpu_of_uuid("/nowhere", "GPU-0022", address, sizeof(address)), -ENOENT);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpus_bring_their_nodes_and_nodes_their_cpus),
        cmocka_unit_test(all_is_what_may_be_used),
        cmocka_unit_test(a_device_is_found_by_each_of_its_names),
        cmocka_unit_test(a_node_stays_while_any_of_its_cpus_does),
        cmocka_unit_test(a_gpu_is_found_by_its_uuid_or_its_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
