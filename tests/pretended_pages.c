/*
 * Linked into a test: TEST_PAGE_SIZE=65536 in its environment lets the shim's code take the kernel's pages for so large.
 * On a kernel with smaller ones this is right as well, and shows what is not aligned, or not counted, in whole pages.
 */
#include <stdlib.h>

#include "shim/base/page_size.h"

__attribute__((constructor)) static void pretend(void)
{
    const char *size = getenv("TEST_PAGE_SIZE");
    if (size && *size)
        atomic_store(&page_size_known, (uint32_t)strtoul(size, NULL, 10));
}
