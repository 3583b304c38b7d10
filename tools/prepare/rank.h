/*
 * rank: the number of this process among those that a launcher started on this host, from the launcher's variables. The
 * engines that spread work over machines are theirs; one host is shared here.
 */
#ifndef NODEWISE_TOOLS_PREPARE_RANK_H
#define NODEWISE_TOOLS_PREPARE_RANK_H

#include "policy/policy.h"

struct rank {
    int number; /* on this host, from 0; -1: not known */
    int count;  /* ranks on this host; 0: not known */
};

/* The first of process.rank_env that is set; where the policy names none, the variables of the known launchers. */
struct rank rank_from_environment(const struct policy *policy);

#endif
