/* users: the uids that a [target] user glob means on this machine; the callback of plan_compile(). */
#ifndef NODEWISE_TOOLS_PREPARE_USERS_H
#define NODEWISE_TOOLS_PREPARE_USERS_H

#include <stddef.h>

#include "policy/plan.h"

/*
 * A plain name or number is looked up alone; a glob walks the password database (getpwent(3), so one thread at
 * a time). Returns how many ranges were filled, at most max.
 */
int find_users(void *context, const char *glob, struct plan_range *ret_ranges, size_t max);

#endif
