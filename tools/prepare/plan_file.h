/* plan_file: a plan as a file: taken only when it is sound and ours, written whole or not at all. */
#ifndef NODEWISE_TOOLS_PREPARE_PLAN_FILE_H
#define NODEWISE_TOOLS_PREPARE_PLAN_FILE_H

#include <stdbool.h>

#include "policy/compile.h"

/* Is there a sound plan of that name, owned by this user and writable by no other. */
bool plan_file_is_sound(const char *path);

/* A temporary name, then rename(2). 0 or negative errno. */
int plan_file_write(const char *path, const struct plan_bytes *plan, unsigned mode);

#endif
