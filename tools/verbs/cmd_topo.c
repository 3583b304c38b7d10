#include <stdlib.h>
#include <string.h>

#include "config/json_text.h"
#include "config/printable.h"
#include "tools/common/cli.h"
#include "tools/common/option_error.h"
#include "tools/prepare/options.h"
#include "tools/verbs/verbs.h"

const char topo_help[] =
    "  -f, --format text|json|xml  text (default), or xml: hwloc's, for --topology elsewhere\n" HELP_TOPOLOGY HELP_JSON;

static json_t *set_json(const struct cpuset *set)
{
    char *text = cpuset_to_string(set);
    json_t *value = json_string(text ? text : "");
    free(text);
    return value;
}

static const char *device_word(enum device_kind kind)
{
    static const char *const words[] = {[DEVICE_NETDEV] = "netdev",
                                        [DEVICE_BLOCK] = "block",
                                        [DEVICE_GPU] = "gpu",
                                        [DEVICE_PCI] = "pci",
                                        [DEVICE_OTHER] = "other"};
    return words[kind];
}

/* --- JSON --- */

static json_t *places_json(const struct topology *topology, enum level level)
{
    json_t *places = json_array();
    for (size_t i = 0; i < topology->place_count[level]; i++)
        json_array_append_new(places, json_pack("{s:i, s:o}", "id", (int)topology->places[level][i].id, "cpus",
                                                set_json(&topology->places[level][i].cpus)));
    return places;
}

static json_t *nodes_json(const struct topology *topology)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < topology->node_count; i++) {
        const struct topo_node *node = &topology->nodes[i];
        json_t *distances = json_array();
        for (size_t k = 0; k < topology->node_count; k++)
            json_array_append_new(distances, json_integer(topology->distances[i * topology->node_count + k]));
        json_array_append_new(nodes, json_pack("{s:i, s:o, s:I, s:b, s:o}", "id", (int)node->id, "cpus",
                                               set_json(&node->cpus), "memory_bytes", (json_int_t)node->memory,
                                               "memory_allowed", node->memory_allowed, "distances", distances));
    }
    return nodes;
}

static json_t *devices_json(const struct topology *topology)
{
    json_t *devices = json_array();
    for (size_t i = 0; i < topology->device_count; i++) {
        const struct device *device = &topology->devices[i];
        json_array_append_new(devices, json_pack("{s:s, s:o, s:o, s:o, s:o}", "kind", device_word(device->kind), "name",
                                                 json_any_text(device->name), "pci", json_any_text(device->pci), "cpus",
                                                 set_json(&device->cpus), "nodes", set_json(&device->nodes)));
    }
    return devices;
}

static int print_topology_json(const struct topology *topology)
{
    return print_json(stdout, json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "nodewise_topology", 1,
                                        "source", json_any_text(topology->source), "cpus", set_json(&topology->cpus),
                                        "allowed", set_json(&topology->allowed), "isolated",
                                        set_json(&topology->isolated), "nodes", nodes_json(topology), "sockets",
                                        places_json(topology, LEVEL_SOCKET), "l3", places_json(topology, LEVEL_L3),
                                        "cores", places_json(topology, LEVEL_CORE), "devices", devices_json(topology)));
}

/* --- text --- */

static void print_nodes(const struct topology *topology)
{
    static const char *const headings[] = {"NODE", "CPUS", "MEMORY", "DISTANCES"};
    struct table *table = table_new(headings, 4);
    for (size_t i = 0; i < topology->node_count; i++) {
        const struct topo_node *node = &topology->nodes[i];
        char id[16], memory[48], distances[1024] = "";
        char *cpus = cpuset_to_string(&node->cpus);
        snprintf(id, sizeof(id), "%u", node->id);
        snprintf(memory, sizeof(memory), "%.1f GiB%s", (double)node->memory / (1 << 30),
                 node->memory && !node->memory_allowed ? " (not allowed)" : "");
        for (size_t k = 0, at = 0; k < topology->node_count && at + 12 < sizeof(distances); k++)
            at += (size_t)snprintf(distances + at, sizeof(distances) - at, "%s%u", k ? " " : "",
                                   topology->distances[i * topology->node_count + k]);
        const char *const cells[] = {id, cpus && *cpus ? cpus : "none", node->memory ? memory : "none", distances};
        table_row(table, cells);
        free(cpus);
    }
    table_print(stdout, table);
}

/* "0-7 | 8-15": the places of a level, as many as a line takes. */
static void print_places(const struct topology *topology, enum level level, const char *label)
{
    unsigned width = width_of(stdout), used = (unsigned)printf("%-8s %zu: ", label, topology->place_count[level]);
    for (size_t i = 0; i < topology->place_count[level]; i++) {
        char *cpus = cpuset_to_string(&topology->places[level][i].cpus);
        unsigned length = (unsigned)(cpus ? strlen(cpus) : 0) + 3;
        if (i > 0 && used + length + 4 > width) {
            printf(" | …");
            free(cpus);
            break;
        }
        used += (unsigned)printf("%s%s", i ? " | " : "", cpus ? cpus : "");
        free(cpus);
    }
    putchar('\n');
}

static void print_devices(const struct topology *topology)
{
    static const char *const headings[] = {"DEVICE", "PCI", "NODES", "CPUS"};
    struct table *table = table_new(headings, 4);
    for (size_t i = 0; i < topology->device_count; i++) {
        const struct device *device = &topology->devices[i];
        char name[300];
        char *cpus = cpuset_to_string(&device->cpus), *nodes = cpuset_to_string(&device->nodes);
        snprintf(name, sizeof(name), "%s:%s", device_word(device->kind), *device->name ? device->name : device->pci);
        const char *const cells[] = {name, device->pci, nodes, cpus};
        table_row(table, cells);
        free(cpus);
        free(nodes);
    }
    table_print(stdout, table);
}

/* Kinds of cores, where the machine has several. */
static void print_kinds(const struct topology *topology)
{
    struct cpuset kinds[3] = {CPUSET_EMPTY, CPUSET_EMPTY, CPUSET_EMPTY};
    for (size_t i = 0; i < topology->cpu_count; i++)
        cpuset_add(&kinds[topology->cpu[i].kind], topology->cpu[i].id);
    for (int kind = CORE_KIND_EFFICIENT; kind <= CORE_KIND_PERFORMANCE; kind++) {
        char *cpus = cpuset_to_string(&kinds[kind]);
        if (cpus && *cpus)
            printf("%-8s %s\n", kind == CORE_KIND_PERFORMANCE ? "perf" : "eff", cpus);
        free(cpus);
    }
    for (int kind = 0; kind < 3; kind++)
        cpuset_free(&kinds[kind]);
}

static int print_topology_text(const struct topology *topology)
{
    char *cpus = cpuset_to_string(&topology->cpus), *allowed = cpuset_to_string(&topology->allowed);
    char *isolated = cpuset_to_string(&topology->isolated);
    printf("%s: %u CPUs (%s)", printable(topology->source), cpuset_weight(&topology->cpus), cpus ? cpus : "");
    if (!cpuset_equal(&topology->cpus, &topology->allowed))
        printf(", allowed here: %s", allowed ? allowed : "");
    if (isolated && *isolated)
        printf(", isolated: %s", isolated);
    printf("\n\n");
    print_nodes(topology);
    putchar('\n');
    print_places(topology, LEVEL_SOCKET, "sockets");
    print_places(topology, LEVEL_L3, "l3");
    print_places(topology, LEVEL_CORE, "cores");
    print_kinds(topology);
    if (topology->device_count) {
        putchar('\n');
        print_devices(topology);
    }
    free(cpus);
    free(allowed);
    free(isolated);
    return EXIT_OK;
}

static int print_xml(const char *name, struct diag_list *diags)
{
    char *xml = NULL;
    if (name)
        return usage_error("topo", "-f xml is for this machine: it takes no --topology");
    if (topology_export_xml(&xml, diags) < 0)
        return EXIT_MACHINE;
    fputs(xml, stdout);
    free(xml);
    return EXIT_OK;
}

int cmd_topo(int argc, char **argv)
{
    static const struct option long_options[] = {
        OPTIONS_TOPOLOGY, OPTIONS_JSON, {"format", required_argument, NULL, 'f'}, {0}};
    struct policy_options options = {0};
    struct diag_list diags = {0};
    struct topology *topology = NULL;
    const char *format = "text";
    bool json = false;
    int option, status = EXIT_OK;
    while ((option = getopt_long(argc, argv, "f:", long_options, NULL)) != -1) {
        if (option == 'f')
            format = optarg;
        else if (!take_policy_option(&options, option, &json))
            return option_error("topo", argv, long_options);
    }
    if (json)
        format = "json";
    bool xml = strcmp(format, "xml") == 0;
    if (optind < argc)
        return usage_error("topo", "unexpected argument \"%s\"", argv[optind]);
    if (!xml && strcmp(format, "text") != 0 && strcmp(format, "json") != 0)
        return usage_error("topo", "the formats are text, json and xml, not \"%s\"", format);
    if (xml)
        status = print_xml(options.topology, &diags);
    else if (topology_load(&topology, options.topology, &diags) < 0)
        status = EXIT_BAD_INPUT;
    else
        status = strcmp(format, "json") == 0 ? print_topology_json(topology) : print_topology_text(topology);
    diag_print(stderr, &diags, NULL, (struct print_style){.colour = wants_colour(stderr)});
    topology_free(topology);
    diag_list_free(&diags);
    return finish_output(status);
}
