#include "policy/topology.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hwloc.h>

#include "policy/topology_build.h"
#include "policy/topology_file.h"

/*
 * The only file that knows hwloc. It copies what placement needs into struct topology and lets go of hwloc's
 * own tree. Everything that hwloc can find and placement never asks for is filtered out, since discovery is
 * on the path of every `nodewise run`.
 */

static struct span source_span(const char *source)
{
    return (struct span){.source = source};
}

static int copy_bitmap(struct cpuset *ret_set, hwloc_const_bitmap_t bitmap)
{
    int error = 0;
    if (!bitmap || hwloc_bitmap_weight(bitmap) < 0) /* infinite: no real set of CPUs */
        return 0;
    for (int id = hwloc_bitmap_first(bitmap); id >= 0 && error == 0; id = hwloc_bitmap_next(bitmap, id))
        error = cpuset_add(ret_set, (unsigned)id);
    return error;
}

/*
 * Caches other than the third level cost discovery and say nothing here. Groups must stay: below a package
 * they are what hwloc hangs a node on, and without them every node would get the CPUs of the whole machine.
 * Backends are left out: x86 visits every CPU by moving this thread there. gl, opencl and levelzero name cards that
 * Linux names, too; for that they connect to ten X servers and load the cards' drivers into this process, where one that
 * crashes (levelzero, if the user is in no passwd) takes the program's start along. cuda, nvml and rsmi stay: what they
 * name may have no other name.
 */
static void set_filters(hwloc_topology_t tree)
{
    static const hwloc_obj_type_t unused[] = {
        HWLOC_OBJ_L1CACHE,  HWLOC_OBJ_L2CACHE,  HWLOC_OBJ_L4CACHE,  HWLOC_OBJ_L5CACHE,
        HWLOC_OBJ_L1ICACHE, HWLOC_OBJ_L2ICACHE, HWLOC_OBJ_L3ICACHE,
    };
    for (size_t i = 0; i < sizeof(unused) / sizeof(*unused); i++)
        hwloc_topology_set_type_filter(tree, unused[i], HWLOC_TYPE_FILTER_KEEP_NONE);
    hwloc_topology_set_type_filter(tree, HWLOC_OBJ_PCI_DEVICE, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
    hwloc_topology_set_type_filter(tree, HWLOC_OBJ_OS_DEVICE, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
    static const char *const left_out[] = {"x86", "gl", "opencl", "levelzero"};
    for (size_t i = 0; i < sizeof(left_out) / sizeof(*left_out); i++)
        hwloc_topology_set_components(tree, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, left_out[i]);
}

/* --- places --- */

static unsigned place_id(hwloc_obj_t object, enum level level, size_t number)
{
    bool numbered = level == LEVEL_NODE || level == LEVEL_SOCKET || level == LEVEL_CPU;
    return numbered && object->os_index != HWLOC_UNKNOWN_INDEX ? object->os_index : (unsigned)number;
}

static int copy_places(struct topology *topology, hwloc_topology_t tree, enum level level, hwloc_obj_type_t type)
{
    for (hwloc_obj_t object = NULL; (object = hwloc_get_next_obj_by_type(tree, type, object));) {
        struct cpuset cpus = CPUSET_EMPTY;
        int error = copy_bitmap(&cpus, object->cpuset);
        cpuset_and(&cpus, &topology->cpus);
        if (error == 0 && !cpuset_is_empty(&cpus))
            error = build_place(topology, level, place_id(object, level, topology->place_count[level]), &cpus);
        cpuset_free(&cpus);
        if (error < 0)
            return error;
    }
    return 0;
}

/* --- nodes --- */

static int compare_nodes(const void *a, const void *b)
{
    const struct topo_node *one = a, *other = b;
    return one->id < other->id ? -1 : one->id > other->id;
}

/*
 * Nodes with the set of CPUs that are local to them. Several nodes can have the same CPUs (HBM beside DRAM);
 * build_finish gives each CPU to one of them. *ret_allowed: node ids whose memory may be used.
 */
static int copy_nodes(struct topology *topology, hwloc_topology_t tree, struct cpuset *ret_allowed)
{
    int count = hwloc_get_nbobjs_by_type(tree, HWLOC_OBJ_NUMANODE);
    int error = copy_bitmap(ret_allowed, hwloc_topology_get_allowed_nodeset(tree));
    topology->nodes = calloc((size_t)(count > 0 ? count : 1), sizeof(*topology->nodes));
    if (!topology->nodes)
        return -ENOMEM;
    for (hwloc_obj_t object = NULL;
         error == 0 && (object = hwloc_get_next_obj_by_type(tree, HWLOC_OBJ_NUMANODE, object));) {
        struct topo_node *node = &topology->nodes[topology->node_count++];
        node->id = object->os_index;
        node->memory = object->attr->numanode.local_memory;
        error = copy_bitmap(&node->cpus, object->cpuset);
        cpuset_and(&node->cpus, &topology->cpus);
    }
    qsort(topology->nodes, topology->node_count, sizeof(*topology->nodes), compare_nodes);
    return error;
}

static int copy_distances(struct topology *topology, hwloc_topology_t tree)
{
    struct hwloc_distances_s *found[1];
    unsigned count = 1;
    size_t n = topology->node_count;
    int error = build_default_distances(topology);
    if (error < 0 ||
        hwloc_distances_get_by_type(tree, HWLOC_OBJ_NUMANODE, &count, found, HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0) !=
            0 ||
        count == 0)
        return error;
    for (unsigned a = 0; a < found[0]->nbobjs; a++)
        for (unsigned b = 0; b < found[0]->nbobjs; b++) {
            const struct topo_node *from = topology_node(topology, found[0]->objs[a]->os_index);
            const struct topo_node *to = topology_node(topology, found[0]->objs[b]->os_index);
            hwloc_uint64_t value = found[0]->values[a * found[0]->nbobjs + b];
            if (from && to)
                topology->distances[(size_t)(from - topology->nodes) * n + (size_t)(to - topology->nodes)] =
                    value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
        }
    hwloc_distances_release(tree, found[0]);
    return 0;
}

/* --- kinds of cores --- */

static void mark_kind(struct topology *topology, hwloc_const_bitmap_t cpus, enum core_kind kind)
{
    for (size_t i = 0; i < topology->cpu_count; i++)
        if (hwloc_bitmap_isset(cpus, topology->cpu[i].id))
            topology->cpu[i].kind = kind;
}

/* hwloc ranks kinds by efficiency from 0 upwards, or gives -1 where it cannot tell. The top rank is "perf". */
static void copy_core_kinds(struct topology *topology, hwloc_topology_t tree)
{
    int kinds = hwloc_cpukinds_get_nr(tree, 0);
    hwloc_bitmap_t cpus = hwloc_bitmap_alloc();
    int efficiency = -1;
    if (!cpus || kinds < 2 || hwloc_cpukinds_get_info(tree, 0, NULL, &efficiency, NULL, NULL, 0) != 0 ||
        efficiency < 0) {
        hwloc_bitmap_free(cpus);
        return;
    }
    for (int kind = 0; kind < kinds; kind++)
        if (hwloc_cpukinds_get_info(tree, (unsigned)kind, cpus, &efficiency, NULL, NULL, 0) == 0)
            mark_kind(topology, cpus, efficiency == kinds - 1 ? CORE_KIND_PERFORMANCE : CORE_KIND_EFFICIENT);
    hwloc_bitmap_free(cpus);
}

/* --- devices --- */

static bool device_kind_of(hwloc_obj_t object, enum device_kind *ret_kind)
{
    if (object->type == HWLOC_OBJ_PCI_DEVICE) {
        *ret_kind = DEVICE_PCI;
        return true;
    }
    switch (object->attr->osdev.type) {
    case HWLOC_OBJ_OSDEV_NETWORK:
        *ret_kind = DEVICE_NETDEV;
        return true;
    case HWLOC_OBJ_OSDEV_BLOCK:
        *ret_kind = DEVICE_BLOCK;
        return true;
    case HWLOC_OBJ_OSDEV_GPU:
    case HWLOC_OBJ_OSDEV_COPROC:
        *ret_kind = DEVICE_GPU;
        return true;
    default:
        *ret_kind = DEVICE_OTHER;
        return true;
    }
}

static char *pci_address(hwloc_obj_t object)
{
    char text[32] = "";
    while (object && object->type != HWLOC_OBJ_PCI_DEVICE)
        object = object->parent;
    if (object)
        snprintf(text, sizeof(text), "%04x:%02x:%02x.%x", object->attr->pcidev.domain, object->attr->pcidev.bus,
                 object->attr->pcidev.dev, object->attr->pcidev.func);
    return strdup(text);
}

static int copy_device(struct topology *topology, hwloc_topology_t tree, hwloc_obj_t object)
{
    struct device device = {0};
    hwloc_obj_t near = hwloc_get_non_io_ancestor_obj(tree, object);
    if (!near || !device_kind_of(object, &device.kind))
        return 0;
    device.name = strdup(object->type == HWLOC_OBJ_PCI_DEVICE || !object->name ? "" : object->name);
    device.pci = pci_address(object);
    int error = device.name && device.pci ? copy_bitmap(&device.cpus, near->cpuset) : -ENOMEM;
    cpuset_and(&device.cpus, &topology->cpus);
    if (error == 0)
        error = copy_bitmap(&device.nodes, near->nodeset);
    if (error == 0)
        error = build_device(topology, &device);
    return error;
}

static int copy_devices(struct topology *topology, hwloc_topology_t tree)
{
    int error = 0;
    for (hwloc_obj_t object = NULL; error == 0 && (object = hwloc_get_next_pcidev(tree, object));)
        error = copy_device(topology, tree, object);
    for (hwloc_obj_t object = NULL; error == 0 && (object = hwloc_get_next_osdev(tree, object));)
        error = copy_device(topology, tree, object);
    return error;
}

/* --- what this process may use --- */

/* sched_getaffinity(2) with a mask that grows until it fits: the kernel says EINVAL for one too small. */
static int own_affinity(struct cpuset *ret_cpus)
{
    for (size_t cpus = 1024; cpus <= 1u << 20; cpus *= 2) {
        cpu_set_t *mask = CPU_ALLOC(cpus);
        size_t size = CPU_ALLOC_SIZE(cpus);
        if (!mask)
            return -ENOMEM;
        int error = sched_getaffinity(0, size, mask) == 0 ? 0 : -errno;
        for (size_t id = 0; id < cpus && error == 0; id++)
            if (CPU_ISSET_S(id, size, mask))
                error = cpuset_add(ret_cpus, (unsigned)id);
        CPU_FREE(mask);
        if (error != -EINVAL)
            return error;
    }
    return -EINVAL;
}

/* The scheduler's isolated CPUs; absent file or odd text mean none. */
static void read_isolated(struct cpuset *ret_cpus)
{
    char text[4096];
    int fd = open("/sys/devices/system/cpu/isolated", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
    if (fd >= 0)
        close(fd);
    if (length <= 0)
        return;
    text[length] = '\0';
    text[strcspn(text, "\n")] = '\0';
    cpuset_parse_list(ret_cpus, text, NULL);
}

static int limit_to_this_process(struct topology *topology)
{
    struct cpuset affinity = CPUSET_EMPTY;
    int error = own_affinity(&affinity);
    if (error == 0) {
        cpuset_and(&topology->allowed, &affinity);
        read_isolated(&topology->isolated);
        cpuset_and(&topology->isolated, &topology->cpus);
    }
    cpuset_free(&affinity);
    return error;
}

/* --- loading --- */

/* hwloc wants the hardware threads spelt out; a description that ends at the cores means one a core. */
static int set_synthetic(hwloc_topology_t tree, const char *text)
{
    char *with_threads;
    if (hwloc_topology_set_synthetic(tree, text) == 0)
        return 0;
    if (asprintf(&with_threads, "%s pu:1", text) < 0)
        return -1;
    int error = hwloc_topology_set_synthetic(tree, with_threads);
    free(with_threads);
    return error;
}

/* The number of a level, "core:8" or "8"; what is in brackets tells more of the level before. 1: it has none. */
static uint64_t count_of_level(const char *word, size_t length)
{
    const char *colon = memchr(word, ':', length);
    const char *number = colon ? colon + 1 : word;
    uint64_t count = *word == '[' || *word == '(' ? 0 : strtoull(number, NULL, 10);
    return count ? count : 1;
}

/* hwloc takes the longer for a thread the more there are: 3 s for 8,192, minutes beyond what is taken here. */
static bool is_too_large(const char *text)
{
    uint64_t threads = 1;
    for (const char *word = text + strspn(text, " "); *word && threads <= TOPOLOGY_MOST_CPUS;
         word += strspn(word, " ")) {
        size_t length = strcspn(word, " ");
        uint64_t count = count_of_level(word, length);
        threads = count > TOPOLOGY_MOST_CPUS ? count : threads * count;
        word += length;
    }
    return threads > TOPOLOGY_MOST_CPUS;
}

/* hwloc copies the text. */
static int open_file(hwloc_topology_t tree, const char *path, struct diag_list *diags)
{
    char *text = NULL;
    size_t size = 0;
    int error = topology_file_read(path, &text, &size);
    if (error == -EFBIG) {
        diag_add(
            diags, DIAG_E060, source_span(path), NULL, NULL,
            "the topology file has more than %u hardware threads, %u objects or %u MiB, which is more than is taken",
            TOPOLOGY_MOST_CPUS, TOPOLOGY_MOST_OBJECTS, TOPOLOGY_MOST_BYTES >> 20);
        return -EINVAL;
    }
    bool is_xml = !error && size <= INT_MAX && hwloc_topology_set_xmlbuffer(tree, text, (int)size) == 0;
    free(text);
    if (is_xml)
        return 0;
    diag_add(diags, DIAG_E060, source_span(path), NULL, "`lstopo FILE.xml` or `nodewise topo -f xml` write such a file",
             "the topology file cannot be read: %s", error ? strerror(-error) : "not an hwloc XML file");
    return -EINVAL;
}

static int open_source(hwloc_topology_t tree, enum topology_kind kind, const char *text, struct diag_list *diags)
{
    if (kind == TOPOLOGY_XML)
        return open_file(tree, text, diags);
    if (kind == TOPOLOGY_SYNTHETIC && is_too_large(text)) {
        diag_add(diags, DIAG_E061, source_span("--topology"), NULL, NULL,
                 "\"%s\" has more than %u hardware threads, which is more than is taken", text, TOPOLOGY_MOST_CPUS);
        return -EINVAL;
    }
    if (kind == TOPOLOGY_SYNTHETIC && set_synthetic(tree, text) != 0) {
        diag_add(diags, DIAG_E061, source_span("--topology"), NULL,
                 "levels from the outside in with their counts, as in \"pack:2 numa:2 l3:2 core:4 pu:2\"",
                 "\"%s\" is no description of a machine", text);
        return -EINVAL;
    }
    return 0;
}

static int copy_tree(struct topology *topology, hwloc_topology_t tree, struct cpuset *ret_mems)
{
    int error = copy_bitmap(&topology->cpus, hwloc_topology_get_topology_cpuset(tree));
    if (error == 0)
        error = copy_bitmap(&topology->allowed, hwloc_topology_get_allowed_cpuset(tree));
    cpuset_and(&topology->allowed, &topology->cpus);
    if (error == 0)
        error = copy_nodes(topology, tree, ret_mems);
    if (error == 0)
        error = copy_places(topology, tree, LEVEL_SOCKET, HWLOC_OBJ_PACKAGE);
    if (error == 0)
        error = copy_places(topology, tree, LEVEL_L3, HWLOC_OBJ_L3CACHE);
    if (error == 0)
        error = copy_places(topology, tree, LEVEL_CORE, HWLOC_OBJ_CORE);
    if (error == 0)
        error = copy_places(topology, tree, LEVEL_CPU, HWLOC_OBJ_PU);
    if (error == 0)
        error = copy_devices(topology, tree);
    return error;
}

/* hwloc prints a screen of its own about a description that does not hold together; our error says what to do. */
static int load_quietly(hwloc_topology_t tree, enum topology_kind kind)
{
    bool hides = kind == TOPOLOGY_XML && !getenv("HWLOC_HIDE_ERRORS") && setenv("HWLOC_HIDE_ERRORS", "2", 0) == 0;
    int error = hwloc_topology_load(tree);
    if (hides)
        unsetenv("HWLOC_HIDE_ERRORS");
    return error;
}

static int load_tree(struct topology *topology, hwloc_topology_t tree, enum topology_kind kind, const char *text,
                     const char *restrictions, struct diag_list *diags)
{
    struct cpuset mems = CPUSET_EMPTY;
    set_filters(tree);
    hwloc_topology_set_flags(tree, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
    int error = open_source(tree, kind, text, diags);
    if (error < 0)
        return error;
    if (load_quietly(tree, kind) != 0) {
        diag_add(diags, kind == TOPOLOGY_XML ? DIAG_E060 : DIAG_E062, source_span(text ? text : "this machine"), NULL,
                 NULL, "the topology cannot be read: %s", strerror(errno));
        return -EINVAL;
    }
    error = copy_tree(topology, tree, &mems);
    if (error == 0 && kind == TOPOLOGY_MACHINE)
        error = limit_to_this_process(topology);
    if (error == 0 && restrictions)
        error = build_restrict(topology, &mems, restrictions, diags);
    if (error == 0)
        error = build_cpus(topology, &mems);
    if (error == 0)
        error = copy_distances(topology, tree);
    if (error == 0) {
        copy_core_kinds(topology, tree);
        error = build_homes(topology);
    }
    cpuset_free(&mems);
    return error;
}

static enum topology_kind kind_of(const char *text)
{
    size_t length = text ? strlen(text) : 0;
    if (!text || strcmp(text, "machine") == 0)
        return TOPOLOGY_MACHINE;
    bool is_xml = length > 4 && strcmp(text + length - 4, ".xml") == 0;
    return is_xml || strchr(text, '/') ? TOPOLOGY_XML : TOPOLOGY_SYNTHETIC;
}

/* "NAME; allowed=…": splits at the first ';', without the blanks before it. */
static int split(const char *text, char **ret_name, const char **ret_restrictions)
{
    const char *semicolon = strchr(text, ';');
    size_t length = semicolon ? (size_t)(semicolon - text) : strlen(text);
    while (length && text[length - 1] == ' ')
        length--;
    *ret_name = strndup(text, length);
    *ret_restrictions = semicolon ? semicolon + 1 : NULL;
    return *ret_name ? 0 : -ENOMEM;
}

int topology_load(struct topology **ret_topology, const char *text, struct diag_list *diags)
{
    struct topology *topology = calloc(1, sizeof(*topology));
    hwloc_topology_t tree = NULL;
    const char *restrictions = NULL;
    char *name = NULL;
    int error = topology ? split(text ? text : "machine", &name, &restrictions) : -ENOMEM;
    if (error == 0) {
        enum topology_kind kind = kind_of(name);
        topology->is_this_machine = kind == TOPOLOGY_MACHINE;
        topology->source = strdup(topology->is_this_machine ? "this machine" : text);
        error = topology->source && hwloc_topology_init(&tree) == 0 ? 0 : -ENOMEM;
        if (error == 0)
            error = load_tree(topology, tree, kind, kind == TOPOLOGY_MACHINE ? NULL : name, restrictions, diags);
        if (tree)
            hwloc_topology_destroy(tree);
    }
    free(name);
    if (error < 0) {
        topology_free(topology);
        return error;
    }
    *ret_topology = topology;
    return 0;
}

int topology_export_xml(char **ret_xml, struct diag_list *diags)
{
    hwloc_topology_t tree;
    char *buffer = NULL;
    int length = 0, error = -EINVAL;
    if (hwloc_topology_init(&tree) != 0)
        return -ENOMEM;
    set_filters(tree);
    hwloc_topology_set_flags(tree, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
    if (hwloc_topology_load(tree) == 0 && hwloc_topology_export_xmlbuffer(tree, &buffer, &length, 0) == 0) {
        *ret_xml = strdup(buffer);
        error = *ret_xml ? 0 : -ENOMEM;
        hwloc_free_xmlbuffer(tree, buffer);
    } else {
        diag_add(diags, DIAG_E062, source_span("this machine"), NULL, NULL, "the topology cannot be written: %s",
                 strerror(errno));
    }
    hwloc_topology_destroy(tree);
    return error;
}
