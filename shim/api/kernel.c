#include "shim/api/kernel.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/sys/call.h"
#include "shim/sys/error_reason.h"
#include "shim/sys/fault.h"

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif

static long call(const char *word, long number, long a, long b, long c, long d, long e, long f)
{
    long fault = fault_of(word);
    return fault ? fault : raw_call_6(number, a, b, c, d, e, f);
}

int kernel_map(void **ret_start, size_t size, unsigned huge_shift)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    if (huge_shift)
        flags |= MAP_HUGETLB | (int)(huge_shift << MAP_HUGE_SHIFT);
    long result = call("mmap", SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (result < 0 && result > -4096)
        return (int)result;
    *ret_start = (void *)result;
    return 0;
}

int kernel_unmap(void *start, size_t size)
{
    return (int)call("munmap", SYS_munmap, (long)start, (long)size, 0, 0, 0, 0);
}

int kernel_advise(void *start, size_t size, int advice)
{
    return (int)call("madvise", SYS_madvise, (long)start, (long)size, advice, 0, 0, 0);
}

int kernel_try_uring(void)
{
    unsigned char parameters[256]; /* struct io_uring_params is 120 bytes; zero is the default of each */
    memset(parameters, 0, sizeof(parameters));
    long ring = call("io_uring_setup", 425 /* SYS_io_uring_setup */, 1, (long)parameters, 0, 0, 0, 0);
    if (ring < 0)
        return (int)ring;
    raw_call_6(SYS_close, ring, 0, 0, 0, 0, 0);
    return 0;
}

uint16_t kernel_reason(int error)
{
    return error ? (uint16_t)reason_of_error(error) : (uint16_t)REASON_OK;
}
