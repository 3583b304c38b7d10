/*
 * told_file: the kernel's files that say how many CPUs there are, as the program reads them through libc, where the policy
 * tells it a number of its own ([cpu_count] apis). Any thread, signal-safe; errno survives.
 */
#ifndef NODEWISE_SHIM_INTERPOSE_TOLD_FILE_H
#define NODEWISE_SHIM_INTERPOSE_TOLD_FILE_H

#include <stdbool.h>

/* Is it one of these files, and is the program told another number than it has? */
bool told_file_is(const char *path);
/*
 * The program has opened it as this descriptor, which now is a file of memory with the text for the CPUs that it is told.
 * Where none can be made it stays the kernel's file.
 */
void told_file_replace(int fd, const char *path);

#endif
