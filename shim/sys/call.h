/*
 * call: makes a system call as syscall(2) does. Returns the result, or -1 with errno set. It does not use libc's
 * syscall(), because the library takes that function over itself (interpose/system_call.c).
 *
 * raw_call(number, up to six arguments): a call of the shim's own. The arguments are integers or pointers. Where
 * allowed.h does not allow it, it is not made and the error is EPERM. program_call() is the same for a call that the
 * program asked for, which is always made. Any thread, signal-safe. The registers are those of syscall(2). On machines
 * other than x86-64 and arm64 both call libc's function, and the library then does not take syscall(2) over
 * (HAS_RAW_CALLS).
 */
#ifndef NODEWISE_SHIM_SYS_CALL_H
#define NODEWISE_SHIM_SYS_CALL_H

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/sys/allowed.h"

#if defined(__x86_64__) && !defined(__ILP32__)
#define HAS_RAW_CALLS 1

static inline long raw_call_6(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

#elif defined(__aarch64__)
#define HAS_RAW_CALLS 1

static inline long raw_call_6(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}

#else
#define HAS_RAW_CALLS 0

static inline long raw_call_6(long number, long a, long b, long c, long d, long e, long f)
{
    long result = syscall(number, a, b, c, d, e, f);
    return result == -1 ? -errno : result;
}
#endif

static inline long program_call_6(long number, long a, long b, long c, long d, long e, long f)
{
    long result = raw_call_6(number, a, b, c, d, e, f);
    if ((unsigned long)result < -4095ul)
        return result;
    errno = (int)-result;
    return -1;
}

static inline long raw_call_checked(long number, long a, long b, long c, long d, long e, long f)
{
    if (call_is_allowed(number))
        return program_call_6(number, a, b, c, d, e, f);
    errno = EPERM;
    return -1;
}

#define CALL_PADDED(call, number, a, b, c, d, e, f, ...)                                                               \
    call((long)(number), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define raw_call(...)     CALL_PADDED(raw_call_checked, __VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define program_call(...) CALL_PADDED(program_call_6, __VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

#endif
