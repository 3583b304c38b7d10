/*
 * govern: will a command be governed by a plan? What `run` asks before it starts one, and says where the answer is no.
 */
#ifndef NODEWISE_TOOLS_PREPARE_GOVERN_H
#define NODEWISE_TOOLS_PREPARE_GOVERN_H

#include <limits.h>
#include <stdbool.h>

#include "policy/match.h"
#include "policy/plan.h"
#include "tools/prepare/reach.h"

/* A command as the library would find it at its start. */
struct command_facts {
    char *link; /* the program's path as execvp(3) finds it; of a script, the script's */
    char *argv;
    char comm[16];
    struct reached reached;
    struct process_facts process; /* points into the others */
};

/*
 * index: the rank, or PLAN_NONE. 0 or the negative errno that execvp(3) would end with, or -ENOMEM. Free in either case.
 */
int command_facts(struct command_facts *ret_facts, char **command, uint32_t index);
void command_facts_free(struct command_facts *facts);

/* FROM_OUTSIDE: the caller's process is to be watched (tools/apply/beside.h). */
enum governed { GOVERNED, GOVERNED_NO_TARGET, GOVERNED_AS_A_WHOLE, GOVERNED_FROM_OUTSIDE };

/*
 * Says on stderr, in a line, why the command would not be governed by the library. A target that the library does not
 * get into gets what the plan has for a process as a whole, unless `strict`: this process has it then. Its threads can be
 * placed as well, where it gains no rights and the caller has it watched: `may_watch`. GOVERNED: it would be, or it
 * is not known.
 */
enum governed govern_look(const char *plan_path, char **command, uint32_t index, bool strict, bool may_watch);

#endif
