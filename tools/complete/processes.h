/* processes: the ids of running processes and threads, each with its name, for completion. */
#ifndef NODEWISE_TOOLS_COMPLETE_PROCESSES_H
#define NODEWISE_TOOLS_COMPLETE_PROCESSES_H

#include <stdbool.h>

#include "tools/complete/answer.h"

/* Those that run under a policy and that this user may see; any: all programs that this user may place. */
void processes_add(struct answer *answer, bool any);
/* "PID/TID" for the threads of the process that "PID/…" names. */
void processes_add_threads(struct answer *answer, const char *typed);

#endif
