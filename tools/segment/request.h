/*
 * request: asking a running process for something (shim/worker/request.h): a file beside its segment, and a word raised
 * in it. The process looks at it when it passes a hook.
 */
#ifndef NODEWISE_TOOLS_SEGMENT_REQUEST_H
#define NODEWISE_TOOLS_SEGMENT_REQUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tools/segment/segment_file.h"

/*
 * Leaves the file with that text, as the process's own, and raises the word; *ret_number is then the request's. A segment
 * in memory takes the text of RELOAD_SUFFIX itself. 0 or negative errno.
 */
int request_make(const struct segment_file *segment, const char *suffix, const char *text, uint32_t *ret_number);
/* Until the process has looked at the request, or has ended. false: not in that many seconds. */
bool request_wait(pid_t pid, uint32_t number, double seconds);

#endif
