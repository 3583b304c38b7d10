/*
 * system_call: libc's syscall(2), by which libnuma, Rust, Abseil and others make calls that libc has no function for.
 * Only a few numbers matter to the shim. Every other call is a jump to libc's function and leaves nothing of the shim
 * on the stack, as clone with a stack of its own needs it.
 */
#include "shim/base/common.h"
#include "shim/sys/call.h"

#if HAS_RAW_CALLS
#include <linux/seccomp.h>
#include <stdbool.h>

#include "shim/base/next.h"
#include "shim/base/state.h"
#include "shim/interpose/affinity.h"
#include "shim/interpose/limits.h"
#include "shim/interpose/mempolicy.h"
#include "shim/interpose/namespaces.h"
#include "shim/interpose/process.h"
#include "shim/place/arbitrate.h"
#include "shim/place/place.h"
#include "shim/worker/sweep.h"
#include "shim/worker/worker.h"

/*
 * Declared with seven words instead of "...": both declarations pass integer arguments alike (System V ABI 3.2.3,
 * AAPCS64 6.8.2), and only this one allows to forward the call without a stack frame.
 */
PUBLIC long system_call(long number, long a, long b, long c, long d, long e, long f) __asm__("syscall");

static long set_affinity(long tid, long size, long set, const void *by)
{
    bool active = affinity_is_arbitrated();
    struct thread *thread = active ? arbitrate_begin((pid_t)tid) : NULL;
    long result = program_call(SYS_sched_setaffinity, tid, size, set);
    affinity_end(thread, active, &(struct affinity_call){(pid_t)tid, (size_t)size, (const void *)set, by}, result == 0);
    return result;
}

static long filter(long operation, long flags, long program)
{
    uint64_t now = monotonic_ns();
    bool ours = !shim_is_borrowed();
    long result = program_call(SYS_seccomp, operation, flags, program);
    if (result != 0 || !ours)
        return result;
    if (operation == SECCOMP_SET_MODE_STRICT)
        state_stop_clock(now); /* before anything of ours asks for the time */
    if (operation == SECCOMP_SET_MODE_STRICT || operation == SECCOMP_SET_MODE_FILTER) {
        allow_none();
        place_stop(REASON_SANDBOXED);
    }
    return result;
}

static long control(long option, long a, long b, long c, long d)
{
    struct control control = control_begin((int)option, (unsigned long)a);
    long result = program_call(SYS_prctl, option, a, b, c, d);
    control_end(&control, result >= 0);
    return result;
}

static long namespace_call(long number, long a, long b)
{
    long result = program_call(number, a, b);
    if (result != 0 && namespaces_again(result)) {
        result = program_call(number, a, b);
        worker_may_return();
    }
    return result;
}

__attribute__((noinline)) static long placing_call(long number, long a, long b, long c, long d, long e, long f,
                                                   const void *by)
{
    switch (number) {
    case SYS_sched_setaffinity:
        return set_affinity(a, b, c, by);
    case SYS_set_mempolicy:
        return mempolicy_set(program_call(number, a, b, c), (int)a, by);
    case SYS_mbind:
        return mempolicy_bound(program_call(number, a, b, c, d, e, f), (void *)a, (unsigned long)b);
    case SYS_prctl:
        return control(a, b, c, d, e);
    case SYS_unshare:
    case SYS_setns:
        return namespace_call(number, a, b);
    case SYS_io_uring_setup:
        sweep_soon();
        return program_call(number, a, b);
    default:
        return filter(a, b, c);
    }
}

#ifdef SYS_setrlimit
#define IS_LIMITING(number) ((number) == SYS_prlimit64 || (number) == SYS_setrlimit)
#else
#define IS_LIMITING(number) ((number) == SYS_prlimit64)
#endif

/* setrlimit(resource, limit) or prlimit64(pid, resource, limit, old); pid 0: the caller's own. */
__attribute__((noinline)) static long limiting_call(long number, long a, long b, long c, long d)
{
    bool other = number == SYS_prlimit64;
    bool concerned = limits_begin(other ? (pid_t)a : 0, (int)(other ? b : a), (const void *)(other ? c : b));
    long result = program_call(number, a, b, c, d);
    limits_end(concerned);
    return result;
}

/* Before the first hook: calls nothing that may take the loader's lock. */
__attribute__((noinline)) static long early_call(long number, long a, long b, long c, long d, long e, long f)
{
    return program_call(number, a, b, c, d, e, f);
}

/* A process that is not governed chooses for the governed ones that it may become or start. */
__attribute__((noinline)) static long choosing_call(long number, long a, long b, long c)
{
    long result = program_call(number, a, b, c);
    if (number == SYS_set_mempolicy)
        return mempolicy_set(result, (int)a, NULL);
    if (result == 0)
        affinity_chosen((pid_t)a, (size_t)b, (const void *)c);
    return result;
}

long system_call(long number, long a, long b, long c, long d, long e, long f)
{
    next_syscall *next = NEXT(syscall);
    bool chooses = number == SYS_sched_setaffinity || number == SYS_set_mempolicy;
    bool places = chooses || number == SYS_mbind || number == SYS_prctl || number == SYS_seccomp ||
                  number == SYS_unshare || number == SYS_setns || number == SYS_io_uring_setup;

    if (UNLIKELY(number == SYS_seccomp))
        shim.waits = false; /* the program locks itself up */
    if (UNLIKELY(places) && shim_is_governing())
        return placing_call(number, a, b, c, d, e, f, __builtin_return_address(0));
    if (UNLIKELY(IS_LIMITING(number)))
        return limiting_call(number, a, b, c, d);
    if (UNLIKELY(!next))
        return early_call(number, a, b, c, d, e, f);
    if (UNLIKELY(chooses))
        return choosing_call(number, a, b, c);
    return next(number, a, b, c, d, e, f);
}
#endif
