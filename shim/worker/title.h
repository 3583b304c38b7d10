/*
 * title: the title of a forked process, read again some time after the fork (process.match_delay): servers write the
 * titles of their children when the children already run, and rules match by them (process_argv, process_comm).
 */
#ifndef NODEWISE_SHIM_WORKER_TITLE_H
#define NODEWISE_SHIM_WORKER_TITLE_H

#include <stdbool.h>
#include <stdint.h>

/* In a forked child, while it has one thread. Wakes the worker where there is a title to wait for. */
void title_forked(void);

/* ns until the title is to be read; 0: now; UINT64_MAX: not at all. Any thread, signal-safe. */
uint64_t title_wait(void);
/* Reads it when it is time, and has main matched again. Any thread, signal-safe; errno kept. */
void title_look(void);

#endif
