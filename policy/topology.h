/*
 * topology: the machine as placement sees it: CPUs grouped by node, package, last-level cache, core; nodes
 * with memory and distances; devices and what they are near to; and what this process may use of it.
 *
 * Sources are interchangeable (policy/topology_hwloc.c): this machine, an hwloc XML file, an hwloc synthetic
 * description. All ids are the operating system's (P# in hwloc's terms); order in the arrays is locality order
 * (hwloc's logical order), so neighbours in an array are neighbours in the machine.
 *
 * Ownership: topology_free(). Immutable once built; any number of threads may read.
 */
#ifndef NODEWISE_POLICY_TOPOLOGY_H
#define NODEWISE_POLICY_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/cpuset.h"
#include "policy/diag.h"
#include "policy/words.h"

/* One node, socket, l3, core or cpu. Every CPU is in exactly one place of each level (a machine without an L3
 * gets one L3 place per package; a CPU-less node is not a place of LEVEL_NODE, see nodes[]). */
struct place {
    unsigned id; /* the operating system's number; for l3 and core a number from 0 in locality order */
    struct cpuset cpus;
};

enum core_kind { CORE_KIND_ONLY, CORE_KIND_EFFICIENT, CORE_KIND_PERFORMANCE };

struct topo_cpu {
    unsigned id;
    unsigned node;              /* node id whose CPU it is; for CPUs outside every node the nearest node */
    unsigned mem_node;          /* home: the nearest node with memory that is allowed */
    unsigned package, l3, core; /* ids of the places */
    unsigned smt;               /* 0 for the first hardware thread of its core, 1, … */
    enum core_kind kind;
};

struct topo_node {
    unsigned id;
    struct cpuset cpus;  /* may be empty: CPU-less (CXL, GPU memory) */
    uint64_t memory;     /* bytes, 0: memory-less */
    bool memory_allowed; /* in Mems_allowed and has memory */
};

enum device_kind { DEVICE_NETDEV, DEVICE_BLOCK, DEVICE_GPU, DEVICE_PCI, DEVICE_OTHER };

struct device {
    enum device_kind kind;
    char *name;          /* "eth0", "nvme0n1", "card0"/"cuda0"; "" for a plain PCI device */
    char *pci;           /* "0000:3b:00.0", or "" */
    struct cpuset cpus;  /* CPUs near to it */
    struct cpuset nodes; /* nodes near to it */
};

#define TOPOLOGY_TIME 24 /* "2026-11-28T05:10:00Z" and its NUL */

/* Whether the distances are measured ones (policy/measured.h). */
struct measured_state {
    char when[TOPOLOGY_TIME]; /* "": they are not */
    char *file;               /* with measured ones, taken or not; NULL: there is none, or this is another machine */
    /*
     * 0; else why the file was not taken: -ESTALE: it is of other nodes or CPUs; -EEXIST: the firmware's distances say
     * more; -EPERM: another user can write to it; -EPROTO: it is damaged; or another negative errno
     */
    int error;
};

struct topology {
    char *source; /* "this machine", the file's name or the synthetic text */
    bool is_this_machine;
    char *cpu_model;        /* "" where it is not known */
    struct cpuset cpus;     /* online */
    struct cpuset allowed;  /* what this process may run on: cpuset cgroup and inherited affinity; subset of cpus */
    struct cpuset isolated; /* isolcpus=: the scheduler does not balance these */
    struct place *places[LEVEL_COUNT]; /* by enum level; places[LEVEL_NONE] is one place with all CPUs */
    size_t place_count[LEVEL_COUNT];
    struct topo_cpu *cpu; /* in locality order */
    size_t cpu_count;
    struct topo_node *nodes; /* all, ascending ids, with and without CPUs or memory */
    size_t node_count;
    uint32_t *distances;    /* node_count x node_count by index in nodes[]; 10 = local (ACPI SLIT) */
    bool distances_assumed; /* the firmware says nothing, and they are not measured */
    struct measured_state measured;
    struct device *devices;
    size_t device_count;
};

enum topology_kind { TOPOLOGY_MACHINE, TOPOLOGY_XML, TOPOLOGY_SYNTHETIC };

/*
 * text: NULL for this machine; else, as for --topology: a name with a '/' or ending in ".xml" is a file,
 * "machine" is this one, anything else an hwloc synthetic description ("pack:2 numa:2 l3:2 core:4 pu:2").
 * A synthetic or XML topology may carry restrictions after a ';': "…; allowed=0-7; mems=0" (cpuset and
 * affinity of the imagined process). Returns 0, or a negative errno with a finding in diags.
 */
int topology_load(struct topology **ret_topology, const char *text, struct diag_list *diags);
void topology_free(struct topology *topology);

const struct topo_cpu *topology_cpu(const struct topology *topology, unsigned id); /* NULL: no such CPU */
const struct topo_node *topology_node(const struct topology *topology, unsigned id);
/* The place of that level that holds the CPU, or NULL. */
const struct place *topology_place_of(const struct topology *topology, enum level level, unsigned cpu);
/* ACPI distance of two node ids; 10 for a == b, 20 where the firmware says nothing. */
unsigned topology_distance(const struct topology *topology, unsigned a, unsigned b);
/* This machine as hwloc XML (`topo -f xml`), malloc'd. */
int topology_export_xml(char **ret_xml, struct diag_list *diags);

#endif
