/*
 * mapping: mmap, munmap, mremap. The shim does not take over mprotect and madvise, because a memory policy stays with
 * its mapping.
 */
#undef _FILE_OFFSET_BITS /* it makes mmap another name of mmap64 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "shim/arena/limits.h"
#include "shim/base/common.h"
#include "shim/base/next.h"
#include "shim/base/state.h"
#include "shim/memory/owned.h"
#include "shim/place/mapping.h"
#include "shim/start/start.h"
#include "shim/sys/raw.h"

#define MREMAP_DONTUNMAP_FLAG 4 /* Linux 5.7 */

static bool looks_at_mappings(void)
{
    return shim_is_active() && shim_needs(PLAN_HAS_MAPPING_RULES | PLAN_HAS_NEXT_TOUCH | PLAN_HAS_MIGRATE);
}

/* Is there room now? A limit that another process has set is seen here at last. */
static bool finds_room(const void *memory)
{
    return UNLIKELY(memory == MAP_FAILED) && errno == ENOMEM && limits_relieve();
}

static void *map_once(void *start, size_t size, int protection, int flags, int fd, off_t offset)
{
    next_mmap *next = NEXT_OR_BIND(mmap);
    return next ? next(start, size, protection, flags, fd, offset)
                : (void *)program_call(SYS_mmap, start, size, protection, flags, fd, offset);
}

static void *map(void *start, size_t size, int protection, int flags, int fd, off_t offset, const void *caller)
{
    void *memory = map_once(start, size, protection, flags, fd, offset);

    if (finds_room(memory))
        memory = map_once(start, size, protection, flags, fd, offset);
    if (memory != MAP_FAILED && looks_at_mappings())
        mapping_made(memory, size, protection, flags, caller);
    return memory;
}

PUBLIC int munmap(void *start, size_t size)
{
    next_munmap *next = NEXT_OR_BIND(munmap);

    if (looks_at_mappings())
        owned_remove(start, size);
    return next ? next(start, size) : (int)program_call(SYS_munmap, start, size);
}

static void *remap(void *old_start, size_t old_size, size_t size, int flags, void *fixed)
{
    next_mremap *next = NEXT_OR_BIND(mremap);
    return next ? next(old_start, old_size, size, flags, fixed)
                : (void *)program_call(SYS_mremap, old_start, old_size, size, flags, fixed);
}

PUBLIC void *mremap(void *old_start, size_t old_size, size_t size, int flags, ...)
{
    void *fixed = NULL;
    va_list list;

    if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP_FLAG)) {
        va_start(list, flags);
        fixed = va_arg(list, void *);
        va_end(list);
    }
    void *memory = remap(old_start, old_size, size, flags, fixed);
    if (finds_room(memory))
        memory = remap(old_start, old_size, size, flags, fixed);
    if (memory != MAP_FAILED && looks_at_mappings())
        owned_moved(old_start, old_size, memory, size);
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
