/* plan_file: a plan as a file: taken only when it is sound and ours, written whole or not at all. */
#ifndef NODEWISE_TOOLS_PREPARE_PLAN_FILE_H
#define NODEWISE_TOOLS_PREPARE_PLAN_FILE_H

#include <stdbool.h>
#include <time.h>

#include "policy/compile.h"
#include "tools/common/read_file.h"

/* Is there a sound plan of that name, owned by this user and writable by no other. */
bool plan_file_is_sound(const char *path);

#define PLAN_FRESH 300 /* seconds from its last use for which a plan counts as just used, without another mark */

/* The same for one that is going to be used: it is marked as used now. false: also when it is just being removed. */
bool plan_file_take(const char *path);
/*
 * Removes a file of this user's in that folder if it was last used before then, which has to be PLAN_FRESH ago and
 * more: no process that has just taken it loses it. true: it is gone.
 */
bool plan_file_remove_old(int folder, const char *name, time_t before);

/* The bytes of a plan, which is a path or a text (plan_cache.h), as read_file(). */
int plan_file_load(struct file_bytes *ret_plan, const char *plan);

/* A temporary name, then rename(2). 0; -EFBIG: RLIMIT_FSIZE; or another negative errno. */
int plan_file_write(const char *path, const struct plan_bytes *plan, unsigned mode);

#endif
