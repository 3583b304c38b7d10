#include "tools/prepare/share_plans.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/ledger.h"
#include "tools/common/cli.h"
#include "tools/common/read_file.h"
#include "tools/prepare/launcher.h"
#include "tools/prepare/plan_file.h"
#include "tools/prepare/rank_peers.h"

/* What it finds was said for the whole machine already. */
int share_plan_compile(struct plan_bytes *ret_plan, const struct prepared *prepared, const struct cpuset *cpus,
                       uint32_t share, int gpu)
{
    struct topology narrow = *prepared->topology;
    struct compile_options options = compile_options_for(&prepared->config);
    struct diag_list unused = {0};
    if (cpus)
        narrow.allowed = *cpus;
    options.share = share;
    options.gpu = gpu;
    options.refuse_at_start = prepared->refuse_at_start;
    int error = plan_compile(ret_plan, prepared->config.policy, &narrow, &options, &unused);
    diag_list_free(&unused);
    return error;
}

static int write_one(const char *path, const struct prepared *prepared, const struct cpuset *cpus, uint32_t share,
                     unsigned mode)
{
    struct plan_bytes plan = {0};
    int gpu = rank_from_environment(prepared->config.policy).number;
    int error = share_plan_compile(&plan, prepared, cpus, share, gpu);
    if (error == 0)
        error = plan_file_write(path, &plan, mode);
    free(plan.data);
    return error;
}

int share_plans_write(const char *path, struct prepared *prepared, unsigned mode)
{
    const struct policy *policy = prepared->config.policy;
    struct shares shares;
    if (policy->process.distribution == PROC_DIST_NONE)
        return 0;
    int error = shares_of_plan(&shares, &prepared->view);
    for (size_t i = 0; error == 0 && i < shares.count && i < LEDGER_SHARES; i++) {
        char *name;
        if (asprintf(&name, "%s.%zu", path, i) < 0)
            error = -ENOMEM;
        else
            error = write_one(name, prepared, &shares.sets[i], (uint32_t)i, mode);
        if (error != -ENOMEM)
            free(name);
    }
    shares_free(&shares);
    return error;
}

/* --- ranks --- */

static char *name_of(const char *path, struct rank_portion portion)
{
    char *name = NULL;
    if (portion.parts == 1 && asprintf(&name, "%s.%u", path, portion.share) < 0)
        return NULL;
    if (portion.parts > 1 && asprintf(&name, "%s.%u.%uof%u", path, portion.share, portion.part, portion.parts) < 0)
        return NULL;
    return name;
}

static int write_portion(const char *name, struct prepared *prepared, const struct shares *shares,
                         struct rank_portion portion, unsigned mode)
{
    struct cpuset part;
    int error = shares_part(&part, prepared->topology, &shares->sets[portion.share], portion.part, portion.parts);
    if (error == 0)
        error = write_one(name, prepared, &part, portion.share, mode);
    cpuset_free(&part);
    return error;
}

int shares_for(struct shares *ret_shares, const struct plan_view *plan, enum process_distribution distribution)
{
    return distribution == PROC_DIST_RANKS ? shares_whole(ret_shares, plan) : shares_of_plan(ret_shares, plan);
}

static int shares_in(const char *path, enum process_distribution distribution, struct shares *ret_shares)
{
    struct file_bytes file;
    struct plan_view plan;
    int error = read_file(&file, path, PLAN_MAX_SIZE);
    if (error < 0)
        return error;
    error = plan_check(&plan, file.data, file.size, NULL);
    if (error == 0)
        error = shares_for(ret_shares, &plan, distribution);
    free(file.data);
    return error;
}

/* What a portion is taken of: the topology is loaded and the shares are known. */
static int open_shares(struct shares *ret_shares, const char *path, struct prepared *prepared,
                       const struct policy_options *options)
{
    int error = prepared->topology ? 0 : topology_load(&prepared->topology, options->topology, &prepared->config.diags);
    return error < 0 ? error : shares_in(path, prepared->config.policy->process.distribution, ret_shares);
}

/* The plan of a portion, made if it is not there; malloc'd. */
static int portion_plan(char **ret_name, const char *path, struct prepared *prepared, const struct shares *shares,
                        struct rank_portion portion, unsigned mode)
{
    char *name = name_of(path, portion);
    int error = name ? 0 : -ENOMEM;
    if (error == 0 && !plan_file_is_sound(name))
        error = write_portion(name, prepared, shares, portion, mode);
    if (error < 0)
        free(name);
    else
        *ret_name = name;
    return error;
}

char *share_plan_of_rank(const char *path, struct prepared *prepared, const struct policy_options *options,
                         struct rank rank, unsigned mode)
{
    enum process_distribution distribution = prepared->config.policy->process.distribution;
    struct shares shares = {0};
    char *name = NULL;
    if (distribution == PROC_DIST_NONE || rank.number < 0 ||
        (distribution == PROC_DIST_RANKS && launcher_has_bound(prepared->config.policy)))
        return NULL;
    int error = open_shares(&shares, path, prepared, options);
    if (error == 0)
        error = rank_among_peers(&rank, prepared);
    if (error == 0 && shares.count > 0)
        error = portion_plan(&name, path, prepared, &shares,
                             rank_portion(rank, shares.count, distribution == PROC_DIST_COMPACT), mode);
    if (error < 0)
        print_error("the plan of rank %d cannot be made: %s", rank.number, strerror(-error));
    shares_free(&shares);
    return name;
}

/* --- the portion that a running process has --- */

struct rank_portion share_plan_portion(const char *path, size_t *ret_length)
{
    static const char ending[] = ".plan";
    const struct rank_portion none = {0, 0, 0};
    struct rank_portion portion = {0, 0, 1};
    const char *end = strstr(path, ending);
    for (const char *next = end; next; next = strstr(next + 1, ending))
        end = next;
    *ret_length = end ? (size_t)(end - path) + sizeof(ending) - 1 : strlen(path);
    int share_end = 0, part_end = 0;
    if (sscanf(path + *ret_length, ".%5u%n.%5uof%5u%n", &portion.share, &share_end, &portion.part, &portion.parts,
               &part_end) < 1)
        return none;
    int length = part_end ? part_end : share_end;
    return path[*ret_length + (size_t)length] == '\0' && portion.part < portion.parts ? portion : none;
}

int share_plan_of_portion(char **ret_name, const char *path, struct prepared *prepared,
                          const struct policy_options *options, struct rank_portion portion,
                          enum process_distribution before, unsigned mode)
{
    enum process_distribution distribution = prepared->config.policy->process.distribution;
    struct rank rank = rank_from_environment(prepared->config.policy);
    struct shares shares = {0};
    char *name = NULL;
    int error = 0;
    /* among ranks, one that is none has no portion: what it had was one of another kind */
    bool has_one = portion.parts > 0 && (distribution != PROC_DIST_RANKS || before == distribution || rank.number >= 0);
    if (distribution != PROC_DIST_NONE && has_one)
        error = open_shares(&shares, path, prepared, options);
    if (error == 0 && rank.number >= 0 && prepared->topology)
        error = rank_among_peers(&rank, prepared);
    if (error == 0 && shares.count > 0) {
        if (distribution != before && rank.number >= 0)
            portion = rank_portion(rank, shares.count, distribution == PROC_DIST_COMPACT);
        portion.share %= (unsigned)shares.count;
        error = portion_plan(&name, path, prepared, &shares, portion, mode);
    }
    shares_free(&shares);
    if (error == 0)
        *ret_name = name;
    return error;
}
