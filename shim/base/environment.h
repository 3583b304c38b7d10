/*
 * environment: reads the environment of the process without libc's getenv, in one pass and without a lock. The results
 * point into the environment itself and are not copied. When AT_SECURE is set the shim reads nothing here.
 */
#ifndef NODEWISE_SHIM_BASE_ENVIRONMENT_H
#define NODEWISE_SHIM_BASE_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

/* The variables that the shim reads. A pointer is NULL where its variable is absent or empty. */
struct environment {
    const char *plan, *policy, *disable, *log, *report, *ancestor, *index, *compiled, *occupancy, *bindings;
    const char *home, *xdg_config_home, *xdg_runtime_dir;
    bool has_keys; /* a variable NODEWISE_X__Y exists: the environment is a layer of the policy */
};

void environment_read(struct environment *ret_environment);
/* The value of one variable. NULL where it is absent or empty. */
const char *environment_get(const char *name);
/*
 * Adds NAME=, which the environment lacks, with room for a value of `size` bytes, its end among them: the caller writes it,
 * and may write it anew later. room: environment_room() bytes, aligned for pointers, that stay. Before main, while one
 * thread runs. setenv(3) would touch seven more pages of a start.
 */
size_t environment_room(const char *name, size_t size);
char *environment_add(const char *name, void *room);
/*
 * Takes every variable named NODEWISE_… out of `environ`, in place, without libc's lock or memory. For a start with
 * AT_SECURE set: ld.so(8) takes its own variables out there, too, so that nothing of a user reaches the programs that
 * a privileged one starts. Before main, while one thread runs.
 */
void environment_clean(void);

#endif
