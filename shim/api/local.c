/*
 * Values are published by one compare-and-exchange: the loser of a race destroys its own, which nobody else has seen. What
 * is published stays until it is replaced or the storage ends; no reader takes a lock or counts anything.
 */
#include "shim/api/local.h"

#include <errno.h>
#include <stdlib.h>

#include "shim/api/library.h"
#include "shim/api/self.h"
#include "shim/base/common.h"

static _Atomic unsigned open_storages;

unsigned local_count(void)
{
    return atomic_load_explicit(&open_storages, memory_order_relaxed);
}

static uint32_t index_at(enum nw_scope scope)
{
    size_t offset = scope == NW_PER_CORE   ? offsetof(struct self, at.slot)
                    : scope == NW_PER_NODE ? offsetof(struct self, at.node_index)
                                           : offsetof(struct self, nothing);
    return (uint32_t)offset;
}

API int nw_local_open(enum nw_scope scope, const struct nw_value_ops *ops, void *context, struct nw_local **ret)
{
    int saved = errno;
    int error = library_begin();
    if (error)
        return error;
    if ((unsigned)scope > NW_PER_PROCESS || !ops || !ops->create)
        return -EINVAL;
    struct nw_local *local = calloc(1, sizeof(*local));
    errno = saved;
    if (!local)
        return -ENOMEM;
    local->scope = scope;
    local->index_at = index_at(scope);
    local->ops = *ops;
    local->context = context;
    atomic_init(&local->users, 1);
    atomic_fetch_add_explicit(&open_storages, 1, memory_order_relaxed);
    *ret = local;
    return 0;
}

/* --- values --- */

static void destroy(const struct nw_local *local, void *value)
{
    if (value && local->ops.destroy)
        local->ops.destroy(value);
}

void *local_publish(struct nw_local *local, uint32_t index, void *value)
{
    chunk_word *word = chunks_need(&local->values, index);
    void *there = NULL;
    /* release: whoever finds the value finds what create() wrote; acquire: and so does the loser */
    if (word &&
        atomic_compare_exchange_strong_explicit(word, &there, value, memory_order_acq_rel, memory_order_acquire))
        return value;
    destroy(local, value);
    return there;
}

static NOINLINE void *make(struct nw_local *local)
{
    struct nw_affinity at = self_now();
    uint32_t index = local_index(local, at);
    void *value = nw_local_peek(local, index);
    if (value || library_is_forked())
        return value;
    int saved = errno;
    value = local->ops.create(local->context, at);
    if (value)
        value = local_publish(local, index, value);
    errno = saved;
    return value;
}

API void *nw_local_get(struct nw_local *local)
{
    if (UNLIKELY(self.known != self_cpu()))
        return make(local);
    uint32_t index = *(const uint32_t *)(const void *)((const char *)&self + local->index_at);
    const chunk_word *word = chunks_get(&local->values, index);
    /* acquire: pairs with local_publish() */
    void *value = word ? atomic_load_explicit(word, memory_order_acquire) : NULL;
    return LIKELY(value != NULL) ? value : make(local);
}

API void *nw_local_peek(struct nw_local *local, uint32_t index)
{
    const chunk_word *word = chunks_get(&local->values, index);
    return word ? atomic_load_explicit(word, memory_order_acquire) : NULL;
}

API int nw_local_set(struct nw_local *local, void *value, void **ret_old)
{
    int saved = errno;
    int error = library_begin();
    if (error)
        return error;
    chunk_word *word = chunks_need(&local->values, local_index(local, self_now()));
    errno = saved;
    if (!word)
        return -ENOMEM;
    *ret_old = atomic_exchange_explicit(word, value, memory_order_acq_rel); /* as local_publish() */
    return 0;
}

/* --- all of them --- */

/* The place that an index stands for, as far as this machine has one. */
static struct nw_affinity place_of(const struct nw_local *local, uint32_t index)
{
    struct nw_affinity at = {-1, -1, 0, 0};
    if (local->scope == NW_PER_NODE) {
        at.node = cpus_node_of_index(index);
        at.node_index = index;
    } else if (local->scope == NW_PER_CORE) {
        at.slot = index;
        at.cpu = cpus_of_slot(index);
        if (at.cpu >= 0) {
            struct cpu_place place = cpus_place((unsigned)at.cpu);
            at.node = place.node;
            at.node_index = place.node_index;
        }
    }
    return at;
}

API void nw_local_each(struct nw_local *local, void (*fn)(void *value, struct nw_affinity where, void *context),
                       void *context)
{
    for (uint32_t index = 0; index < CPUS_MAX; index++) {
        const chunk_word *word = chunks_get(&local->values, index);
        if (!word) {
            index |= CHUNK_SLOTS - 1; /* none in this chunk */
            continue;
        }
        void *value = atomic_load_explicit(word, memory_order_acquire);
        if (value)
            fn(value, place_of(local, index), context);
    }
}

API struct nw_local *nw_local_retain(struct nw_local *local)
{
    if (local)
        atomic_fetch_add_explicit(&local->users, 1, memory_order_relaxed);
    return local;
}

static void destroy_one(void *value, struct nw_affinity where, void *local)
{
    (void)where;
    destroy(local, value);
}

API void nw_local_release(struct nw_local *local)
{
    int saved = errno;
    /* acq_rel: what other users did comes before the last one destroys the values */
    if (local && atomic_fetch_sub_explicit(&local->users, 1, memory_order_acq_rel) == 1) {
        nw_local_each(local, destroy_one, local);
        chunks_free(&local->values);
        free(local);
        atomic_fetch_sub_explicit(&open_storages, 1, memory_order_relaxed);
    }
    errno = saved;
}
