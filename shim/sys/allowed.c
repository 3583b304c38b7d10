#include "shim/sys/allowed.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "shim/sys/glibc.h"

#define MOST_CALLS 512u

/* .data: see ON_DATA_PAGE in base/state.h */
_Atomic unsigned char allowed_calls __attribute__((section(".data"))) = ALLOWED_CERTAIN;
static uint64_t tried[MOST_CALLS / 64];

/*
 * By which call the loader asks for a file's size: fstat was newfstatat(fd, "") in glibc 2.33 to 2.38 (io/fstat64.c).
 */
static bool loader_uses_newfstatat(void)
{
    unsigned minor = glibc_minor();
    return minor >= 33 && minor < 39;
}

/*
 * elf/rtld.c and elf/dl-load.c: it looks for /etc/ld.so.preload, opens, reads and maps the libraries (this one is one),
 * protects their relocated pages, and unmaps its cache. Each program asks for one limit, too, but a filter may tell the
 * limits apart.
 */
static bool is_certain(long number)
{
    switch (number) {
    case SYS_mmap:
    case SYS_munmap:
    case SYS_mprotect:
    case SYS_openat:
    case SYS_read:
    case SYS_close:
        return true;
#ifdef SYS_access
    case SYS_access:
        return glibc_minor() != 0;
#else
    case SYS_faccessat:
        return glibc_minor() != 0;
#endif
    case SYS_newfstatat:
        return loader_uses_newfstatat();
#ifdef SYS_fstat
    case SYS_fstat:
        return !loader_uses_newfstatat();
#endif
    default:
        return false;
    }
}

static bool was_tried(long number)
{
    return number >= 0 && number < (long)MOST_CALLS && (tried[number / 64] >> (number % 64) & 1);
}

bool allowed_slowly(long number)
{
    switch (atomic_load_explicit(&allowed_calls, memory_order_relaxed)) {
    case ALLOWED_ALL:
        return true;
    case ALLOWED_NONE:
        return false;
    case ALLOWED_TRIED:
        return was_tried(number) || is_certain(number);
    default:
        return is_certain(number);
    }
}

void allow_all(void)
{
    atomic_store_explicit(&allowed_calls, ALLOWED_ALL, memory_order_relaxed);
}

void allow_call(long number)
{
    if (number >= 0 && number < (long)MOST_CALLS)
        tried[number / 64] |= UINT64_C(1) << (number % 64);
}

void allow_tried(void)
{
    atomic_store_explicit(&allowed_calls, ALLOWED_TRIED, memory_order_relaxed);
}

void allow_none(void)
{
    atomic_store_explicit(&allowed_calls, ALLOWED_NONE, memory_order_relaxed);
}
