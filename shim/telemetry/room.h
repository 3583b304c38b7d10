/*
 * room: the pages of the segment that may be written. A write to a page of a file that the file system has no room for
 * ends the process with SIGBUS, so pages are made present first (MADV_POPULATE_WRITE, Linux 5.14), a group at a time
 * when the first record in it is written: all of them would cost each start 80 us. On older kernels the whole file is
 * allocated at once (fallocate(2)).
 *
 * One segment at a time. room_open() and room_private() from one thread; room_has(): any thread, signal-safe, errno kept.
 */
#ifndef NODEWISE_SHIM_TELEMETRY_ROOM_H
#define NODEWISE_SHIM_TELEMETRY_ROOM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * For a mapping of the file fd, size bytes of it: makes at least the first at_once bytes present. 0, or a negative errno
 * when there is no room for them.
 */
int room_open(int fd, void *start, size_t size, size_t at_once);

/* For private memory, which has room for everything. */
void room_private(void *start, size_t size);

/* No system call any more: only what is present by now may be written. For good, as a sandbox is. Signal-safe. */
void room_freeze(void);

/* The same without making anything present. */
bool room_has_already(const void *at, size_t size);

/* May these bytes of the segment be written? false: there is no room, or they are of a segment that was replaced. */
bool room_has(const void *at, size_t size);

#endif
