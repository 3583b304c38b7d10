/*
 * plan_file: opens a plan, proves that no other user could have written it, copies it into private memory and checks the
 * copy. For start-up, a fork and a reload; one thread at a time.
 */
#ifndef NODEWISE_SHIM_START_PLAN_FILE_H
#define NODEWISE_SHIM_START_PLAN_FILE_H

#include "policy/plan.h"
#include "policy/reason.h"

/*
 * path may be a plan as a text, too (policy/plan_text.h).
 * Returns REASON_OK and *ret_plan, which stays for the life of the process. Otherwise returns PLAN_MISSING, PLAN_UNSAFE
 * (owner or mode of the file or its folder, not a regular file, a relative path) or PLAN_DAMAGED.
 */
enum reason plan_file_read(struct plan_view *ret_plan, const char *path);

/* The same, but never into the static memory that an earlier plan may be using. */
enum reason plan_file_read_apart(struct plan_view *ret_plan, const char *path);

#endif
