/*
 * common: what every folder of the shim would otherwise define for itself. Macros and one inline function; no state.
 */
#ifndef NODEWISE_SHIM_BASE_COMMON_H
#define NODEWISE_SHIM_BASE_COMMON_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "shim/sys/raw.h"

/* A symbol that the shim takes over; everything else is hidden (meson.build). */
#define PUBLIC __attribute__((visibility("default")))

/* Keeps its stack frame out of the short paths. */
#define NOINLINE __attribute__((noinline))

#define LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* The kernel's page on the machines that this version knows. */
#define PAGE ((uintptr_t)4096)

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)

/* Without cancellation points, unlike nanosleep(3). A signal handler may end it early. */
static inline void sleep_ns(uint64_t ns)
{
    struct timespec time = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
    raw_call(SYS_nanosleep, &time, NULL);
}

#endif
