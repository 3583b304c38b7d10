/*
 * kernel: the calls of the kernel that the library makes beside those of sys/placing.h. All go through one place, where a
 * test can make any of them fail (sys/fault.h): "mmap", "munmap", "madvise", "io_uring_setup".
 *
 * Any thread, signal-safe, errno kept. Negative errno on failure.
 */
#ifndef NODEWISE_SHIM_API_KERNEL_H
#define NODEWISE_SHIM_API_KERNEL_H

#include <stddef.h>
#include <stdint.h>

/* A private, anonymous mapping. huge_shift: log2 of the size of its huge pages, or 0. */
int kernel_map(void **ret_start, size_t size, unsigned huge_shift);
int kernel_unmap(void *start, size_t size);
int kernel_advise(void *start, size_t size, int advice);
/* Makes an io_uring and closes it. */
int kernel_try_uring(void);

/* The number of policy/reason.def for a negative errno; 0: as asked. */
uint16_t kernel_reason(int error);

#endif
