/* Preloaded: a kernel before 5.18, as the plug-in of io_uring sees it: no ring that sends messages can be made. */
#include <errno.h>
#include <liburing.h>

__attribute__((visibility("default"))) int io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags)
{
    (void)entries;
    (void)ring;
    (void)flags;
    return -EINVAL;
}
