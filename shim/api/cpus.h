/*
 * cpus: for each CPU of this machine its node, and the dense numbers of both. Read once from /sys, when first needed.
 *
 * CPUs that may come later have a slot as well: the slots are those of the CPUs that are possible, in ascending order of
 * the kernel's numbers. Nodes are numbered likewise, those that are there when the machine is read.
 *
 * Any thread, signal-safe, errno kept. No allocation.
 */
#ifndef NODEWISE_SHIM_API_CPUS_H
#define NODEWISE_SHIM_API_CPUS_H

#include <stdint.h>

/* As many as Linux can be built for (CONFIG_NR_CPUS, MAX_NUMNODES). */
#define CPUS_MAX  8192u
#define NODES_MAX 1024u

struct cpu_place {
    uint16_t slot, node_index;
    int32_t node; /* -1: unknown */
};

/* An unknown CPU is in slot 0 and on no node. */
struct cpu_place cpus_place(unsigned cpu);
unsigned cpus_slots(void);                  /* at least 1 */
unsigned cpus_nodes(void);                  /* at least 1 */
int32_t cpus_of_slot(unsigned slot);        /* the CPU's number; -1: there is none */
int32_t cpus_node_of_index(unsigned index); /* the node's number; -1: there is none */

#endif
