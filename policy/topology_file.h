/*
 * topology_file: the text of a machine's description in hwloc's XML, read within bounds before hwloc takes it, whose time
 * grows faster than such a text.
 */
#ifndef NODEWISE_POLICY_TOPOLOGY_FILE_H
#define NODEWISE_POLICY_TOPOLOGY_FILE_H

#include <stddef.h>

#define TOPOLOGY_MOST_CPUS    16384u /* of a description */
#define TOPOLOGY_MOST_OBJECTS (8 * TOPOLOGY_MOST_CPUS)
#define TOPOLOGY_MOST_BYTES   (64u * 1024 * 1024) /* 16,384 threads in 64 nodes take 17 MiB */

/*
 * Reads a file or a pipe. *ret_text is malloc'd and ends with a NUL, which *ret_size counts. Returns 0 or a negative errno:
 * -EFBIG: it is longer, or has more hardware threads or objects, than these.
 */
int topology_file_read(const char *path, char **ret_text, size_t *ret_size);

#endif
