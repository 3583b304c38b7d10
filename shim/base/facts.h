/*
 * facts: what the shim knows about the process: the values that [target] and the process keys of `match` compare.
 *
 * The shim calls these functions at start-up, after a fork and during a reload, from one thread at a time; the functions
 * that read files and facts_start_ticks() may also be called by other threads. The texts live in static storage. A fact
 * that cannot be read is NULL or 0.
 */
#ifndef NODEWISE_SHIM_BASE_FACTS_H
#define NODEWISE_SHIM_BASE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fills shim.facts with the facts that the plan needs, except `exe`. */
void facts_read(void);
/*
 * Reads `exe` when a condition of the plan compares it. Returns true when it was read now. It is separate because the
 * look-up in /proc is expensive, and for most processes the path that they were started by already decides.
 */
bool facts_read_exe(void);
/*
 * Is it certain, without reading `exe`, that an `exe` of [target] does not match? Needs no other fact, and makes only calls
 * that any filter lets live (sys/allowed.h).
 */
bool facts_rule_out_exe(void);
/*
 * Reads a small file as a string of at most size - 1 bytes. Returns the length; 0 when the file is empty or cannot be
 * read.
 */
size_t facts_read_file(const char *path, char *ret_text, size_t size);
/* The same of /proc/self/task/TID/NAME. */
size_t facts_read_thread_file(uint32_t tid, const char *name, char *ret_text, size_t size);
/*
 * The start time of a process in clock ticks after boot, which tells a reused pid from its predecessor. pid 0 means the
 * calling process. Returns 0 when the time is unknown.
 */
uint64_t facts_start_ticks(uint32_t pid);
/* Adds the facts that the current plan does not need, because the next plan may need them. One thread at a time. */
void facts_complete(void);
/* For a forked child: sets `forked` and makes the forking process the parent. */
void facts_forked(void);

/* Reads the arguments again: a process may change its title. */
void facts_read_title(void);

/* Reads the process's name, which only a governed process needs. */
void facts_keep(void);

#endif
