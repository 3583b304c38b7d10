#include "tools/sha1sum/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <nodewise.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/sys/again.h"

/* Fits into a core's own cache, with what the kernel touches to fill it. */
#define PART  (256u << 10)
#define AHEAD (8 * PART)
/* From here on opening the loop, which loads a library, is below a hundredth of the work. */
#define LARGE (64u << 20)

/* A thread's own, on its node because the thread is the first to touch it; until the process ends. */
struct lane {
    void *parts[2];
    struct nw_io *io;
    bool was_tried;
};
static _Thread_local struct lane lane;

/* Of a file's next bytes, from `at` on: hints, which the kernel may refuse. */
static void ask_ahead(const struct reader *reader)
{
    if (reader->at % AHEAD == 0)
        posix_fadvise(reader->fd, reader->at + AHEAD, AHEAD, POSIX_FADV_WILLNEED);
}

/* --- with a loop --- */

static bool has_loop(void)
{
    if (!lane.was_tried && nw_io_open(1, NULL, &lane.io) < 0)
        lane.io = NULL;
    lane.was_tried = true;
    if (lane.io && !lane.parts[1])
        lane.parts[1] = malloc(PART);
    return lane.io && lane.parts[1];
}

static void note(struct nw_io *io, int result, void *context)
{
    struct reader *reader = context;
    (void)io;
    reader->result = result;
    reader->is_under_way = false;
}

/* Begins to read the next part; one that the kernel has at hand is there afterwards. */
static int begin_next(struct reader *reader)
{
    ask_ahead(reader);
    int error = nw_io_read(lane.io, reader->fd, lane.parts[reader->part], PART, NW_IO_POSITION, note, reader);
    if (error < 0)
        return error;
    reader->is_asked = reader->is_under_way = true;
    error = nw_io_run(lane.io, 0);
    return error < 0 && error != -ETIMEDOUT ? error : 0;
}

static ssize_t next_by_loop(struct reader *reader, const void **ret_part)
{
    int error = reader->is_asked ? 0 : begin_next(reader);
    bool is_late = reader->is_under_way;
    while (error >= 0 && reader->is_under_way)
        error = nw_io_run(lane.io, -1);
    if (error < 0)
        return error;
    int bytes = reader->result;
    *ret_part = lane.parts[reader->part];
    reader->is_asked = false;
    reader->at += bytes > 0 ? bytes : 0;
    if (!is_late || bytes <= 0)
        return bytes;
    reader->part ^= 1;
    error = begin_next(reader);
    return error < 0 ? error : bytes;
}

/* --- in any case --- */

static ssize_t next_here(struct reader *reader, const void **ret_part)
{
    unsigned interruptions = 0;
    ssize_t bytes;
    ask_ahead(reader);
    do
        bytes = read(reader->fd, lane.parts[0], PART);
    while (bytes < 0 && call_again(&interruptions));
    *ret_part = lane.parts[0];
    reader->at += bytes > 0 ? bytes : 0;
    return bytes < 0 ? -errno : bytes;
}

ssize_t reader_next(struct reader *reader, const void **ret_part)
{
    return reader->is_looped ? next_by_loop(reader, ret_part) : next_here(reader, ret_part);
}

int reader_begin(struct reader *reader, int fd)
{
    struct stat status;
    if (!lane.parts[0] && !(lane.parts[0] = malloc(PART)))
        return -ENOMEM;
    bool is_large = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size >= LARGE;
    *reader = (struct reader){.fd = fd, .is_looped = is_large && has_loop()};
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return 0;
}

void reader_end(struct reader *reader)
{
    while (reader->is_under_way && nw_io_run(lane.io, -1) > 0)
        ;
}
