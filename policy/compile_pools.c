#include "policy/compile_pools.h"

static uint32_t at_most_32_bits(uint64_t number)
{
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

void compile_pools(struct plan_builder *builder, const struct policy *policy)
{
    struct plan_header *header = &builder->header;
    header->pools = policy->pool_count ? build_next(builder, PLAN_RANGES) : 0;
    for (size_t i = 0; i < policy->pool_count; i++) {
        const struct pool_rule *pool = &policy->pools[i];
        struct plan_range ranges[PLAN_POOL_RANGES] = {
            {(uint32_t)i, (uint32_t)pool->rule.threads.size << 16 | pool->rule.threads.number},
            {pool->steal, at_most_32_bits(pool->spin_us)},
            {pool->backlog, 0}};
        for (size_t k = 0; k < PLAN_POOL_RANGES; k++)
            build_add(builder, PLAN_RANGES, &ranges[k]);
        header->pool_count++;
    }
}

static void add_pattern(struct plan_builder *builder, const char *pattern)
{
    uint32_t text = build_text(builder, pattern);
    build_add(builder, PLAN_PATTERNS, &text);
}

void compile_exchanges(struct plan_builder *builder, const struct policy *policy)
{
    for (size_t i = 0; i < policy->exchange_count; i++) {
        const struct exchange_rule *exchange = &policy->exchanges[i];
        struct plan_exchange record = {
            .rule = (uint32_t)(policy->pool_count + i),
            .size = exchange->rule.threads.size,
            .number = exchange->rule.threads.number,
            .pattern_first = build_next(builder, PLAN_PATTERNS),
            .spin_us = at_most_32_bits(exchange->spin_us),
            .transport = exchange->transport,
            .memory_limit = exchange->memory_limit,
            .ring = exchange->ring,
        };
        for (size_t k = 0; k < exchange->names.count; k++)
            add_pattern(builder, exchange->names.items[k].value);
        if (exchange->names.count == 0)
            add_pattern(builder, exchange->rule.name);
        record.pattern_count = build_next(builder, PLAN_PATTERNS) - record.pattern_first;
        build_add(builder, PLAN_EXCHANGES, &record);
    }
}
