#include "policy/policy.h"

#include <stdlib.h>

#include "policy/pool.h"

struct policy_memory {
    struct pool pool;
};

struct policy *policy_new(void)
{
    struct policy *policy = calloc(1, sizeof(*policy));
    if (!policy)
        return NULL;
    policy->storage = calloc(1, sizeof(*policy->storage));
    if (!policy->storage) {
        free(policy);
        return NULL;
    }
    return policy;
}

void *policy_alloc(struct policy *policy, size_t size)
{
    return pool_alloc(&policy->storage->pool, size);
}

char *policy_strdup(struct policy *policy, const char *text)
{
    return pool_strdup(&policy->storage->pool, text);
}

void policy_free(struct policy *policy)
{
    if (!policy)
        return;
    pool_free(&policy->storage->pool);
    free(policy->storage);
    free(policy);
}
