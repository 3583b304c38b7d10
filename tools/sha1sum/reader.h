/*
 * reader: the parts of a file in their order. Those of a large file come through a loop of nodewise-io.h: while a part is
 * hashed the kernel reads the next one, unless it has that at hand; then it is read when it is needed, into caches that hash
 * it at once. Small files, pipes, and all where there is no io_uring are read as they come.
 *
 * A thread has one reader at a time.
 */
#ifndef NODEWISE_TOOLS_SHA1SUM_READER_H
#define NODEWISE_TOOLS_SHA1SUM_READER_H

#include <stdbool.h>
#include <sys/types.h>

struct reader {
    int fd;
    off_t at;
    bool is_looped;
    bool is_asked, is_under_way; /* the next part: its read was begun, has not ended */
    unsigned part;               /* which of the thread's two it goes to */
    int result;                  /* of the read that ended last */
};

/* From the descriptor's position on. 0, -ENOMEM. */
int reader_begin(struct reader *reader, int fd);
/* The bytes of the next part, valid until the next call; 0: the file has ended; or a negative errno. */
ssize_t reader_next(struct reader *reader, const void **ret_part);
void reader_end(struct reader *reader);

#endif
