#include "policy/compile_pools.h"

void compile_pools(struct plan_builder *builder, const struct policy *policy)
{
    struct plan_header *header = &builder->header;
    header->pools = policy->pool_count ? build_next(builder, PLAN_RANGES) : 0;
    for (size_t i = 0; i < policy->pool_count; i++) {
        const struct pool_rule *pool = &policy->pools[i];
        uint32_t spin_us = pool->spin_us > UINT32_MAX ? UINT32_MAX : (uint32_t)pool->spin_us;
        struct plan_range ranges[PLAN_POOL_RANGES] = {
            {(uint32_t)i, (uint32_t)pool->rule.threads.size << 16 | pool->rule.threads.number},
            {pool->steal, spin_us},
            {pool->backlog, 0}};
        for (size_t k = 0; k < PLAN_POOL_RANGES; k++)
            build_add(builder, PLAN_RANGES, &ranges[k]);
        header->pool_count++;
    }
}
