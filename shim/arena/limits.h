/*
 * limits: the arenas obey RLIMIT_AS and RLIMIT_DATA, however they are set: malloc gets as much as without arenas, and
 * the program's own mappings do, too.
 *
 * A limit that is there at the start makes the regions lean at once. Later ones are seen when the program sets them
 * (interpose/limits.c); one that another process sets, when a region grows by more than a few MiB, when a mapping or an
 * allocation fails, or within a second of the program's next work with memory.
 *
 * A limit on address space alone that appears at run time may be below what the process has: the C library serves malloc
 * from what its arenas reserved before, 64 MiB for each thread that it had at once but one. So much stays reserved, shared
 * out among regions by their heaps (short regions, lean.h), until a mapping or a thread of the program needs the room.
 *
 * Any thread, also inside calls of the program; errno is kept.
 */
#ifndef NODEWISE_SHIM_ARENA_LIMITS_H
#define NODEWISE_SHIM_ARENA_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is the process limited, as far as it was looked at? */
bool limits_are_set(void);

/* As many slices as the smaller limit has, UINT32_MAX without any: roughly what one object can have. */
uint32_t limits_slices(void);

/* Start-up, before the regions are there. Whether the address space is limited. */
bool limits_at_start(void);

/* Asks the kernel: a limit that the regions do not obey yet? For callers that hold a region's lock. */
bool limits_appeared(void);

/*
 * A limit is about to be set, of address space or of data: what is idle goes back first, lest another thread's mapping
 * fails in between.
 */
void limits_expected(bool space);

/* Asks the kernel, and obeys. Whether memory or address space went back that a failed call may get now. */
bool limits_look(void);

/* The same, before a call that maps where a failure would not be seen: what was kept reserved goes back, too. */
void limits_make_room(void);

/* The same after a failure of the program's, and where a limit is set, all that is idle goes back. */
bool limits_relieve(void);

/*
 * The same for malloc, which may not have been served from a short region: what is kept reserved goes back only where so
 * many bytes can be mapped. If they cannot, the C library had none either, and smaller objects still get theirs.
 */
bool limits_relieve_allocation(size_t size);

#endif
