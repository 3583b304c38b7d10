/*
 * plan_file: opens a plan, proves that no other user could have written it, maps and checks it. Start-up only.
 */
#ifndef NODEWISE_SHIM_START_PLAN_FILE_H
#define NODEWISE_SHIM_START_PLAN_FILE_H

#include "policy/plan.h"
#include "policy/reason.h"

/*
 * REASON_OK with *ret_plan, mapped for the life of the process; else PLAN_MISSING, PLAN_UNSAFE (owner or mode of
 * the file or its folder, not a regular file, a relative path) or PLAN_DAMAGED.
 */
enum reason plan_file_map(struct plan_view *ret_plan, const char *path);

/* The same, never into memory that an earlier plan may be using. */
enum reason plan_file_map_apart(struct plan_view *ret_plan, const char *path);

#endif
