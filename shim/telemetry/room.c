#include "shim/telemetry/room.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

#include "shim/base/common.h"
#include "shim/base/state.h"
#include "shim/sys/raw.h"

#define GROUP_LEAST ((size_t)8 << 10) /* as small as GROUPS allow: a start touches two groups */
#define GROUPS      64u
#define ALL         UINT64_MAX

static uintptr_t begin ON_DATA_PAGE;
static size_t length ON_DATA_PAGE, group ON_DATA_PAGE;
static _Atomic bool frozen ON_DATA_PAGE;
static _Atomic uint64_t present ON_DATA_PAGE; /* a bit for each group */

static void describe(const void *start, size_t size)
{
    begin = (uintptr_t)start;
    length = size;
    group = page_ceiling(GROUP_LEAST);
    while (group * GROUPS < size)
        group *= 2;
}

/* The groups that hold [offset, offset + size). */
static uint64_t groups_of(size_t offset, size_t size)
{
    size_t first = offset / group, last = (offset + size - 1) / group;
    return ALL << first & ALL >> (GROUPS - 1 - last);
}

static int populate(uint64_t groups)
{
    for (; groups; groups &= groups - 1) {
        size_t offset = (size_t)__builtin_ctzll(groups) * group;
        size_t size = length - offset < group ? length - offset : group;
        int error = raw_make_present((char *)begin + offset, size);
        if (error)
            return error;
    }
    return 0;
}

int room_open(int fd, void *start, size_t size, size_t at_once)
{
    describe(start, size);
    uint64_t wanted = groups_of(0, at_once);
    int error = populate(wanted);
    if (error == -EINVAL) { /* an older kernel */
        wanted = ALL;
        error = raw_fallocate(fd, (off_t)size) == 0 ? 0 : -errno;
    }
    atomic_store_explicit(&present, error ? 0 : wanted, memory_order_relaxed);
    return error;
}

void room_private(void *start, size_t size)
{
    describe(start, size);
    atomic_store_explicit(&present, ALL, memory_order_relaxed);
}

void room_freeze(void)
{
    atomic_store_explicit(&frozen, true, memory_order_relaxed);
}

bool room_has_already(const void *at, size_t size)
{
    size_t offset = (uintptr_t)at - begin;
    if (offset >= length || size > length - offset)
        return false;
    uint64_t wanted = groups_of(offset, size);
    return (atomic_load_explicit(&present, memory_order_relaxed) & wanted) == wanted;
}

bool room_has(const void *at, size_t size)
{
    size_t offset = (uintptr_t)at - begin;
    if (offset >= length || size > length - offset)
        return false;
    uint64_t wanted = groups_of(offset, size);
    if (LIKELY((atomic_load_explicit(&present, memory_order_relaxed) & wanted) == wanted))
        return true;
    if (atomic_load_explicit(&frozen, memory_order_relaxed))
        return false;
    int saved = errno;
    bool done = populate(wanted) == 0;
    if (done)
        atomic_fetch_or_explicit(&present, wanted, memory_order_relaxed);
    errno = saved;
    return done;
}
