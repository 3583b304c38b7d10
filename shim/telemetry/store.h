/*
 * store: where the bytes of the segment are. In a file of the first runtime folder that has room for it, PID.seg; else in
 * memory that needs no folder and that no file system has to have room for:
 *
 *   a memfd     whose name, which /proc/PID/maps shows, says why there is no file (SEGMENT_MEMORY_NAME)
 *   shared anonymous memory     where RLIMIT_FSIZE is too small for a memfd, too, or cannot be asked: a call that made
 *               a file larger would end the process with SIGXFSZ then
 *
 * A view reads both through /proc, where the kernel lets it. No descriptor stays open. Processes of two pid namespaces
 * may share a folder: the second of one number has the inode of its namespace in the name, PID-INODE.seg.
 *
 * One thread at a time; signal-safe, no allocation, errno kept.
 */
#ifndef NODEWISE_SHIM_TELEMETRY_STORE_H
#define NODEWISE_SHIM_TELEMETRY_STORE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Maps zeroed memory of that size for the segment of this process (room.h knows it then), in place of what was there
 * before. at_once: bytes from the beginning that every process writes. NULL: there is no memory either.
 */
void *store_map(size_t size, size_t at_once);
/*
 * Maps shared memory for an answer to a command where the segment has no file, in place of the last one's. name: of what
 * it is, ending in "-"; readers find it among the mappings. NULL: there is none.
 */
void *store_map_answer(const char *name, size_t size);
/* Forgets the file and the answer, which are the parent's. */
void store_leave(void);
/* Removes the file, if there is one. */
void store_remove(void);

bool store_has_file(void);
/* Writes the file's path to ret_path. -ENOENT: there is no file; -ENAMETOOLONG. */
int store_path(char *ret_path, size_t size);

#define STORE_NAME_SIZE 48u /* of a name beside the segment, with its NUL */
/*
 * Opens the folder of the segment's file and writes the name of the file beside it that has this suffix to ret_name
 * (STORE_NAME_SIZE). Returns a descriptor, which the caller closes, or -1: there is no such folder, or no more.
 */
int store_beside(const char *suffix, char *ret_name);

#endif
