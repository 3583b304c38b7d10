/*
 * told_file: the kernel's files that say how many CPUs there are, as the program reads them through libc, where the policy
 * tells it a number of its own ([cpu_count] apis). Any thread, signal-safe; errno survives.
 */
#ifndef NODEWISE_SHIM_INTERPOSE_TOLD_FILE_H
#define NODEWISE_SHIM_INTERPOSE_TOLD_FILE_H

struct told_file;

/* The file of that path, if it is one of these and the policy tells a number by it; else NULL. */
const struct told_file *told_file_at(const char *path);
/*
 * The program has opened it as this descriptor, which now is a file of memory with the text for the CPUs that it is told.
 * Where none can be made it stays the kernel's file.
 */
void told_file_replace(const struct told_file *file, int fd);

#endif
