#include "shim/start/filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "shim/base/environment.h"
#include "shim/start/trial.h"
#include "shim/sys/allowed.h"
#include "shim/sys/glibc.h"
#include "shim/sys/raw.h"
#include "shim/sys/status.h"

/* --- is there one? --- */

/* Without /proc the kernel is asked, for which a filter may kill; it is the one call that is made on trust. */
static struct status ask(void)
{
    struct status status = {STATUS_UNKNOWN, STATUS_UNKNOWN, STATUS_UNKNOWN};
    if (!status_read("/proc/self/status", &status) || status.seccomp == STATUS_UNKNOWN)
        status.seccomp = program_call(SYS_prctl, PR_GET_SECCOMP, 0, 0, 0, 0);
    return status;
}

/* --- does it permit to make a process? --- */

static bool is_in_container(void)
{
    return raw_access("/.dockerenv", F_OK) == 0 || raw_access("/run/.containerenv", F_OK) == 0 ||
           environment_get("container") || environment_get("KUBERNETES_SERVICE_HOST");
}

/* Are the filters those of the container alone? A program in it may have set more of them before this one. */
static bool is_of_engine(const struct status *own)
{
    struct status first;
    if (!is_in_container())
        return false;
    return own->number == 1 ||
           (status_read("/proc/1/status", &first) && first.seccomp == own->seccomp && first.filters == own->filters);
}

static bool user_says_so(void)
{
    const char *word = environment_get("NODEWISE_FILTER");
    return word && !strcmp(word, "try");
}

enum reason filter_look(bool hard)
{
    if (atomic_load_explicit(&allowed_calls, memory_order_relaxed) != ALLOWED_CERTAIN)
        return REASON_OK;
    struct status status = ask();
    if (status.seccomp == SECCOMP_MODE_DISABLED || status.seccomp < 0) { /* < 0: a kernel without seccomp */
        allow_all();
        return REASON_OK;
    }
    if (!hard && !is_of_engine(&status) && !user_says_so())
        return REASON_FILTERED;
    return trial_run(SYS_clone) ? REASON_OK : REASON_FILTERED;
}

/*
 * glibc makes threads with clone3, and with clone where the kernel or a filter has no clone3 (2.34); before, with clone.
 * A filter sees no argument of clone3.
 */
bool filter_look_at_thread(void)
{
    if (glibc_minor() < 34)
        return trial_run(SYS_clone);
    errno = 0;
    return trial_run(SYS_clone3) || (errno == ENOSYS && trial_run(SYS_clone));
}
