/*
 * common: macros and one inline function that every folder of the shim needs. No state. Any thread, signal-safe.
 */
#ifndef NODEWISE_SHIM_BASE_COMMON_H
#define NODEWISE_SHIM_BASE_COMMON_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "shim/base/page_size.h"
#include "shim/sys/raw.h"

/* Marks a symbol that the shim takes over. All other symbols are hidden (meson.build). */
#define PUBLIC __attribute__((visibility("default")))

/* Keeps the stack frame of a slow path out of the short path that calls it. */
#define NOINLINE __attribute__((noinline))

#define LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

/* Has no cancellation point, unlike nanosleep(3). A signal handler may end the sleep early. */
static inline void sleep_ns(uint64_t ns)
{
    struct timespec time = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
    int never = 0;
    if (raw_call(SYS_nanosleep, &time, NULL) != 0 && errno != EINTR) /* a filter refuses it */
        raw_call(SYS_futex, &never, 128 /* FUTEX_WAIT_PRIVATE */, 0, &time, NULL, 0);
}

#endif
