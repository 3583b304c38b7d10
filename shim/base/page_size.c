#include "shim/base/page_size.h"

#include <errno.h>
#include <sys/auxv.h>

#include "shim/base/state.h"

_Atomic uint32_t page_size_known ON_DATA_PAGE;

uintptr_t page_size_ask(void)
{
    int saved = errno;
    unsigned long size = getauxval(AT_PAGESZ);
    errno = saved;
    atomic_store_explicit(&page_size_known, (uint32_t)size, memory_order_relaxed);
    return size;
}
