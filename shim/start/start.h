/*
 * start: decides once whether this process is governed, and gets everything ready when it is.
 *
 * Runs in the constructor, or before it when another library's constructor creates a thread first. Whatever goes
 * wrong here leaves the process as it would be without us; the one exception is enforcement = "hard".
 */
#ifndef NODEWISE_SHIM_START_START_H
#define NODEWISE_SHIM_START_START_H

/* Idempotent; a second thread that comes while the first decides is not waited for and not governed yet. */
void shim_start(void);

/*
 * At the beginning of every interposed function of threads and names: the program's threads may start before our
 * constructor. Afterwards the early symbols are bound, whatever was decided.
 */
void shim_ready(void);

/* The fork handler of the child, also run late when a fork went past it. */
void shim_forked(void);

#endif
