/* map_file: a regular file in memory, to be read; and the small ones of the kernel. */
#ifndef NODEWISE_TOOLS_COMMON_MAP_FILE_H
#define NODEWISE_TOOLS_COMMON_MAP_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct mapped {
    const char *data;
    size_t size;
};

/* 0 (munmap(2) it afterwards), -EINVAL (no regular file, empty, or larger than max), or another negative errno. */
int map_file(struct mapped *ret_file, const char *path, size_t max);

/* The first size - 1 bytes of a file under /proc or /sys as a string; a missing one is empty. Returns the length. */
size_t read_start(const char *path, char *ret_text, size_t size);
/* The same up to the end of its first line. false: there is nothing. */
bool read_line(const char *path, char *ret_line, size_t size);

#endif
