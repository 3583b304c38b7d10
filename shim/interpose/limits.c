/*
 * limits: setrlimit and prlimit. A limit on address space or data counts what the arenas reserve, so they shrink to what
 * they use before the limit is there (arena/limits.h).
 *
 * Under names of their own: headers declare the first parameter as int or as an enumeration.
 */
#include "shim/interpose/limits.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "shim/arena/arena.h"
#include "shim/arena/limits.h"
#include "shim/base/common.h"
#include "shim/base/next.h"
#include "shim/base/state.h"
#include "shim/sys/raw.h"

PUBLIC int limits_setrlimit(int resource, const struct rlimit *limit) __asm__("setrlimit");
PUBLIC int limits_setrlimit64(int resource, const struct rlimit64 *limit) __asm__("setrlimit64");
PUBLIC int limits_prlimit(pid_t pid, int resource, const struct rlimit *limit,
                          struct rlimit *ret_old) __asm__("prlimit");
PUBLIC int limits_prlimit64(pid_t pid, int resource, const struct rlimit64 *limit,
                            struct rlimit64 *ret_old) __asm__("prlimit64");

/* Not in a vfork child: its limits are its own, the arenas are its parent's. */
static bool is_own(pid_t pid)
{
    pid_t own = raw_getpid();
    return (pid == 0 || pid == own) && (own == shim.pid || shim_was_forked());
}

bool limits_begin(pid_t pid, int resource, const void *limit)
{
    rlim64_t most;
    if ((resource != RLIMIT_AS && resource != RLIMIT_DATA) || !limit || !arena_is_on() || !is_own(pid))
        return false;
    most = ((const struct rlimit64 *)limit)->rlim_cur;
    if (most != RLIM64_INFINITY)
        limits_expected(resource == RLIMIT_AS);
    return true;
}

void limits_end(bool concerned)
{
    if (concerned)
        limits_look();
}

int limits_setrlimit(int resource, const struct rlimit *limit)
{
    bool concerned = limits_begin(0, resource, limit);
    int result = NEXT_OR_ENOSYS(setrlimit, (resource, limit));
    limits_end(concerned);
    return result;
}

int limits_setrlimit64(int resource, const struct rlimit64 *limit)
{
    bool concerned = limits_begin(0, resource, limit);
    int result = NEXT_OR_ENOSYS(setrlimit64, (resource, limit));
    limits_end(concerned);
    return result;
}

int limits_prlimit(pid_t pid, int resource, const struct rlimit *limit, struct rlimit *ret_old)
{
    bool concerned = limits_begin(pid, resource, limit);
    int result = NEXT_OR_ENOSYS(prlimit, (pid, resource, limit, ret_old));
    limits_end(concerned);
    return result;
}

int limits_prlimit64(pid_t pid, int resource, const struct rlimit64 *limit, struct rlimit64 *ret_old)
{
    bool concerned = limits_begin(pid, resource, limit);
    int result = NEXT_OR_ENOSYS(prlimit64, (pid, resource, limit, ret_old));
    limits_end(concerned);
    return result;
}
