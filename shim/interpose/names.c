/* names: pthread_setname_np, for the calling thread and for others. */
#include <errno.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "shim/base/common.h"
#include "shim/base/next.h"
#include "shim/base/state.h"
#include "shim/base/thread.h"
#include "shim/base/thread_id.h"
#include "shim/place/place.h"
#include "shim/start/start.h"

/* For the calling thread libc makes the call by which the kernel names the caller, also in a child of vfork. */
static pid_t named_tid(pthread_t thread)
{
    return pthread_equal(thread, pthread_self()) ? thread_own_tid() : thread_tid_in_libc(thread);
}

PUBLIC int pthread_setname_np(pthread_t thread, const char *name)
{
    shim_ready();
    next_pthread_setname_np *next = NEXT_OR_BIND(pthread_setname_np);
    int error = next ? next(thread, name) : ENOSYS;
    if (error || !shim_is_governing())
        return error;
    if (!pthread_equal(thread, pthread_self()) || !place_has_name(name)) {
        pid_t tid = named_tid(thread);
        if (tid > 0)
            place_renamed(tid, name);
    }
    place_catch_up();
    return 0;
}
