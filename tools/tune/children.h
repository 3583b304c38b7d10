/*
 * children: the processes that a run has left: all of them end with it, daemons included, so that the next run finds the
 * machine, its ports and its files as this one did. One thread.
 */
#ifndef NODEWISE_TOOLS_TUNE_CHILDREN_H
#define NODEWISE_TOOLS_TUNE_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CHILDREN_MOST 1024u

/* From now on the children of children that end come to this process. 0 or negative errno. */
int children_adopt(void);
/* Those that live, of all generations; more than CHILDREN_MOST are not listed. Returns how many. */
size_t children_list(pid_t ret_pids[CHILDREN_MOST]);
/* Does one of them listen on a socket: TCP, or of the Unix domain. */
bool children_listen(void);
/* Asks all of them to end, and kills those that still live after so many seconds. */
void children_end(double seconds);

#endif
