/*
 * process: prctl, because it sets names and because programs enter their sandboxes with it; _exit, because it runs no
 * destructors.
 */
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "shim/base/common.h"
#include "shim/base/next.h"
#include "shim/base/state.h"
#include "shim/interpose/process.h"
#include "shim/place/place.h"
#include "shim/start/finish.h"
#include "shim/start/start.h"
#include "shim/sys/raw.h"

static void named_itself(const char *name)
{
    if (place_has_name(name))
        return;
    pid_t tid = thread_own_tid();
    /*
     * a vfork child runs in the parent's memory with the parent's thread block: its name must not change the parent's
     * record
     */
    if (thread_self && atomic_load_explicit(&thread_self->tid, memory_order_relaxed) != (uint32_t)tid)
        return;
    place_renamed(tid, name);
    place_catch_up();
}

/*
 * Decided before the call: after PR_SET_SECCOMP each of our own system calls may be what the kernel kills for. Of a name
 * named_itself() sees whether the memory is borrowed, where the thread has a record.
 */
static bool concerns_us(int option)
{
    if (!shim_is_governing())
        return false;
    if (option == PR_SET_NAME && thread_self)
        return true;
    return (option == PR_SET_NAME || option == PR_SET_NO_NEW_PRIVS || option == PR_SET_SECCOMP) && !shim_is_borrowed();
}

struct control control_begin(int option, unsigned long second)
{
    if (option == PR_SET_NO_NEW_PRIVS || option == PR_SET_SECCOMP)
        shim.waits = false;
    struct control control = {.is_ours = concerns_us(option), .option = option, .second = second};
    if (control.is_ours && option == PR_SET_SECCOMP)
        control.now = monotonic_ns();
    return control;
}

void control_end(const struct control *control, bool succeeded)
{
    int option = control->option;
    if (!control->is_ours || !succeeded)
        return;
    if (option == PR_SET_SECCOMP && control->second == SECCOMP_MODE_STRICT)
        state_stop_clock(control->now);
    if (option == PR_SET_SECCOMP)
        allow_none();
    if (option == PR_SET_NAME && shim_is_governing())
        named_itself((const char *)control->second);
    else if ((option == PR_SET_NO_NEW_PRIVS && control->second) || option == PR_SET_SECCOMP)
        place_stop(REASON_SANDBOXED);
}

PUBLIC int prctl(int option, ...)
{
    unsigned long arguments[4];
    va_list list;
    va_start(list, option);
    for (int i = 0; i < 4; i++)
        arguments[i] = va_arg(list, unsigned long);
    va_end(list);
    shim_ready();
    struct control control = control_begin(option, arguments[0]);
    int result = NEXT(prctl)(option, arguments[0], arguments[1], arguments[2], arguments[3]);
    control_end(&control, result >= 0);
    return result;
}

PUBLIC _Noreturn void _exit(int status)
{
    shim_ready();
    shim_finish();
    NEXT(_exit)(status);
    __builtin_unreachable();
}

PUBLIC _Noreturn void _Exit(int status)
{
    shim_ready();
    shim_finish();
    NEXT(_Exit)(status);
    __builtin_unreachable();
}
