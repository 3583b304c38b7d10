#include "tools/prepare/rank.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 65535

/*
 * Where each launcher says the rank, on the host and in the job, and how many there are. The inner launcher comes first:
 * all that torchrun starts under srun(1) have the variables of the one task that torchrun is.
 */
static const struct {
    const char *number, *count, *job_number, *job_count;
} launchers[] = {
    /* Open MPI, mpirun(1) */
    {"OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
    {"MPI_LOCALRANKID", "MPI_LOCALNRANKS", "PMI_RANK", "PMI_SIZE"}, /* MPICH's and Intel's Hydra */
    {"MV2_COMM_WORLD_LOCAL_RANK", "MV2_COMM_WORLD_LOCAL_SIZE", "MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"},
    {"PALS_LOCAL_RANKID", "PALS_LOCAL_SIZE", "PALS_RANKID", "PALS_SIZE"}, /* Cray */
    {"LOCAL_RANK", "LOCAL_WORLD_SIZE", "RANK", "WORLD_SIZE"},             /* torchrun */
    /* srun(1); "4(x2),3" on each host */
    {"SLURM_LOCALID", "SLURM_STEP_TASKS_PER_NODE", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS"},
};
#define LAUNCHERS (sizeof(launchers) / sizeof(*launchers))

/* The number that the variable begins with; -1 where it is not set or is none. whole: nothing may follow. */
static int number_in(const char *name, bool whole)
{
    const char *text = name ? getenv(name) : NULL;
    char *end;
    long number = text && *text ? strtol(text, &end, 10) : -1;
    return number >= 0 && number <= MOST && (!whole || *end == '\0') ? (int)number : -1;
}

static struct rank rank_in(const char *name)
{
    struct rank rank = {number_in(name, true), 0};
    for (size_t i = 0; rank.number >= 0 && i < LAUNCHERS; i++)
        if (strcmp(launchers[i].number, name) == 0)
            rank.count = number_in(launchers[i].count, false);
    if (rank.count <= rank.number)
        rank.count = 0;
    return rank;
}

/* The n-th variable that is asked, NULL behind the last: the policy's, where it names any, else the launchers'. */
static const char *variable(const struct policy *policy, size_t n)
{
    size_t named = policy->process.rank_env.count;
    if (named > 0)
        return n < named ? policy->process.rank_env.items[n].value : NULL;
    return n < LAUNCHERS ? launchers[n].number : NULL;
}

const char *rank_variable(const struct policy *policy)
{
    size_t n = 0;
    while (variable(policy, n) && number_in(variable(policy, n), true) < 0)
        n++;
    return variable(policy, n);
}

struct rank rank_from_environment(const struct policy *policy)
{
    const char *name = rank_variable(policy);
    return name ? rank_in(name) : (struct rank){-1, 0};
}

bool rank_count_is_told(const struct policy *policy)
{
    for (size_t n = 0; variable(policy, n); n++)
        for (size_t i = 0; i < LAUNCHERS; i++)
            if (strcmp(variable(policy, n), launchers[i].number) == 0)
                return true;
    return false;
}

struct rank rank_in_job(void)
{
    struct rank rank = {-1, 0};
    for (size_t i = 0; i < LAUNCHERS && rank.number < 0; i++) {
        rank.number = number_in(launchers[i].job_number, true);
        rank.count = number_in(launchers[i].job_count, true);
    }
    if (rank.count <= rank.number)
        rank.count = 0;
    return rank;
}

/* --- the rank of another process --- */

static bool says_a_rank(const struct policy *policy, const char *name)
{
    for (size_t i = 0; i < policy->process.rank_env.count; i++)
        if (strcmp(policy->process.rank_env.items[i].value, name) == 0)
            return true;
    for (size_t i = 0; i < LAUNCHERS; i++)
        if (strcmp(launchers[i].number, name) == 0 || strcmp(launchers[i].count, name) == 0)
            return true;
    return false;
}

static void forget_own(const struct policy *policy)
{
    for (size_t i = 0; i < policy->process.rank_env.count; i++)
        unsetenv(policy->process.rank_env.items[i].value);
    for (size_t i = 0; i < LAUNCHERS; i++) {
        unsetenv(launchers[i].number);
        unsetenv(launchers[i].count);
    }
}

void rank_take_from(const struct policy *policy, pid_t pid)
{
    char path[32], *entry = NULL;
    size_t size = 0;
    snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
    FILE *file = fopen(path, "re");
    forget_own(policy);
    while (file && getdelim(&entry, &size, '\0', file) > 0) {
        char *value = strchr(entry, '=');
        if (!value)
            continue;
        *value++ = '\0';
        if (says_a_rank(policy, entry))
            setenv(entry, value, 1);
    }
    free(entry);
    if (file)
        fclose(file);
}

/* --- portions --- */

struct rank_portion rank_portion(struct rank rank, size_t count, bool compact)
{
    unsigned shares = (unsigned)count, number = (unsigned)rank.number, total = (unsigned)rank.count;
    if (rank.count == 0)
        return (struct rank_portion){number % shares, 0, 1};
    if (total <= shares)
        return (struct rank_portion){compact ? number : number * shares / total, 0, 1};
    if (!compact)
        return (struct rank_portion){number % shares, number / shares,
                                     total / shares + (number % shares < total % shares ? 1 : 0)};
    unsigned share = (unsigned)((uint64_t)number * shares / total);
    unsigned first = (unsigned)(((uint64_t)share * total + shares - 1) / shares);
    unsigned next = (unsigned)(((uint64_t)(share + 1) * total + shares - 1) / shares);
    return (struct rank_portion){share, number - first, next - first};
}
