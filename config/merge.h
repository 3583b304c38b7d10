/*
 * merge: one layer over another. Single values and lists replace, tables merge key by key, [[rules]] merge by
 * name. A table that sets one of nodes, cpus, near drops the others of the layer below.
 *
 * Rules that only the upper layer has come before all rules of the lower one: the first match wins, and the
 * upper layer is the one that decides.
 */
#ifndef NODEWISE_CONFIG_MERGE_H
#define NODEWISE_CONFIG_MERGE_H

#include "config/value.h"

/* A new root table in `pool`; inputs stay as they are and share their leaves with it. lower may be NULL. NULL
 * without memory. */
struct value *merge_layers(struct pool *pool, const struct value *lower, const struct value *upper);

#endif
