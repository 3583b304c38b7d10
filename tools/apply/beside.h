/*
 * beside: a process that governs one program from outside from its start to its end, for `run` and programs that no library is
 * preloaded into. The program keeps its number, parent, terminal and exit status, as it becomes the process that
 * calls this; the one beside it is no child of it, has a session of its own, and holds none of its files but stderr, until
 * the threads were placed for the first time.
 */
#ifndef NODEWISE_TOOLS_APPLY_BESIDE_H
#define NODEWISE_TOOLS_APPLY_BESIDE_H

#include <stdint.h>

/*
 * The calling process is about to become the program by execve(2). plan: a path or a text (plan_cache.h); number: what
 * process_index matches. What fails later is said on stderr by the process beside. 0, or the negative errno of fork(2).
 */
int beside_start(const char *plan, uint32_t number);

#endif
