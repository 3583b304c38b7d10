#include "shim/telemetry/room.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

#include "shim/base/common.h"
#include "shim/base/state.h"
#include "shim/sys/raw.h"

#define GROUP_LEAST ((size_t)4 << 10) /* a page each: a start touches two of them */
#define GROUPS      128u
#define WORD        64u

static uintptr_t begin ON_DATA_PAGE;
static size_t length ON_DATA_PAGE, group ON_DATA_PAGE;
static _Atomic bool frozen ON_DATA_PAGE;
static _Atomic uint64_t present[GROUPS / WORD] ON_DATA_PAGE; /* a bit for each group */

static void describe(const void *start, size_t size)
{
    begin = (uintptr_t)start;
    length = size;
    group = page_ceiling(GROUP_LEAST);
    while (group * GROUPS < size)
        group *= 2;
}

static void set_all(uint64_t bits)
{
    for (unsigned i = 0; i < GROUPS / WORD; i++)
        atomic_store_explicit(&present[i], bits, memory_order_relaxed);
}

static bool is_present(size_t number)
{
    return atomic_load_explicit(&present[number / WORD], memory_order_relaxed) >> number % WORD & 1;
}

/* The groups that hold [offset, offset + size). */
static size_t first_of(size_t offset)
{
    return offset / group;
}

static size_t last_of(size_t offset, size_t size)
{
    return (offset + size - 1) / group;
}

static bool are_present(size_t first, size_t last)
{
    while (first <= last && is_present(first))
        first++;
    return first > last;
}

static int populate(size_t first, size_t last)
{
    size_t from = first * group, to = (last + 1) * group;
    int error = raw_make_present((char *)begin + from, (to < length ? to : length) - from);
    for (size_t i = first; !error && i <= last; i++)
        atomic_fetch_or_explicit(&present[i / WORD], UINT64_C(1) << i % WORD, memory_order_relaxed);
    return error;
}

int room_open(int fd, void *start, size_t size, size_t at_once)
{
    describe(start, size);
    set_all(0);
    int error = populate(0, last_of(0, at_once));
    if (error != -EINVAL)
        return error;
    error = raw_fallocate(fd, (off_t)size) == 0 ? 0 : -errno; /* an older kernel */
    set_all(error ? 0 : UINT64_MAX);
    return error;
}

void room_private(void *start, size_t size)
{
    describe(start, size);
    set_all(UINT64_MAX);
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
    return are_present(first_of(offset), last_of(offset, size));
}

bool room_has(const void *at, size_t size)
{
    size_t offset = (uintptr_t)at - begin;
    if (offset >= length || size > length - offset)
        return false;
    size_t first = first_of(offset), last = last_of(offset, size);
    if (LIKELY(are_present(first, last)))
        return true;
    if (atomic_load_explicit(&frozen, memory_order_relaxed))
        return false;
    int saved = errno;
    bool done = populate(first, last) == 0;
    errno = saved;
    return done;
}
