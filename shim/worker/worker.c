#include "shim/worker/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

#include "shim/base/common.h"
#include "shim/base/next.h"
#include "shim/base/state.h"
#include "shim/memory/mover.h"
#include "shim/memory/owned.h"
#include "shim/memory/uses.h"
#include "shim/place/apply.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"
#include "shim/telemetry/segment.h"
#include "shim/worker/next_touch.h"
#include "shim/worker/rebalance.h"
#include "shim/worker/relocate.h"
#include "shim/worker/upkeep.h"

#define WINDOW_TICKS 10u                 /* sampled without a pause */
#define WINDOW_EVERY (1000 * NS_PER_MS)  /* interval of the later windows */
#define REST         (10000 * NS_PER_MS) /* after a watch that found nothing */
#define NAP          (100 * NS_PER_MS)   /* between two checks of what is due */

static _Atomic uint32_t running;     /* 1: there is a worker */
static _Atomic uint32_t calls;       /* calls of worker_call() while a worker is running */
static _Atomic uint32_t refusal;     /* enum reason: why next touch does not start again; 0: it may */
static _Atomic uint64_t rests_until; /* monotonic ns */

/* The worker's state, in a mapping that the worker makes itself. */
struct worker {
    struct upkeep upkeep;
    struct next_touch next_touch;
    uint32_t calls_seen;
    uint64_t called_at, useful_at; /* monotonic ns */
};

/* --- next touch --- */

static bool may_watch(void)
{
    return shim_is_active() && next_touch_has_work() && !atomic_load_explicit(&refusal, memory_order_relaxed);
}

static uint64_t quiet_since(struct worker *self)
{
    uint32_t now = atomic_load(&calls);
    if (now != self->calls_seen)
        self->called_at = monotonic_ns();
    self->calls_seen = now;
    uint64_t last = self->called_at > self->useful_at ? self->called_at : self->useful_at;
    return monotonic_ns() - last;
}

/* false: next touch is over. */
static bool watch_a_window(struct worker *self)
{
    for (uint32_t tick = 0; tick < WINDOW_TICKS; tick++) {
        upkeep_run(&self->upkeep);
        if (!shim_is_active() || !next_touch_may_go_on(&self->next_touch))
            return false;
        if (next_touch_tick(&self->next_touch))
            self->useful_at = monotonic_ns();
        relocate_tell(&self->upkeep.mover);
    }
    return true;
}

/*
 * Pauses between two windows. The kernel has no sampling to do meanwhile, and the next window can sample other threads.
 */
static void rest(struct worker *self)
{
    uint64_t until = monotonic_ns() + WINDOW_EVERY - WINDOW_TICKS * NEXT_TOUCH_TICK_NS;
    next_touch_pause(&self->next_touch);
    while (shim_is_active() && monotonic_ns() < until) {
        upkeep_run(&self->upkeep);
        sleep_ns(NAP);
    }
}

static void refuse(enum reason reason)
{
    if (reason != REASON_OK)
        atomic_store(&refusal, reason);
    segment_following(false, reason);
}

static void watch(struct worker *self)
{
    self->called_at = monotonic_ns();
    self->calls_seen = atomic_load(&calls);
    segment_following(true, REASON_OK);
    next_touch_begin(&self->next_touch, &self->upkeep.mover);
    while (quiet_since(self) < FOLLOW_MS * NS_PER_MS && watch_a_window(self))
        if (quiet_since(self) >= FOLLOW_CLOSELY_MS * NS_PER_MS)
            rest(self);
    next_touch_pause(&self->next_touch);
    if (!self->useful_at)
        atomic_store(&rests_until, monotonic_ns() + REST);
    refuse(self->next_touch.sampler.refused ? REASON_NO_SAMPLING
           : self->upkeep.mover.error       ? reason_of_error(self->upkeep.mover.error)
                                            : REASON_OK);
}

/* --- the thread --- */

/* false: there is no memory for the worker's state. */
static bool live(void)
{
    struct worker *self =
        raw_mmap(NULL, sizeof(*self), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    if (self == MAP_FAILED)
        return false;
    mover_init(&self->upkeep.mover);
    uint64_t wait = upkeep_run(&self->upkeep);
    if (may_watch() && monotonic_ns() >= atomic_load(&rests_until)) {
        watch(self);
        wait = upkeep_run(&self->upkeep);
    }
    while (shim_is_active() && wait != UINT64_MAX) {
        sleep_ns(wait < NAP ? wait : NAP);
        wait = upkeep_run(&self->upkeep);
    }
    raw_munmap(self, sizeof(*self));
    return true;
}

static void *run(void *unused)
{
    uint32_t none;
    bool lived;
    sys_set_name(SEGMENT_WORKER);
    sys_set_affinity(0, shim.base.mask, shim.base.words);
    do {
        lived = live();
        none = 0;
        atomic_store(&running, 0);
        /* an order may have arrived after the last check */
    } while (lived && shim_is_active() && upkeep_wait(NULL) != UINT64_MAX &&
             atomic_compare_exchange_strong(&running, &none, 1));
    return unused;
}

/*
 * libc informs its threads of setuid() and of cancellation with these two signals, and it waits for the answer
 * (nptl(7)).
 */
static uint64_t all_signals(void)
{
    return ~(UINT64_C(1) << 31 | UINT64_C(1) << 32);
}

static bool start(void)
{
    int (*detach)(pthread_t) = (int (*)(pthread_t))next_find("pthread_detach");
    uint64_t blocked = all_signals(), before = 0;
    pthread_t thread;
    if (!detach || raw_call(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, &before, sizeof(blocked)) != 0)
        return false;
    bool made = NEXT(pthread_create)(&thread, NULL, run, NULL) == 0;
    if (made)
        detach(thread);
    raw_call(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(before));
    return made;
}

static void start_one(void)
{
    uint32_t none = 0;
    int saved = errno;
    if (!atomic_compare_exchange_strong(&running, &none, 1))
        return;
    if (!start()) { /* no thread can be made now, perhaps later */
        atomic_store(&rests_until, monotonic_ns() + REST);
        atomic_store(&running, 0);
    }
    errno = saved;
}

void worker_call(void)
{
    rebalance_wake();
    if (!may_watch())
        return;
    atomic_fetch_add(&calls, 1);
    if (!atomic_load_explicit(&running, memory_order_relaxed) && monotonic_ns() >= atomic_load(&rests_until))
        start_one();
}

void worker_wake(void)
{
    if (!atomic_load(&running))
        start_one();
}

uint32_t worker_count(void)
{
    return atomic_load(&running);
}

void worker_stay_off(void)
{
    atomic_store(&refusal, REASON_NO_SAMPLING);
}

void worker_tell(void)
{
    if (atomic_load_explicit(&refusal, memory_order_relaxed))
        segment_following(false, atomic_load_explicit(&refusal, memory_order_relaxed));
}

void worker_forked(void)
{
    atomic_store(&running, 0);
    atomic_store(&rests_until, 0);
    upkeep_forked();
    owned_forked();
    uses_forked();
}
