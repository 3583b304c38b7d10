/*
 * request: what a command asks of a running process. It leaves a file beside the segment and raises a word in the
 * segment (request_wanted); a thread that passes a hook sees that, and the worker does it:
 *
 * - PID.reload: the path of another plan (reload.h);
 * - PID.survey: where do the pages of each thread lie (worker/survey.h)?
 */
#ifndef NODEWISE_SHIM_WORKER_REQUEST_H
#define NODEWISE_SHIM_WORKER_REQUEST_H

#include <stdbool.h>

/* Was anything asked for? Starts the helper if so. Any thread; a load and a comparison; errno kept. */
void request_look(void);
bool request_is_due(void);
/* For the worker. */
void request_run(void);
void request_forked(void);

#endif
