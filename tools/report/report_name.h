/* report_name: the file of a report from its template in the policy, or in `run --report`. */
#ifndef NODEWISE_TOOLS_REPORT_REPORT_NAME_H
#define NODEWISE_TOOLS_REPORT_REPORT_NAME_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Replaces {comm}, {pid}, {hostname} and {rank} (in its job, as the launcher counts; 0 without one) by those of
 * the process. A '/' inside a value becomes '_', so a program's name cannot lead out of the folder.
 * 0, or -ENAMETOOLONG after a word on stderr.
 */
int report_name(const char *pattern, pid_t pid, const char *comm, char *ret_name, size_t size);

#endif
