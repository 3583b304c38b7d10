/*
 * deal: what each rank of a launcher, or each of several processes that are started one after the other, gets of a
 * machine ([process]): for the dry run, without any of them.
 */
#ifndef NODEWISE_TOOLS_PREPARE_DEAL_H
#define NODEWISE_TOOLS_PREPARE_DEAL_H

#include "policy/ledger.h"
#include "tools/prepare/prepare.h"
#include "tools/prepare/rank.h"

/* The plan of one of them. */
struct dealt {
    struct plan_bytes bytes;
    struct plan_view plan; /* of bytes, checked */
};

/*
 * Of a rank on this host, for what prepare_plan() prepared. is_bound: its launcher has given it the CPUs that are allowed.
 * 0 or negative errno; free with dealt_free().
 */
int deal_rank(struct dealt *ret_dealt, const struct prepared *prepared, struct rank rank, bool is_bound);

/*
 * Replaces the plan of `prepared` by that of the rank which this process is, by its variables, under those options; or of
 * `asked`, where it has a number. *ret_rank: whose plan it is then, number -1: no rank's. The same.
 */
int deal_own(struct prepared *prepared, const struct policy_options *options, struct rank asked, struct rank *ret_rank);

/* Those that run already; zero before the first. */
struct deal_processes {
    struct ledger_head head;
};
/* Of the next process that no launcher started. The same. */
int deal_process(struct dealt *ret_dealt, const struct prepared *prepared, struct deal_processes *processes);

void dealt_free(struct dealt *dealt);

#endif
