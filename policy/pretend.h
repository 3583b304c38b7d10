/*
 * pretend: a policy for a plan of another machine, whose places are recorded and not applied: what would change this
 * machine, or tell of memory that does not lie there, is taken out of it.
 */
#ifndef NODEWISE_POLICY_PRETEND_H
#define NODEWISE_POLICY_PRETEND_H

#include "policy/policy.h"

void policy_pretend(struct policy *policy);

#endif
