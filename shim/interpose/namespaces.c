/*
 * namespaces: unshare and setns. Some namespaces may only be entered by a process with one thread; the library's own
 * worker must not be the second. The program's call is made first, so a process without a worker notices nothing.
 */
#include <errno.h>
#include <sched.h>

#include "shim/base/common.h"
#include "shim/base/next.h"
#include "shim/base/peer.h"
#include "shim/base/state.h"
#include "shim/interpose/namespaces.h"
#include "shim/worker/worker.h"

/* The kernel's answers to a process that has another thread (unshare(2), setns(2)). */
static bool may_mean_threads(int error)
{
    return error == EINVAL || error == EUSERS;
}

bool namespaces_again(long result)
{
    peer_namespaces_changed();
    if (result == 0 || !may_mean_threads(errno) || !shim_is_governing() || raw_getpid() != shim.pid)
        return false;
    return worker_leave();
}

PUBLIC int unshare(int flags)
{
    int result = NEXT_OR_ENOSYS(unshare, (flags));

    if (namespaces_again(result)) {
        result = NEXT_OR_ENOSYS(unshare, (flags));
        worker_may_return();
    }
    return result;
}

PUBLIC int setns(int fd, int type)
{
    int result = NEXT_OR_ENOSYS(setns, (fd, type));

    if (namespaces_again(result)) {
        result = NEXT_OR_ENOSYS(setns, (fd, type));
        worker_may_return();
    }
    return result;
}
