/*
 * title: reads the title of a forked process again some time after the fork (process.match_delay). Servers set the
 * titles of their children when the children already run, and rules match by them (process_argv, process_comm). The
 * functions return no errors.
 */
#ifndef NODEWISE_SHIM_WORKER_TITLE_H
#define NODEWISE_SHIM_WORKER_TITLE_H

#include <stdbool.h>
#include <stdint.h>

/* In a forked child, while it has one thread. Wakes the worker if a title is to be read later. */
void title_forked(void);

/* ns until the title is to be read; 0: now; UINT64_MAX: never. Any thread, signal-safe. */
uint64_t title_wait(void);
/* Reads the title when it is time, and has main matched again. Any thread, signal-safe; errno kept. */
void title_look(void);

#endif
