/*
 * shared_file: a small file in a runtime folder that the processes of a user share. It is read and written, never
 * mapped, so that who cuts it short ends no process. It is locked by flock(2), which the kernel ends when the holder dies.
 * errno is not kept. Any thread, signal-safe.
 */
#ifndef NODEWISE_SHIM_BASE_SHARED_FILE_H
#define NODEWISE_SHIM_BASE_SHARED_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct shared_file {
    int fd;           /* the caller closes it, which also unlocks it where no copy of the descriptor is left */
    uint64_t limit;   /* bytes: RLIMIT_FSIZE, behind which a write is SIGXFSZ */
    struct stat info; /* tells whether another file has taken its place */
};

/* Opens or makes the file and proves that it is a regular one of this user. more: further flags. 0, a negative errno. */
int shared_file_open(int folder, const char *name, int more, struct shared_file *ret_file);
/* Is the file still the one of that name? */
bool shared_file_is_in_place(int folder, const char *name, const struct shared_file *file);
/* Waits `most` ns at most, 0: not at all. false: another process has the lock. */
bool shared_file_lock(int fd, uint64_t most);

/* For struct ledger_file and struct board_file; context: a struct shared_file. */
long shared_file_read(void *context, uint64_t offset, void *ret_data, size_t size);
int shared_file_write(void *context, uint64_t offset, const void *data, size_t size);

#endif
