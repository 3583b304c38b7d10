/*
 * environment: reads the process's environment without libc's getenv, in one pass and without a lock. Nothing
 * here is called when AT_SECURE is set.
 */
#ifndef NODEWISE_SHIM_BASE_ENVIRONMENT_H
#define NODEWISE_SHIM_BASE_ENVIRONMENT_H

#include <stdbool.h>

/* The NODEWISE_ variables, pointing into the environment; NULL where one is absent or empty. */
struct environment {
    const char *plan, *policy, *disable, *log, *report, *ancestor, *index;
    const char *home, *xdg_config_home;
    bool has_keys; /* some NODEWISE_X__Y: a layer of the policy of its own */
};

void environment_read(struct environment *ret_environment);
/* Value of one variable, or NULL. */
const char *environment_get(const char *name);

#endif
