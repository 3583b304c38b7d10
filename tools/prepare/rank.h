/*
 * rank: the number of this process among those that a launcher started on this host, from the launcher's variables. The
 * launcher spreads work over machines; nodewise divides one host.
 */
#ifndef NODEWISE_TOOLS_PREPARE_RANK_H
#define NODEWISE_TOOLS_PREPARE_RANK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "policy/policy.h"

struct rank {
    int number; /* from 0; -1: not known */
    int count;  /* how many ranks there are; 0: not known */
};

/* On this host: the first of process.rank_env that is set; where the policy names none, what the known launchers set. */
struct rank rank_from_environment(const struct policy *policy);

/* The variable that rank_from_environment() reads the number from; NULL: none says one. */
const char *rank_variable(const struct policy *policy);
/* Would a launcher say how many ranks there are? Not where the policy names variables of its own alone. */
bool rank_count_is_told(const struct policy *policy);

/* In the whole job, on all its hosts, as the launcher counts. For people: nothing is placed by it. */
struct rank rank_in_job(void);

/*
 * From now on rank_from_environment() speaks of that process: the variables of its start are set in this process instead
 * of this one's own. Where they cannot be read, or the program has overwritten them, there is no rank.
 */
void rank_take_from(const struct policy *policy, pid_t pid);

/* What a rank has: of one of the shares, one of so many equal parts. */
struct rank_portion {
    unsigned share, part, parts;
};

/*
 * Ranks over `count` shares, at least 1. Compact: the first ranks are together; else neighbours are apart. With more
 * ranks than shares those of one share divide it. Without a count of ranks they go round.
 */
struct rank_portion rank_portion(struct rank rank, size_t count, bool compact);

#endif
