/*
 * page_size: the size of the kernel's pages: 4 KiB on x86-64, and 4, 16 or 64 KiB on others, as their kernel was built.
 *
 * The kernel tells it in the auxiliary vector. It is asked for once, at the first use, without a system call. Bytes.
 * All functions: any thread, signal-safe, errno kept.
 */
#ifndef NODEWISE_SHIM_BASE_PAGE_SIZE_H
#define NODEWISE_SHIM_BASE_PAGE_SIZE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/*
 * 0: not asked yet. Threads that ask at the same time write the same. A test writes a larger size than the kernel's here,
 * before its first use: all that is aligned to it is aligned to the kernel's as well.
 */
extern _Atomic uint32_t page_size_known __attribute__((visibility("hidden")));

uintptr_t page_size_ask(void);

static inline uintptr_t page_size(void)
{
    uint32_t size = atomic_load_explicit(&page_size_known, memory_order_relaxed);
    return size ? size : page_size_ask();
}

/* The beginning of the page that the address is in. */
static inline uintptr_t page_floor(uintptr_t address)
{
    return address & ~(page_size() - 1);
}

/* The beginning of the first page at or behind the address; also a size in whole pages. */
static inline uintptr_t page_ceiling(uintptr_t address)
{
    return page_floor(address + page_size() - 1);
}

/* Of a transparent huge page: what one entry of the table above that of the pages covers. 2, 32 or 512 MiB. */
static inline size_t huge_page_size(void)
{
    return page_size() / sizeof(uint64_t) * page_size();
}

#endif
