/*
 * supervise: runs a program as a child and waits for it, as if it had been exec'ed: it gets the terminal's signals from
 * the terminal, and the command passes on those that it is sent.
 */
#ifndef NODEWISE_TOOLS_COMMON_SUPERVISE_H
#define NODEWISE_TOOLS_COMMON_SUPERVISE_H

#include <jansson.h>
#include <sys/types.h>

/*
 * The program's exit status as a shell has it (128 + signal where it was killed), or EXIT_RUN_NOT_FOUND,
 * EXIT_RUN_NOT_EXECUTABLE, EXIT_RUN_FAILED after having said why. `look`, where it is not NULL, is called every
 * `seconds` while the program runs. One call a process.
 */
int supervise(char **command, void (*look)(void *context, pid_t pid), void *context, double seconds);

/*
 * The same for a program whose environment loads the shim (NODEWISE_PLAN and LD_PRELOAD, or `run`'s): its report is
 * asked for, too. *ret_report: the caller's, NULL when it left none.
 */
int supervise_reported(char **command, void (*look)(void *context, pid_t pid), void *context, double seconds,
                       json_t **ret_report);

#endif
