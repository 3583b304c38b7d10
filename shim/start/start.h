/*
 * start: decides once whether this process is governed, and prepares everything if it is.
 *
 * It runs in the constructor, or earlier if another library's constructor creates a thread first. Any error leaves the
 * process as it would be without the library; the one exception is enforcement = "hard". The state lives as long as the
 * process (base/state.h).
 */
#ifndef NODEWISE_SHIM_START_START_H
#define NODEWISE_SHIM_START_START_H

/* Idempotent. A second thread that calls it while the first one decides does not wait and is not governed yet. */
void shim_start(void);

/*
 * Called at the beginning of every interposed function about threads and names, because the program's threads may start
 * before the library's constructor. Afterwards the early symbols are bound, whatever was decided.
 */
void shim_ready(void);

/*
 * The program is about to make a thread while shim.waits: finds out what its filter permits and, if the process is
 * governed, begins to govern it. Once; only in the first thread.
 */
void shim_start_late(void);

/* The child's fork handler. It also runs late, when a fork ran no handlers. */
void shim_forked(void);

#endif
