/*
 * measured: distances between nodes that were measured on a machine (`nodewise topo --measure --save`), as the text of a
 * file. The text begins with what they hold for: the CPU model, and the nodes with their CPUs. They serve where the
 * firmware's table tells no remote node from another.
 *
 * Pure. Texts may come from anywhere: one that is not exactly as measured_text() writes it is refused.
 */
#ifndef NODEWISE_POLICY_MEASURED_H
#define NODEWISE_POLICY_MEASURED_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/topology.h"

#define MEASURED_NONE  0u   /* in place of a distance: between these two nothing can be measured */
#define MEASURED_LEAST 11u  /* of another node: 10 is the own one's */
#define MEASURED_MOST  254u /* 255 means in firmware's tables that a node cannot be reached */

/* Are all distances between different nodes the same, so that they say nothing? */
bool distances_are_flat(const struct topology *topology);

/*
 * The file's text, malloc'd. distances: node_count x node_count by index in topology->nodes; 10 on the diagonal, else
 * MEASURED_NONE or one from MEASURED_LEAST to MEASURED_MOST. when: "2026-11-28T05:10:00Z". NULL: no memory.
 */
char *measured_text(const struct topology *topology, const uint32_t *distances, const char *when);

/*
 * Reads it into a table of the same kind, which has room, and the time. 0; -ESTALE: it is of other nodes, CPUs, or of
 * another CPU model; -EPROTO: it is no such text; -ENOMEM.
 */
int measured_read(uint32_t *ret_distances, char ret_when[TOPOLOGY_TIME], const struct topology *topology,
                  const char *text);

/*
 * Takes what a file of this machine holds (policy/measured_file.h) into a topology whose distances are the firmware's:
 * topology->measured says what became of it. 0 or -ENOMEM.
 */
int measured_take(struct topology *topology);

#endif
