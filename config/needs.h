/*
 * needs: keys that have no effect beside what the other keys say, as the table of keys states it (struct need). Values
 * count as they hold in the end: a table's own, else what a rule takes from [defaults], else the built-in one. What
 * [defaults] says is without effect when it is so in [defaults] and in every rule that takes it from there.
 *
 * Pure; findings only. Threads: no state.
 */
#ifndef NODEWISE_CONFIG_NEEDS_H
#define NODEWISE_CONFIG_NEEDS_H

#include <stddef.h>

#include "config/keys.h"
#include "config/value.h"

/* Adds a W008 for each such key of a merged tree that was read without errors. */
void needs_check(const struct value *tree, struct diag_list *diags);

enum { NEEDS_TEXT_MAX = 256 };

/* "`file` is given", "`a` is `x` or `b` is not `y`"; false: the key needs nothing. */
bool needs_text(const struct key *key, char *ret_text, size_t size);

#endif
