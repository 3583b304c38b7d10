#include "shim/base/state.h"

#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shim/base/common.h"
#include "shim/sys/raw.h"

struct shim shim;

/* For texts that shim.room is too small for. */
static char kept[4 * PATH_MAX];
static size_t kept_used;

void *shim_room(size_t size)
{
    size_t start = (shim.room_used + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
    if (start > sizeof(shim.room) || size > sizeof(shim.room) - start)
        return NULL;
    shim.room_used = start + size;
    return shim.room + start;
}

static char *room_for_text(size_t size)
{
    char *to = shim_room(size);
    if (to)
        return to;
    if (size > sizeof(kept) - kept_used)
        return NULL;
    kept_used += size;
    return kept + kept_used - size;
}

const char *shim_keep(const char *text)
{
    size_t size = strlen(text) + 1;
    char *to = room_for_text(size);
    return to ? memcpy(to, text, size) : NULL;
}

bool shim_was_forked(void)
{
    return shim.fork_mark ? !*shim.fork_mark : raw_getpid() != shim.pid;
}

bool shim_is_borrowed(void)
{
    return raw_getpid() != shim.pid && !shim_was_forked();
}

static _Atomic uint64_t clock_stopped_at ON_DATA_PAGE; /* monotonic ns; 0: it runs */

void state_stop_clock(uint64_t now)
{
    atomic_store_explicit(&clock_stopped_at, now, memory_order_relaxed);
}

static _Atomic bool start_is_over ON_DATA_PAGE;

void state_start_is_over(void)
{
    atomic_store_explicit(&start_is_over, true, memory_order_relaxed);
}

void read_clock(clockid_t clock, struct timespec *ret_now)
{
    if (UNLIKELY(!atomic_load_explicit(&start_is_over, memory_order_relaxed)) &&
        raw_call(SYS_clock_gettime, clock, ret_now) == 0)
        return;
    clock_gettime(clock, ret_now);
}

uint64_t monotonic_ns(void)
{
    struct timespec now = {0};
    uint64_t stopped_at = atomic_load_explicit(&clock_stopped_at, memory_order_relaxed);
    if (UNLIKELY(stopped_at))
        return stopped_at;
    read_clock(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void state_start_clocks(void)
{
    struct timespec now = {0};
    read_clock(CLOCK_REALTIME, &now);
    shim.start_realtime = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
    shim.start_monotonic = monotonic_ns();
}
