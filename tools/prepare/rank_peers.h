/*
 * rank_peers: ranks whose policies come to different CPUs, because each has a GPU of its own (gpu:auto), divide only with
 * those that have the same.
 */
#ifndef NODEWISE_TOOLS_PREPARE_RANK_PEERS_H
#define NODEWISE_TOOLS_PREPARE_RANK_PEERS_H

#include "tools/prepare/prepare.h"
#include "tools/prepare/rank.h"

/*
 * Makes of the rank on the host its number among its peers, and their count. The topology is loaded. Nothing changes where
 * all ranks have the same CPUs. 0 or negative errno.
 */
int rank_among_peers(struct rank *rank, const struct prepared *prepared);

#endif
