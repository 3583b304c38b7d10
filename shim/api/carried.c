/*
 * Handles that are carried along. What counts is the place that storage has a value for, not the affinity: a thread that is
 * unknown now and pinned later, on the same CPU, has not moved, and keeps what it carries.
 */
#include "shim/api/local.h"

#include <errno.h>

#include "shim/api/library.h"

/* The value of another place: its own, else the carried one's twin, else a new one. */
static void *value_at(struct nw_local *local, const void *carried, struct nw_affinity to)
{
    uint32_t index = local_index(local, to);
    void *value = nw_local_peek(local, index);
    if (value || library_is_forked())
        return value;
    value = carried && local->ops.clone ? local->ops.clone(carried, to) : local->ops.create(local->context, to);
    return value ? local_publish(local, index, value) : NULL;
}

API void *nw_carried_relocate(struct nw_carried *carried, struct nw_affinity to)
{
    struct nw_local *local = carried->local;
    struct nw_affinity from = carried->value ? carried->at : (struct nw_affinity){-1, -1, to.slot, to.node_index};
    void *value = carried->value;
    int saved = errno;
    if (!value || local_index(local, from) != local_index(local, to))
        value = value_at(local, carried->value, to);
    if (value) {
        if (local->ops.relocate)
            local->ops.relocate(value, from, to);
        carried->value = value;
        carried->at = to;
    }
    errno = saved;
    return value;
}
