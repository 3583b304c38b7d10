/* write_all: a text or a record as a whole into a file or a pipe. Any thread, signal-safe. */
#ifndef NODEWISE_SHIM_SYS_WRITE_ALL_H
#define NODEWISE_SHIM_SYS_WRITE_ALL_H

#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

#include "shim/sys/again.h"
#include "shim/sys/raw.h"

/* Returns 0 or a negative errno; -EIO: the file takes no more, and says nothing. */
static inline int write_all(int fd, const void *data, size_t size)
{
    const char *from = data;
    unsigned interruptions = 0;
    while (size > 0) {
        ssize_t written = raw_write(fd, from, size);
        if (written < 0 && call_again(&interruptions))
            continue;
        if (written <= 0)
            return written < 0 ? -errno : -EIO;
        from += written;
        size -= (size_t)written;
    }
    return 0;
}

#endif
