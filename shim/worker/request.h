/*
 * request: what a command asks of a running process. The command leaves a file beside the segment and raises a word in
 * the segment (request_wanted). A thread that passes a hook sees the word and wakes the worker, which does what the
 * file asks for:
 *
 * - PID.reload holds the path of another plan (start/reload.h);
 * - PID.survey asks where the pages of each thread lie (worker/survey.h).
 *
 * Where the segment is in no file, the command writes the path of the plan into it (request_path).
 *
 * The outcome goes to the segment (reload_reason, request_done).
 */
#ifndef NODEWISE_SHIM_WORKER_REQUEST_H
#define NODEWISE_SHIM_WORKER_REQUEST_H

#include <stdbool.h>

/* Wakes the worker if a command has asked for something. Any thread; costs a load and a comparison; errno kept. */
void request_look(void);
bool request_is_due(void);
/* Does what was requested. For the worker. */
void request_run(void);
void request_forked(void);

#endif
