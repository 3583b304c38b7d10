#include "shim/arena/limits.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "shim/arena/arena.h"
#include "shim/arena/heap.h"
#include "shim/arena/region.h"
#include "shim/arena/span.h"
#include "shim/base/state.h"
#include "shim/sys/raw.h"

#define ARENA_SLICES 1024u             /* 64 MiB: what the C library reserves for each arena but the first */
#define ARENAS_A_CPU 8u                /* that it makes at most */
#define TABLES       ((size_t)4 << 20) /* bytes: what a region may need for more descriptors */

static _Atomic uint64_t smallest = RLIM_INFINITY; /* bytes */
static _Atomic bool some_are_short;

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

/* *ret_space_only: data is not limited, so what is reserved does not count twice when it is used. */
static uint64_t ask(bool *ret_space_only)
{
    int saved = errno;
    uint64_t space = limit_of(RLIMIT_AS), data = limit_of(RLIMIT_DATA);
    errno = saved;
    *ret_space_only = !is_limit(data);
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
    bool space_only;
    return !limits_are_set() && is_limit(ask(&space_only));
}

/* --- what stays reserved --- */

static uint32_t count_heaps(void)
{
    uint32_t heaps = 0;
    for (uint32_t i = 0; i < region_map.count; i++)
        heaps += counter_read(&region_list[i].heap_count);
    return heaps;
}

/* Slices that the C library would have reserved for its arenas; the first one grows otherwise. */
static uint64_t slices_of_arenas(void)
{
    uint32_t arenas = heaps_borrowed_most(), most = ARENAS_A_CPU * shim.plan.count[PLAN_CPUS];
    if (arenas > most)
        arenas = most;
    return arenas ? (uint64_t)(arenas - 1) * ARENA_SLICES : 0;
}

/* Of these so many for a region, by its heaps. */
static uint32_t share_of(const struct region *region, uint64_t slices, uint32_t heaps)
{
    return heaps ? (uint32_t)(slices * counter_read(&region->heap_count) / heaps) : 0;
}

/* Can the process map so much now? */
static bool is_room_for(size_t size)
{
    int saved = errno;
    void *probe = raw_mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    if (probe != MAP_FAILED)
        raw_munmap(probe, size);
    errno = saved;
    return probe != MAP_FAILED;
}

static size_t reserved(void)
{
    size_t slices = 0;
    for (uint32_t i = 0; i < region_map.count; i++)
        if (region_list[i].shortened)
            slices += region_list[i].slices - counter_read(&region_list[i].committed);
    return slices << SLICE_SHIFT;
}

/* --- obeying --- */

static bool all_obey(void)
{
    for (uint32_t i = 0; i < region_map.count; i++)
        if (!region_list[i].lean && !region_list[i].shortened)
            return false;
    return true;
}

static bool is_at_most_short(const struct region *region)
{
    return region->lean || region->shortened;
}

/* With the lock held. */
static void make_obey(struct region *region, uint32_t kept)
{
    uint32_t now = arena_now_ms();
    if (kept && span_make_short(region, kept, now))
        atomic_store_explicit(&some_are_short, true, memory_order_relaxed);
    else
        span_make_lean(region, now);
}

/* slices: that all regions together may keep reserved. Returns whether a region did not obey yet. */
static bool obey(uint64_t slices)
{
    uint32_t heaps = count_heaps();
    bool any = false;
    for (uint32_t i = 0; i < region_map.count; i++) {
        struct region *region = &region_list[i];
        uint32_t kept = share_of(region, slices, heaps);
        if (!lock_take(&region->lock))
            continue; /* the caller is a signal handler inside the lock: at the next look */
        any |= !(kept ? is_at_most_short(region) : region->lean);
        make_obey(region, kept);
        lock_give(&region->lock);
    }
    return any;
}

/* A region whose lock is not to be had now stays short: the next one that needs room tries again. */
static bool give_kept_back(void)
{
    if (!atomic_exchange_explicit(&some_are_short, false, memory_order_relaxed))
        return false;
    bool any = obey(0);
    for (uint32_t i = 0; i < region_map.count; i++)
        if (region_list[i].shortened)
            atomic_store_explicit(&some_are_short, true, memory_order_relaxed);
    return any;
}

void limits_expected(bool space)
{
    bool space_only;
    int saved = errno;
    if (!limits_are_set())
        arena_trim();
    ask(&space_only);
    obey(space && space_only ? slices_of_arenas() : 0);
    errno = saved;
}

/* A limit that leaves room for all that was kept takes nothing away from a process that gives it back. */
static bool keep_no_more_than_needed(bool space_only)
{
    if (!atomic_load_explicit(&some_are_short, memory_order_relaxed) || (space_only && !is_room_for(reserved())))
        return false;
    return give_kept_back();
}

bool limits_look(void)
{
    bool space_only, any = false;
    uint64_t before = known(), now = ask(&space_only);
    int saved = errno;
    atomic_store_explicit(&smallest, now, memory_order_relaxed);
    if (is_limit(now) && (!is_limit(before) || !all_obey()))
        any = obey(space_only ? slices_of_arenas() : 0);
    if (any || now != before)
        any |= keep_no_more_than_needed(space_only);
    errno = saved;
    return any;
}

void limits_make_room(void)
{
    int saved = errno;
    limits_look();
    give_kept_back();
    errno = saved;
}

static bool relieve(void)
{
    bool any = limits_look();
    return (limits_are_set() && arena_trim()) || any;
}

bool limits_relieve(void)
{
    if (!arena_is_on())
        return false;
    int saved = errno;
    bool any = relieve();
    any |= give_kept_back();
    errno = saved;
    return any;
}

bool limits_relieve_allocation(size_t size)
{
    int saved = errno;
    bool any = relieve();
    if (atomic_load_explicit(&some_are_short, memory_order_relaxed) && is_room_for(size + TABLES))
        any |= give_kept_back();
    errno = saved;
    return any;
}
