#include "shim/arena/idle.h"

#include <stddef.h>

#include "shim/arena/check.h"
#include "shim/arena/parked.h"
#include "shim/arena/remote.h"
#include "shim/arena/span.h"
#include "shim/base/common.h"
#include "shim/base/state.h"

#define LOOKS    4u  /* in the time allowed: what heaps give at one look is old enough two looks later */
#define ENOUGH   16u /* slices, 1 MiB: not worth another look */
#define IN_VAIN  8u  /* looks that found nothing old enough: the program is at work */
#define LATE_FOR 2u  /* looks: the worker could not be started, and is called again */

static bool (*wake_worker)(void) ON_DATA_PAGE;
static uint32_t step ON_DATA_PAGE; /* ms between two looks; 0: off */
static _Atomic bool called;
static _Atomic uint32_t due_at; /* ms */
static uint32_t in_vain;        /* the worker's, as the next */
static bool refused;            /* at this look: the kernel keeps memory that is locked */

void idle_open(bool (*wake)(void), uint32_t time_ms)
{
    wake_worker = wake;
    step = time_ms && time_ms < LOOKS ? 1 : time_ms / LOOKS;
}

static int32_t ms_left(uint32_t now)
{
    return (int32_t)(atomic_load_explicit(&due_at, memory_order_relaxed) - now);
}

void idle_call(void)
{
    if (!step)
        return;
    uint32_t now = arena_now_ms();
    /* pairs with that in idle_look(): this thread sees that the worker has gone, or the worker what this one has freed */
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&called, memory_order_relaxed) && ms_left(now) > -(int32_t)(LATE_FOR * step))
        return;
    atomic_store_explicit(&due_at, now + step, memory_order_relaxed);
    /* release: the worker that sees the call sees its time */
    atomic_store_explicit(&called, true, memory_order_release);
    if (!wake_worker())
        atomic_store_explicit(&called, false, memory_order_relaxed); /* the next free tries again */
}

uint64_t idle_wait(void)
{
    if (!atomic_load_explicit(&called, memory_order_acquire))
        return UINT64_MAX;
    int32_t left = ms_left(arena_now_ms());
    return left > 0 ? (uint64_t)left * NS_PER_MS : 0;
}

/* What goes at a time is little enough for a thread that maps memory meanwhile and waits for the kernel's lock. */
static uint32_t purge(struct region *region)
{
    uint32_t purged = 0;
    for (int64_t part = 1; part > 0;) {
        if (!lock_take(&region->lock))
            return purged;
        part = span_purge_part(region, arena_now_ms(), step);
        region_check(region);
        lock_give(&region->lock);
        refused |= part < 0;
        purged += part > 0 ? (uint32_t)part : 0;
    }
    return purged;
}

static uint32_t look_at(struct region *region)
{
    uint32_t done = parked_collect_idle(region, arena_now_ms(), step);
    remote_collect_abandoned(region);
    return done + purge(region);
}

static uint64_t left_in_all(void)
{
    uint64_t left = 0;
    for (uint32_t i = 0; i < region_map.count; i++)
        left += idle_slices(&region_list[i]);
    return left;
}

/* Nothing was old enough: the program is at work, and calls again when it leaves much. */
static bool is_over(uint64_t left, uint32_t done)
{
    in_vain = done ? 0 : in_vain + 1;
    return left <= ENOUGH || (in_vain >= IN_VAIN && (left <= IDLE_LEAST || refused));
}

void idle_look(void)
{
    uint32_t done = 0;
    refused = false;
    atomic_store_explicit(&due_at, arena_now_ms() + step, memory_order_relaxed);
    for (uint32_t i = 0; i < region_map.count; i++)
        if (region_list[i].opened)
            done += look_at(&region_list[i]);
    if (!is_over(left_in_all(), done))
        return;
    in_vain = 0;
    atomic_store_explicit(&called, false, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    if (left_in_all() > IDLE_LEAST && !refused)
        atomic_store_explicit(&called, true, memory_order_relaxed);
}

void idle_forked(void)
{
    in_vain = 0;
    atomic_store_explicit(&called, false, memory_order_relaxed);
}
