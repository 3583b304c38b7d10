/* mapping: mmap. munmap, mremap, mprotect and madvise need nobody in between: a memory policy goes with its mapping. */
#undef _FILE_OFFSET_BITS /* which makes mmap another name of mmap64 */
#include <sys/mman.h>

#include "shim/interpose/next.h"
#include "shim/memory/mapping.h"
#include "shim/start/start.h"
#include "shim/state.h"
#include "shim/sys/raw.h"

#define PUBLIC __attribute__((visibility("default")))

static void *map(void *start, size_t size, int protection, int flags, int fd, off_t offset, const void *caller)
{
    next_mmap *next = NEXT_OR_BIND(mmap);
    void *memory = next ? next(start, size, protection, flags, fd, offset)
                        : (void *)syscall(SYS_mmap, start, size, protection, flags, fd, offset);

    if (memory != MAP_FAILED && shim_is_active() && shim_needs(PLAN_HAS_REGIONS))
        mapping_made(memory, size, protection, flags, caller);
    return memory;
}

PUBLIC void *mmap(void *start, size_t size, int protection, int flags, int fd, off_t offset)
{
    return map(start, size, protection, flags, fd, offset, __builtin_return_address(0));
}

PUBLIC void *mmap64(void *start, size_t size, int protection, int flags, int fd, off_t offset)
{
    return map(start, size, protection, flags, fd, offset, __builtin_return_address(0));
}
