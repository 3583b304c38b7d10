/*
 * local: storage with a value for each place, for its own parts: local.c keeps the values, carried.c handles that are
 * carried along.
 */
#ifndef NODEWISE_SHIM_API_LOCAL_H
#define NODEWISE_SHIM_API_LOCAL_H

#include "shim/api/chunks.h"
#include "shim/nodewise.h"

struct nw_local {
    enum nw_scope scope;
    uint32_t index_at; /* where in struct self the index of a place is */
    struct nw_value_ops ops;
    void *context;
    struct chunks values;
    _Atomic unsigned users;
};

/* Where a value of that affinity lies. */
static inline uint32_t local_index(const struct nw_local *local, struct nw_affinity at)
{
    return local->scope == NW_PER_CORE ? at.slot : local->scope == NW_PER_NODE ? at.node_index : 0;
}

/*
 * Publishes a value where there is none. Returns the value that is there now: where another thread was first, `value` is
 * destroyed. NULL: memory is short, and it is destroyed as well.
 */
void *local_publish(struct nw_local *local, uint32_t index, void *value);

/* How many storages are open. */
unsigned local_count(void);

#endif
