/* compile_pools: the pools and exchanges of a policy as records of its plan. */
#ifndef NODEWISE_POLICY_COMPILE_POOLS_H
#define NODEWISE_POLICY_COMPILE_POOLS_H

#include "policy/plan_build.h"
#include "policy/policy.h"

/* The rules of the pools are the plan's first, in the same order. Errors stay in the builder. */
void compile_pools(struct plan_builder *builder, const struct policy *policy);
/* The rules of the exchanges come next. */
void compile_exchanges(struct plan_builder *builder, const struct policy *policy);

#endif
