#include "shim/worker/worker.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

#include "shim/arena/big.h"
#include "shim/arena/idle.h"
#include "shim/base/common.h"
#include "shim/base/mask.h"
#include "shim/base/next.h"
#include "shim/base/page_size.h"
#include "shim/base/state.h"
#include "shim/base/thread.h"
#include "shim/memory/early.h"
#include "shim/memory/mover.h"
#include "shim/memory/owned.h"
#include "shim/memory/seen.h"
#include "shim/memory/uses.h"
#include "shim/place/apply.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"
#include "shim/telemetry/segment.h"
#include "shim/worker/next_touch.h"
#include "shim/worker/rebalance.h"
#include "shim/worker/relocate.h"
#include "shim/worker/sharing.h"
#include "shim/worker/upkeep.h"

#define WINDOW_TICKS 10u                 /* sampled without a pause */
#define WINDOW_EVERY (1000 * NS_PER_MS)  /* interval of the later windows, */
#define WINDOW_SOON  (160 * NS_PER_MS)   /* and of those at the beginning, when for a while */
#define IDLE         (1000 * NS_PER_MS)  /* nothing had to move */
#define REST         (10000 * NS_PER_MS) /* after a watch that found nothing */
#define NAP          (100 * NS_PER_MS)   /* between two checks of what is due */
#define LOOK_FREE    (40 * NS_PER_MS)    /* looking may take this long before it is held to its share, */
#define LOOK_SHARE   100u                /* one part in so many of the time since the watch began */
#define REPORT_SHARE 20u                 /* of the program's own time, for looks in pauses where a report is due */
#define LOOK_DELAY   (20 * NS_PER_MS)    /* of a program without large objects: it may be over by then */
#define STACK_PAGES  16u
#define LEAVE_STEP   (NS_PER_MS / 20)
#define LEAVE_MOST   NS_PER_S

static _Atomic uint32_t running;  /* 1: there is a worker */
static _Atomic uint32_t leaves;   /* raised while the worker has to leave: the number of calls that demand it */
static _Atomic uint32_t dozes;    /* 1: the worker waits for no more than idle memory, and can be woken */
static _Atomic uint32_t last_tid; /* of the last worker; 0: there was none. It may have ended */
static _Atomic uint32_t calls;    /* calls of worker_call() while a worker is running */
static _Atomic uint32_t refusal ON_DATA_PAGE; /* enum reason: why next touch does not start again; 0: it may */
static _Atomic uint64_t rests_until;          /* monotonic ns */

/* The worker's state, in a mapping that the worker makes itself. */
struct worker {
    struct upkeep upkeep;
    struct next_touch next_touch;
    uint32_t calls_seen;
    uint64_t called_at, useful_at, began_at; /* monotonic ns */
};

/* --- the end, on demand --- */

bool worker_goes_on(void)
{
    return shim_is_active() && !atomic_load_explicit(&leaves, memory_order_relaxed);
}

void worker_pause(uint64_t ns)
{
    struct timespec time = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
    raw_call(SYS_futex, &leaves, FUTEX_WAIT_PRIVATE, 0, &time);
}

/*
 * Does the kernel still count the last worker? Of another thread that has its number since, this says yes: the caller
 * then waits in vain, but not for long.
 */
static bool is_there(void)
{
    uint32_t number = atomic_load(&last_tid);
    return atomic_load(&running) || (number && raw_call(SYS_tgkill, shim.pid, number, 0) == 0);
}

static void end_doze(void)
{
    if (atomic_load(&dozes) && atomic_exchange(&dozes, 0))
        raw_call(SYS_futex, &dozes, FUTEX_WAKE_PRIVATE, 1);
}

bool worker_leave(void)
{
    int saved = errno;
    if (!is_there()) {
        errno = saved;
        return false;
    }
    atomic_fetch_add(&leaves, 1);
    raw_call(SYS_futex, &leaves, FUTEX_WAKE_PRIVATE, INT_MAX);
    end_doze();
    for (uint64_t waited = 0; is_there() && waited < LEAVE_MOST; waited += LEAVE_STEP)
        sleep_ns(LEAVE_STEP);
    atomic_store(&last_tid, 0);
    errno = saved;
    return true;
}

void worker_may_return(void)
{
    atomic_fetch_sub(&leaves, 1);
    if (shim_is_active() && (upkeep_wait(NULL) != UINT64_MAX || idle_wait() != UINT64_MAX))
        worker_wake();
}

/* --- next touch --- */

static bool may_watch(void)
{
    return worker_goes_on() && next_touch_has_work() && !atomic_load_explicit(&refusal, memory_order_relaxed);
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

static uint64_t process_cpu_ns(void)
{
    struct timespec time = {0};
    raw_call(SYS_clock_gettime, CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

/* false: next touch is over. */
static bool watch_a_window(struct worker *self)
{
    if (idle_wait() == 0)
        idle_look();
    for (uint32_t tick = 0; tick < WINDOW_TICKS; tick++) {
        upkeep_run(&self->upkeep);
        if (!worker_goes_on() || !next_touch_may_go_on(&self->next_touch))
            return false;
        if (next_touch_tick(&self->next_touch))
            self->useful_at = monotonic_ns();
        relocate_tell(&self->upkeep.mover);
    }
    return true;
}

/* When looking has had no more than its share of the time; monotonic ns. */
static uint64_t has_paid_at(const struct worker *self)
{
    uint64_t looked = self->next_touch.looked_ns;
    return looked > LOOK_FREE ? self->began_at + (looked - LOOK_FREE) * LOOK_SHARE : 0;
}

static bool follows_closely(struct worker *self)
{
    return quiet_since(self) < FOLLOW_CLOSELY_MS * NS_PER_MS;
}

static bool should_rest(struct worker *self)
{
    uint64_t now = monotonic_ns(), last = self->useful_at ? self->useful_at : self->began_at;
    return !follows_closely(self) || now - last >= IDLE || has_paid_at(self) > now;
}

/*
 * Pauses between two windows. The kernel has no sampling to do meanwhile, and the next window can sample other threads.
 */
static void rest(struct worker *self)
{
    uint64_t pause = (follows_closely(self) ? WINDOW_SOON : WINDOW_EVERY) - WINDOW_TICKS * NEXT_TOUCH_TICK_NS;
    uint64_t until = monotonic_ns() + pause, paid = has_paid_at(self);
    if (until < paid)
        until = paid;
    next_touch_pause(&self->next_touch);
    for (uint64_t now; worker_goes_on() && (now = monotonic_ns()) < until;) {
        uint64_t wait = upkeep_run(&self->upkeep);
        wait = wait < NAP ? wait : NAP;
        worker_pause(until - now < wait ? until - now : wait);
        if (early_is_wanted() && self->next_touch.listened_ns * REPORT_SHARE <= process_cpu_ns())
            next_touch_listen(&self->next_touch);
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
    self->called_at = self->began_at = monotonic_ns();
    self->calls_seen = atomic_load(&calls);
    segment_following(true, REASON_OK);
    next_touch_begin(&self->next_touch, &self->upkeep.mover);
    self->next_touch.pairs = sharing_pairs(&self->upkeep.sharing);
    if (big_count() + owned_count() == 0)
        worker_pause(LOOK_DELAY);
    while ((quiet_since(self) < FOLLOW_MS * NS_PER_MS || early_is_wanted()) && watch_a_window(self))
        if (should_rest(self))
            rest(self);
    next_touch_pause(&self->next_touch);
    if (quiet_since(self) >= FOLLOW_MS * NS_PER_MS)
        sharing_end(&self->upkeep.sharing);
    if (!self->useful_at)
        atomic_store(&rests_until, monotonic_ns() + REST);
    refuse(self->next_touch.sampler.refused ? REASON_NO_SAMPLING
           : self->upkeep.mover.error       ? reason_of_error(self->upkeep.mover.error)
                                            : REASON_OK);
}

/* --- the thread --- */

static const struct plan_node *plan_node_of(uint32_t id)
{
    for (uint32_t i = 0; i < shim.plan.count[PLAN_NODES]; i++)
        if (shim.plan.nodes[i].id == id)
            return &shim.plan.nodes[i];
    return NULL;
}

/* What its creator touched for it: the end of its stack, and its thread block, which it reads with every call. */
static void bring_stack(uint32_t node)
{
    uintptr_t start = page_floor((uintptr_t)__builtin_frame_address(0));
    uintptr_t end = page_floor((uintptr_t)__builtin_thread_pointer()) + 2 * page_size();
    int nodes[STACK_PAGES], status[STACK_PAGES];
    void *pages[STACK_PAGES];
    size_t count = 0;
    for (; start < end && count < STACK_PAGES; start += page_size()) {
        nodes[count] = (int)node;
        pages[count++] = (void *)start;
    }
    sys_move_pages(count, pages, nodes, status);
}

/*
 * It goes where the library's own data are, which it reads often, and its tables come to be there, too. Where threads
 * have CPUs to themselves it may go anywhere, so that it finds an idle one.
 */
static void stay_with_data(void)
{
    struct mask mask;
    bool may_choose = shim.plan.count[PLAN_NODES] > 1 && !shim_needs(PLAN_HAS_EXCLUSIVE);
    const struct plan_node *node = may_choose ? plan_node_of(mover_node_of((uintptr_t)&shim)) : NULL;
    if (!node || mask_open(&mask) < 0)
        return;
    plan_mask_expand(&shim.plan, node->cpus, mask.bits, mask.words);
    mask_and(&mask, shim.base.mask);
    if (mask_weight(&mask) && sys_set_affinity(0, mask.bits, mask.words) == 0)
        bring_stack(node->id);
    mask_close(&mask);
}

/* Until it is time, or a thread has something else to do. What came between the last look and the mark is seen here. */
static void doze(const struct worker *self, uint64_t ns)
{
    struct timespec time = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
    atomic_store(&dozes, 1);
    if (worker_goes_on() && upkeep_wait(&self->upkeep) == UINT64_MAX && atomic_load(&calls) == self->calls_seen)
        raw_call(SYS_futex, &dozes, FUTEX_WAIT_PRIVATE, 1, &time);
    atomic_store(&dozes, 0);
}

/* Nothing but idle memory is left to do. Returns when there is more, or no idle memory. */
static void wait_for_idle_memory(struct worker *self)
{
    self->calls_seen = atomic_load(&calls);
    for (uint64_t wait; worker_goes_on() && upkeep_wait(&self->upkeep) == UINT64_MAX &&
                        atomic_load(&calls) == self->calls_seen && (wait = idle_wait()) != UINT64_MAX;)
        if (wait)
            doze(self, wait);
        else
            idle_look();
}

/* Upkeep, and a further watch where it found that what was moved is not where it went. ns until it is due again. */
static uint64_t watch_again(struct worker *self)
{
    uint64_t wait = upkeep_run(&self->upkeep);
    while (apart_has_undone(&self->upkeep.apart) && may_watch()) {
        watch(self);
        wait = upkeep_run(&self->upkeep);
    }
    return wait;
}

/* false: there is no memory for the worker's state. */
static bool live(void)
{
    struct worker *self =
        raw_mmap(NULL, sizeof(*self), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    if (self == MAP_FAILED)
        return false;
    upkeep_begin(&self->upkeep);
    uint64_t wait = upkeep_run(&self->upkeep);
    if (may_watch() && monotonic_ns() >= atomic_load(&rests_until)) {
        watch(self);
        wait = watch_again(self);
    }
    while (worker_goes_on() && wait != UINT64_MAX) {
        worker_pause(wait < NAP ? wait : NAP);
        if (idle_wait() == 0)
            idle_look();
        wait = watch_again(self);
    }
    wait_for_idle_memory(self);
    raw_munmap(self, sizeof(*self));
    return true;
}

static void *run(void *unused)
{
    uint32_t none;
    bool lived;
    atomic_store(&last_tid, (uint32_t)thread_own_tid());
    sys_set_name(SEGMENT_WORKER);
    sys_set_affinity(0, shim.base.mask, shim.base.words);
    stay_with_data();
    do {
        lived = live();
        none = 0;
        atomic_store(&running, 0);
        /* an order may have arrived after the last check */
    } while (lived && worker_goes_on() && (upkeep_wait(NULL) != UINT64_MAX || idle_wait() != UINT64_MAX) &&
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
    next_pthread_create *create = NEXT_OR_BIND(pthread_create);
    next_pthread_detach *detach = NEXT_OR_BIND(pthread_detach);
    uint64_t blocked = all_signals(), before = 0;
    pthread_t thread;
    if (!create || !detach || raw_call(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, &before, sizeof(blocked)) != 0)
        return false;
    bool made = create(&thread, NULL, run, NULL) == 0;
    if (made)
        detach(thread);
    raw_call(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(before));
    return made;
}

/*
 * Under a filter: what only a thread calls, glibc's own calls at its end included. That a thread can be made is known
 * when the program has made one.
 */
static bool may_live(void)
{
    static const short needed[] = {SYS_rt_sigprocmask, SYS_nanosleep, SYS_futex, SYS_madvise, SYS_exit};
    if (atomic_load_explicit(&allowed_calls, memory_order_relaxed) == ALLOWED_ALL)
        return true;
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (!call_is_allowed(needed[i]))
            return false;
    return atomic_load_explicit(&shim.next_index, memory_order_relaxed) > 1;
}

static void start_one(void)
{
    uint32_t none = 0;
    int saved = errno;
    if (!may_live() || atomic_load(&leaves) || !atomic_compare_exchange_strong(&running, &none, 1))
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
    if (!may_watch() && !sharing_has_work())
        return;
    atomic_fetch_add(&calls, 1);
    bool runs = atomic_load_explicit(&running, memory_order_relaxed);
    if ((runs && !atomic_load(&dozes)) || monotonic_ns() < atomic_load(&rests_until))
        return;
    if (runs)
        end_doze();
    else
        start_one();
}

void worker_wake(void)
{
    if (!atomic_load(&running))
        start_one();
    else
        end_doze();
}

/*
 * A thread without a record, or one that no hook will see the end of, may be in libc's own code that ends it. The loader's
 * lock, which binding takes, may be another thread's that waits for the caller.
 */
static bool may_start_in_free(void)
{
    bool bound = NEXT(pthread_create) && NEXT(pthread_detach);
    return thread_self && !thread_self->adopted && !thread_in_libc &&
           (bound || atomic_load_explicit(&shim.next_index, memory_order_relaxed) <= 1);
}

bool worker_wake_in_free(void)
{
    if (!atomic_load(&running) && !may_start_in_free())
        return false;
    worker_wake();
    return atomic_load(&running);
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
    atomic_store(&dozes, 0);
    atomic_store(&leaves, 0);
    atomic_store(&last_tid, 0);
    atomic_store(&rests_until, 0);
    upkeep_forked();
    owned_forked();
    uses_forked();
    early_forked();
    seen_forked();
}
