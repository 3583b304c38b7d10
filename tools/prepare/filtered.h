/*
 * filtered: `nodewise run` where a seccomp filter was set before the command. The filter may kill for any call that a
 * policy needs to be read and compiled; the user asked for the program and wants it to run all the same.
 *
 * Only calls that the loader has made in this very process are made here, or made in a copy of it first (as in
 * shim/start/filter.h, which says when a copy may be made).
 */
#ifndef NODEWISE_TOOLS_PREPARE_FILTERED_H
#define NODEWISE_TOOLS_PREPARE_FILTERED_H

#include <stdbool.h>

#include "tools/prepare/prepare.h"

/*
 * Is there a filter that the command must beware of? Not with a hard rule, under which the program is not to run
 * unplaced.
 */
bool filtered_look(const struct policy_options *options);

/*
 * Runs `prepare` in a copy of the process, silently. true: it came to its end, so every call that it makes can be made.
 * false: the filter killed it, or nothing says that a copy may be made.
 */
bool filtered_rehearse(int (*prepare)(const void *request), const void *request);

/*
 * Instead of a plan: the policy in the environment, for the library to compile when it can. report: as in
 * NODEWISE_REPORT, or NULL. Returns 0 or a negative errno.
 */
int filtered_export(const struct policy_options *options, const char *report);

#endif
