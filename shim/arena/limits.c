#include "shim/arena/limits.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "shim/arena/arena.h"
#include "shim/arena/region.h"
#include "shim/arena/span.h"
#include "shim/base/state.h"
#include "shim/sys/raw.h"

static _Atomic uint64_t smallest = RLIM_INFINITY; /* bytes */

static bool is_limit(uint64_t bytes)
{
    return bytes != RLIM_INFINITY;
}

static uint64_t known(void)
{
    return atomic_load_explicit(&smallest, memory_order_relaxed);
}

bool limits_are_set(void)
{
    return is_limit(known());
}

uint32_t limits_slices(void)
{
    uint64_t slices = known() >> SLICE_SHIFT;
    return slices < UINT32_MAX ? (uint32_t)slices : UINT32_MAX;
}

static uint64_t limit_of(int resource)
{
    struct rlimit limit;
    return raw_limit(resource, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

static uint64_t ask(void)
{
    int saved = errno;
    uint64_t space = limit_of(RLIMIT_AS), data = limit_of(RLIMIT_DATA);
    errno = saved;
    return space < data ? space : data; /* RLIM_INFINITY is the largest number */
}

/* RLIMIT_DATA does not count the reservation: it is looked at when a region has grown. */
bool limits_at_start(void)
{
    int saved = errno;
    atomic_store_explicit(&smallest, limit_of(RLIMIT_AS), memory_order_relaxed);
    errno = saved;
    return limits_are_set();
}

bool limits_appeared(void)
{
    return !limits_are_set() && is_limit(ask());
}

static bool all_are_lean(void)
{
    for (uint32_t i = 0; i < region_map.count; i++)
        if (!region_list[i].lean)
            return false;
    return true;
}

/* Returns whether a region did not obey yet. */
static bool obey(void)
{
    bool any = false;
    for (uint32_t i = 0; i < region_map.count; i++) {
        struct region *region = &region_list[i];
        if (!lock_take(&region->lock))
            continue; /* the caller is a signal handler inside the lock: at the next look */
        any |= !region->lean;
        span_make_lean(region, arena_now_ms());
        lock_give(&region->lock);
    }
    return any;
}

void limits_expected(void)
{
    int saved = errno;
    if (!limits_are_set())
        arena_trim();
    obey();
    errno = saved;
}

bool limits_look(void)
{
    bool before = limits_are_set(), any = false;
    uint64_t now = ask();
    int saved = errno;
    atomic_store_explicit(&smallest, now, memory_order_relaxed);
    if (is_limit(now) && (!before || !all_are_lean()))
        any = obey();
    errno = saved;
    return any;
}

bool limits_relieve(void)
{
    if (!arena_is_on())
        return false;
    int saved = errno;
    bool any = limits_look();
    if (limits_are_set())
        any |= arena_trim();
    errno = saved;
    return any;
}
