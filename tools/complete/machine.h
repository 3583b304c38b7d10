/* machine: CPUs and nodes of this machine, for completion; from /sys, which is faster than reading the whole topology. */
#ifndef NODEWISE_TOOLS_COMPLETE_MACHINE_H
#define NODEWISE_TOOLS_COMPLETE_MACHINE_H

#include "tools/complete/answer.h"

/* "all", the online CPUs, "node:0" with its CPUs … */
void machine_add_sets(struct answer *answer);
/* "all", "0" … , each behind a prefix. */
void machine_add_nodes(struct answer *answer, const char *prefix);

#endif
