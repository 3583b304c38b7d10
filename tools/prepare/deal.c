#include "tools/prepare/deal.h"

#include <errno.h>
#include <stdlib.h>

#include "policy/shares.h"
#include "tools/prepare/launcher.h"
#include "tools/prepare/rank_peers.h"
#include "tools/prepare/share_plans.h"

void dealt_free(struct dealt *dealt)
{
    free(dealt->bytes.data);
    *dealt = (struct dealt){0};
}

/* The policy with these CPUs alone, or with all that are allowed where cpus is NULL. gpu: as in struct compile_options. */
static int compile(struct dealt *ret_dealt, const struct prepared *prepared, const struct cpuset *cpus, uint32_t share,
                   int gpu)
{
    struct dealt dealt = {0};
    int error = share_plan_compile(&dealt.bytes, prepared, cpus, share, gpu);
    if (error == 0)
        error = plan_check(&dealt.plan, dealt.bytes.data, dealt.bytes.size, NULL);
    if (error < 0)
        dealt_free(&dealt);
    else
        *ret_dealt = dealt;
    return error;
}

/* Replaces the plan of the whole by that of a portion of it. */
static int narrow(struct dealt *dealt, const struct prepared *prepared, const struct shares *shares,
                  struct rank_portion portion, int gpu)
{
    struct cpuset part = CPUSET_EMPTY;
    int error = shares_part(&part, prepared->topology, &shares->sets[portion.share], portion.part, portion.parts);
    struct dealt own = {0};
    if (error == 0)
        error = compile(&own, prepared, &part, portion.share, gpu);
    cpuset_free(&part);
    if (error < 0)
        return error;
    dealt_free(dealt);
    *dealt = own;
    return 0;
}

static int narrow_to_rank(struct dealt *dealt, const struct prepared *prepared, struct rank rank)
{
    enum process_distribution distribution = prepared->config.policy->process.distribution;
    struct shares shares = {0};
    int gpu = rank.number;
    int error = shares_for(&shares, &dealt->plan, distribution);
    if (error == 0)
        error = rank_among_peers(&rank, prepared);
    if (error == 0 && shares.count > 0)
        error =
            narrow(dealt, prepared, &shares, rank_portion(rank, shares.count, distribution == PROC_DIST_COMPACT), gpu);
    shares_free(&shares);
    return error;
}

int deal_rank(struct dealt *ret_dealt, const struct prepared *prepared, struct rank rank, bool is_bound)
{
    enum process_distribution distribution = prepared->config.policy->process.distribution;
    struct dealt dealt;
    int error = compile(&dealt, prepared, NULL, PLAN_NONE, rank.number);
    if (error < 0)
        return error;
    if (distribution != PROC_DIST_NONE && !(distribution == PROC_DIST_RANKS && is_bound))
        error = narrow_to_rank(&dealt, prepared, rank);
    if (error < 0)
        dealt_free(&dealt);
    else
        *ret_dealt = dealt;
    return error;
}

int deal_own(struct prepared *prepared, const struct policy_options *options, struct rank asked, struct rank *ret_rank)
{
    const struct policy *policy = prepared->config.policy;
    bool by_name = asked.number >= 0;
    struct rank rank = by_name ? asked : rank_from_environment(policy);
    /* the launcher knows nothing of another machine */
    bool is_bound = !by_name && !options->topology && launcher_has_bound(policy);
    struct dealt dealt;
    int error = rank.number < 0 ? 0 : deal_rank(&dealt, prepared, rank, is_bound);
    if (rank.number >= 0 && error == 0) {
        free(prepared->plan.data);
        prepared->plan = dealt.bytes;
        prepared->view = dealt.plan;
    }
    if (error == 0)
        *ret_rank = rank;
    return error;
}

/* --- processes without a launcher --- */

static uint32_t next_share(const struct plan_view *plan, struct deal_processes *processes)
{
    const struct plan_header *header = plan->header;
    uint32_t sizes[LEDGER_SHARES];
    struct ledger_deal deal = {(enum process_distribution)header->process_distribution, header->process_shares, sizes,
                               LEDGER_NONE};
    for (uint32_t i = 0; i < header->process_shares; i++)
        sizes[i] = plan->ranges[header->share_sizes + i].first;
    uint32_t share = ledger_choose(&processes->head, &deal);
    processes->head.counts[share]++;
    return share;
}

int deal_process(struct dealt *ret_dealt, const struct prepared *prepared, struct deal_processes *processes)
{
    struct shares shares = {0};
    struct dealt dealt;
    int error = compile(&dealt, prepared, NULL, PLAN_NONE, -1);
    if (error < 0)
        return error;
    if (dealt.plan.header->process_shares > 0) {
        uint32_t share = next_share(&dealt.plan, processes);
        error = shares_of_plan(&shares, &dealt.plan);
        if (error == 0)
            error = narrow(&dealt, prepared, &shares, (struct rank_portion){share, 0, 1}, -1);
    }
    shares_free(&shares);
    if (error < 0)
        dealt_free(&dealt);
    else
        *ret_dealt = dealt;
    return error;
}
