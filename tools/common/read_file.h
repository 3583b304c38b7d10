/*
 * read_file: regular files of any owner, read into memory. None is mapped: its owner could cut it short, and the reader
 * would end by SIGBUS. Nothing but a regular file is ever opened: a FIFO would make the reader wait, a device may do
 * something when it is opened. And the small files of the kernel.
 */
#ifndef NODEWISE_TOOLS_COMMON_READ_FILE_H
#define NODEWISE_TOOLS_COMMON_READ_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct file_bytes {
    char *data; /* malloc'd */
    size_t size;
};

/*
 * Opens a regular file in that folder (or AT_FDCWD) with flags of open(2); a link is not followed. *ret_status is of
 * the file that was opened. The descriptor, -EINVAL: it is no regular file, -ELOOP: a link, or another negative errno.
 */
int open_regular(int folder, const char *name, int flags, struct stat *ret_status);
/* `size` bytes from `offset` on. 0, -ENODATA: the file is shorter by now, or another negative errno. */
int read_at(int fd, void *ret_data, size_t size, off_t offset);
/* The whole file that is open. 0, -EINVAL: empty, or larger than max; -ENODATA; or another negative errno. */
int read_opened(struct file_bytes *ret_file, int fd, const struct stat *status, size_t max);
/* The same of a path. free(3) the data afterwards. */
int read_file(struct file_bytes *ret_file, const char *path, size_t max);

/* What comes from a pipe until its end. 0, -EFBIG: more than max bytes; or another negative errno. */
int read_stream(struct file_bytes *ret_bytes, int fd, size_t max);

/* The first size - 1 bytes of a file under /proc or /sys as a string; a missing one is empty. Returns the length. */
size_t read_start(const char *path, char *ret_text, size_t size);
/* The same up to the end of its first line. false: there is nothing. */
bool read_line(const char *path, char *ret_line, size_t size);

#endif
