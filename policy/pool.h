/*
 * pool: memory that is freed all at once, for trees that are built once and then only read.
 *
 * Ownership: pool_free() releases everything that was allocated from it. Threads: one at a time. Errors: NULL
 * without memory; the pool stays usable.
 */
#ifndef NODEWISE_POLICY_POOL_H
#define NODEWISE_POLICY_POOL_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* zeroed: empty */
struct pool {
    struct pool_block *blocks;
};

void *pool_alloc(struct pool *pool, size_t size); /* zeroed, aligned for any type */
char *pool_strndup(struct pool *pool, const char *text, size_t length);
char *pool_strdup(struct pool *pool, const char *text);
void pool_free(struct pool *pool);

#ifdef __cplusplus
}
#endif

#endif
