#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/json_text.h"
#include "config/printable.h"
#include "config/units.h"
#include "policy/measured.h"
#include "tools/common/cli.h"
#include "tools/common/option_error.h"
#include "tools/measure/measuring.h"
#include "tools/prepare/options.h"
#include "tools/verbs/verbs.h"

const char topo_help[] =
    "  FILE                show again what --measure -f json wrote there\n"
    "  -f, --format text|json|xml|svg  text (default), or xml: hwloc's, for --topology elsewhere; svg: of --measure\n"
    "  --measure           measure latency and bandwidth from each node's CPUs to each node's memory\n"
    "  --all               bandwidth of all pairs; else, of more than 8 nodes, to the own, the nearest and the\n"
    "                      farthest memory\n"
    "  --budget TIME       begin nothing more after this time, 5m by default\n"
    "  --save              keep the measured distances for this machine: they are taken where the firmware's are\n"
    "                      the same for all other nodes\n"
    "  -o, --output FILE   write what was measured there\n" HELP_TOPOLOGY HELP_JSON;

#define BUDGET 300.0 /* seconds */

enum { OPTION_MEASURE = OPTION_VERB, OPTION_ALL, OPTION_BUDGET, OPTION_SAVE };

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

/* --- where distances are from --- */

static const char *distances_word(const struct topology *topology)
{
    return *topology->measured.when ? "measured" : topology->distances_assumed ? "assumed" : "firmware";
}

/* Why the file with measured ones was not taken; NULL: it was, or there is none. */
static const char *not_taken(const struct topology *topology)
{
    switch (topology->measured.error) {
    case 0:
        return NULL;
    case -ESTALE:
        return "it is of other nodes, other CPUs or another CPU model";
    case -EEXIST:
        return "the firmware's distances tell nodes apart";
    case -EPERM:
        return "it is another user's, or another user can write to it";
    case -EPROTO:
        return "it is damaged";
    case -EINVAL:
    case -ELOOP:
        return "it is no regular file of a possible size";
    default:
        return strerror(-topology->measured.error);
    }
}

static json_t *distances_json(const struct topology *topology)
{
    const struct measured_state *measured = &topology->measured;
    const char *why = not_taken(topology);
    return json_pack("{s:s, s:o, s:o, s:o}", "from", distances_word(topology), "measured",
                     *measured->when ? json_string(measured->when) : json_null(), "file",
                     measured->file ? json_any_text(measured->file) : json_null(), "not_taken",
                     why ? json_string(why) : json_null());
}

/* Of two nodes there is one distance: nothing is to be told apart. */
static void print_distances_from(const struct topology *topology)
{
    const struct measured_state *measured = &topology->measured;
    if (*measured->when)
        printf("distances measured %s (%s)\n", measured->when, printable(measured->file));
    else if (measured->file)
        printf("%s is not taken: %s\n", printable(measured->file), not_taken(topology));
    else if (topology->is_this_machine && topology->node_count > 2 && topology->distances_assumed)
        puts("distances assumed: the firmware tells none; `nodewise topo --measure --save` measures them");
    else if (topology->is_this_machine && topology->node_count > 2 && distances_are_flat(topology))
        puts("distances alike: the firmware's tell no node apart; `nodewise topo --measure --save` measures them");
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
    return print_json(stdout,
                      json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "nodewise_topology", 1,
                                "source", json_any_text(topology->source), "cpus", set_json(&topology->cpus), "allowed",
                                set_json(&topology->allowed), "isolated", set_json(&topology->isolated), "nodes",
                                nodes_json(topology), "distances", distances_json(topology), "sockets",
                                places_json(topology, LEVEL_SOCKET), "l3", places_json(topology, LEVEL_L3), "cores",
                                places_json(topology, LEVEL_CORE), "devices", devices_json(topology)));
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
    print_distances_from(topology);
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

/* --- options --- */

struct request {
    struct policy_options options;
    struct measuring measuring;
    const char *format;
    bool measure, json;
};

static int take_budget(struct request *request)
{
    uint64_t microseconds;
    if (parse_duration(optarg, &microseconds) < 0 || microseconds == 0)
        return usage_error("topo", "--budget takes a time, as in 90s or 5m, not \"%s\"", optarg);
    request->measuring.budget = (double)microseconds / 1e6;
    return EXIT_OK;
}

static int take_option(struct request *request, int option, char **argv, const struct option *known)
{
    switch (option) {
    case 'f':
        request->format = optarg;
        return EXIT_OK;
    case 'o':
        return take_output("topo", "-o", &request->measuring.output);
    case OPTION_MEASURE:
        request->measure = true;
        return EXIT_OK;
    case OPTION_ALL:
        request->measuring.all = true;
        return EXIT_OK;
    case OPTION_SAVE:
        request->measuring.save = true;
        return EXIT_OK;
    case OPTION_BUDGET:
        return take_budget(request);
    default:
        return take_policy_option(&request->options, option, &request->json) ? EXIT_OK
                                                                             : option_error("topo", argv, known);
    }
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

static int check_measuring(const struct request *request)
{
    static const char *const formats[] = {"text", "json", "svg", NULL};
    if (request->options.topology)
        return usage_error("topo", "--measure is for this machine: it takes no --topology");
    if (!is_one_of(request->format, formats))
        return usage_error("topo", "the formats of --measure are text, json and svg, not \"%s\"", request->format);
    if (request->measure && request->measuring.file)
        return usage_error("topo", "unexpected argument \"%s\"", request->measuring.file);
    if (request->measuring.file && (request->measuring.save || request->measuring.all || request->measuring.budget > 0))
        return usage_error("topo", "--save, --all and --budget are about measuring: they take no file");
    return EXIT_OK;
}

static int check_showing(const struct request *request)
{
    static const char *const formats[] = {"text", "json", "xml", NULL};
    if (request->measuring.save || request->measuring.all || request->measuring.budget > 0 || request->measuring.output)
        return usage_error("topo", "--save, --all, --budget and -o are about measuring: they need --measure");
    if (strcmp(request->format, "svg") == 0)
        return usage_error("topo", "-f svg is of what --measure measures; `nodewise plan --svg` draws the machine");
    if (!is_one_of(request->format, formats))
        return usage_error("topo", "the formats are text, json and xml, not \"%s\"", request->format);
    return EXIT_OK;
}

/* --- both --- */

static int show_machine(const struct request *request)
{
    struct diag_list diags = {0};
    struct topology *topology = NULL;
    int status;
    if (strcmp(request->format, "xml") == 0)
        status = print_xml(request->options.topology, &diags);
    else if (topology_load(&topology, request->options.topology, &diags) < 0)
        status = EXIT_BAD_INPUT;
    else
        status = strcmp(request->format, "json") == 0 ? print_topology_json(topology) : print_topology_text(topology);
    diag_print(stderr, &diags, NULL, (struct print_style){.colour = wants_colour(stderr)});
    topology_free(topology);
    diag_list_free(&diags);
    return status;
}

static int measure(struct request *request)
{
    request->measuring.format = request->format;
    request->measuring.budget = request->measuring.budget > 0 ? request->measuring.budget : BUDGET;
    return measuring_run(&request->measuring);
}

int cmd_topo(int argc, char **argv)
{
    static const struct option long_options[] = {OPTIONS_TOPOLOGY,
                                                 OPTIONS_JSON,
                                                 {"format", required_argument, NULL, 'f'},
                                                 {"output", required_argument, NULL, 'o'},
                                                 {"measure", no_argument, NULL, OPTION_MEASURE},
                                                 {"all", no_argument, NULL, OPTION_ALL},
                                                 {"budget", required_argument, NULL, OPTION_BUDGET},
                                                 {"save", no_argument, NULL, OPTION_SAVE},
                                                 {0}};
    struct request request = {.format = "text"};
    int option, status = EXIT_OK;
    while (status == EXIT_OK && (option = getopt_long(argc, argv, "f:o:", long_options, NULL)) != -1)
        status = take_option(&request, option, argv, long_options);
    if (status != EXIT_OK)
        return status;
    if (request.json)
        request.format = "json";
    request.measuring.file = argv[optind];
    if (optind + 1 < argc)
        return usage_error("topo", "unexpected argument \"%s\"", argv[optind + 1]);
    bool measures = request.measure || request.measuring.file;
    status = measures ? check_measuring(&request) : check_showing(&request);
    if (status == EXIT_OK)
        status = measures ? measure(&request) : show_machine(&request);
    return finish_output(status);
}
