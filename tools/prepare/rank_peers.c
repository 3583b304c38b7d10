#include "tools/prepare/rank_peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- does the policy differ by rank? --- */

static bool names_own_gpu(const struct set_list *near)
{
    for (size_t i = 0; i < near->count; i++)
        if (strstr(near->items[i].value, "gpu:auto"))
            return true;
    return false;
}

static bool differs_by_rank(const struct policy *policy)
{
    bool differs = names_own_gpu(&policy->process.near) || names_own_gpu(&policy->defaults.near);
    for (size_t i = 0; i < policy->rule_count && !differs; i++)
        differs = names_own_gpu(&policy->rules[i].placement.near);
    return differs;
}

/* --- which ranks have the same? --- */

/* All CPUs that the policy's rules come to for the rank of that number. */
static int cpus_of_rank(struct cpuset *ret_cpus, const struct prepared *prepared, int number)
{
    struct compile_options options = compile_options_for(&prepared->config);
    struct diag_list unused = {0}; /* was said for this process's own rank already */
    struct plan_bytes bytes = {0};
    struct plan_view plan;
    options.gpu = number;
    options.refuse_at_start = true; /* what another rank lacks is no matter of this one */
    int error = plan_compile(&bytes, prepared->config.policy, prepared->topology, &options, &unused);
    if (error == 0)
        error = plan_check(&plan, bytes.data, bytes.size, NULL);
    if (error == 0)
        error = plan_mask_cpuset(&plan, plan.header->main_mask, ret_cpus);
    free(bytes.data);
    diag_list_free(&unused);
    return error;
}

static int count_peers(struct rank *peer, const struct rank *rank, const struct prepared *prepared)
{
    struct cpuset own = CPUSET_EMPTY;
    int error = cpus_of_rank(&own, prepared, rank->number);
    for (int number = 0; error == 0 && number < rank->count; number++) {
        struct cpuset cpus = CPUSET_EMPTY;
        error = cpus_of_rank(&cpus, prepared, number);
        bool same = error == 0 && cpuset_equal(&own, &cpus);
        peer->count += same;
        peer->number += same && number < rank->number;
        cpuset_free(&cpus);
    }
    cpuset_free(&own);
    return error;
}

int rank_among_peers(struct rank *rank, const struct prepared *prepared)
{
    struct rank peer = {0, 0};
    if (rank->count == 0 || !differs_by_rank(prepared->config.policy))
        return 0;
    int error = count_peers(&peer, rank, prepared);
    if (error == 0)
        *rank = peer;
    return error;
}
