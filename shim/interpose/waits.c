/*
 * waits: calls in which servers wait for work or for time to pass. The shim does not change them. A thread that returns
 * from one checks whether a command has made a request (a load and a comparison), so that programs that neither
 * allocate nor make threads notice it, too.
 */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "shim/base/common.h"
#include "shim/base/next.h"
#include "shim/worker/request.h"

#define WAIT(name, parameters, arguments)                                                                              \
    PUBLIC int name parameters                                                                                         \
    {                                                                                                                  \
        int result = NEXT_OR_ENOSYS(name, arguments);                                                                  \
                                                                                                                       \
        request_look();                                                                                                \
        return result;                                                                                                 \
    }

WAIT(epoll_wait, (int fd, struct epoll_event *events, int most, int timeout), (fd, events, most, timeout))
WAIT(epoll_pwait, (int fd, struct epoll_event *events, int most, int timeout, const sigset_t *mask),
     (fd, events, most, timeout, mask))
WAIT(poll, (struct pollfd * fds, nfds_t count, int timeout), (fds, count, timeout))
WAIT(ppoll, (struct pollfd * fds, nfds_t count, const struct timespec *timeout, const sigset_t *mask),
     (fds, count, timeout, mask))
WAIT(select,
     (int count, fd_set *restrict reads, fd_set *restrict writes, fd_set *restrict others,
      struct timeval *restrict timeout),
     (count, reads, writes, others, timeout))
WAIT(nanosleep, (const struct timespec *time, struct timespec *ret_left), (time, ret_left))
WAIT(clock_nanosleep, (clockid_t clock, int flags, const struct timespec *time, struct timespec *ret_left),
     (clock, flags, time, ret_left))
WAIT(usleep, (useconds_t time), (time))
