/* error_reason: the reason code for a negative errno of a kernel call. Pure. */
#ifndef NODEWISE_SHIM_SYS_ERROR_REASON_H
#define NODEWISE_SHIM_SYS_ERROR_REASON_H

#include <errno.h>

#include "policy/reason.h"
#include "shim/sys/placing.h"

static inline enum reason reason_of_error(int error)
{
    switch (error) {
    case -EPERM:
    case -EACCES:
        return REASON_EPERM;
    case -ENOSYS:
        return REASON_ENOSYS;
    case -EINVAL:
        return REASON_EINVAL;
    case -ESRCH:
        return REASON_ESRCH;
    case -EPRETENDED:
        return REASON_NOT_APPLIED;
    default:
        return REASON_ERRNO;
    }
}

#endif
