/* facts: what [target] and the process keys of `match` look at. Start-up, and after a fork. */
#ifndef NODEWISE_SHIM_BASE_FACTS_H
#define NODEWISE_SHIM_BASE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fills shim.facts with what the plan asks for, except `exe`; texts live in static storage. */
void facts_read(void);
/*
 * Adds `exe` where a condition looks at the program; true when it is new. Apart, because it is a costly look into
 * /proc that most processes are spared: the path that they were started by decides already.
 */
bool facts_read_exe(void);
/* Is it certain without that look that no `exe` of [target] matches? */
bool facts_rule_out_exe(void);
/* A small file, as a string of at most size - 1 bytes. Returns its length; 0: empty, or not to be read. */
size_t facts_read_file(const char *path, char *ret_text, size_t size);
/* When a process began, in clock ticks after boot: tells a reused pid. 0: not known. pid 0: this one. */
uint64_t facts_start_ticks(uint32_t pid);
/* Adds what no plan has asked for until now: another one may. One thread at a time. */
void facts_complete(void);
/* In a forked child: forked, and the parent is the process that we were. */
void facts_forked(void);

/* What the process calls itself now. */
void facts_read_title(void);

/* What only a governed process needs to know: its name. */
void facts_keep(void);

#endif
