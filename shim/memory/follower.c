#include "shim/memory/follower.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

#include "shim/arena/arena.h"
#include "shim/arena/big.h"
#include "shim/interpose/next.h"
#include "shim/memory/mover.h"
#include "shim/memory/sampler.h"
#include "shim/memory/usage.h"
#include "shim/place/apply.h"
#include "shim/place/thread.h"
#include "shim/state.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"
#include "shim/telemetry/segment.h"

#define MS           UINT64_C(1000000)
#define TICK         (4 * MS)
#define WINDOW_TICKS 10u /* of a window, later on */
#define WINDOW_EVERY (1000 * MS)
#define LIST_TICKS   5u           /* between two looks at what objects and threads there are */
#define REST         (10000 * MS) /* after a watch that found nothing */
#define BATCH_CHUNKS 32u

static _Atomic uint32_t running;     /* 1: there is a follower */
static _Atomic uint32_t calls;       /* follower_call() that came while there was one */
static _Atomic uint32_t refusal;     /* enum reason: why there will never be one again; 0: there may */
static _Atomic uint64_t rests_until; /* monotonic ns */

/* What the thread works with; one mapping, made by it. */
struct follower {
    struct sampler sampler;
    struct mover mover;
    struct usage usage;
    struct big objects[USAGE_PIECES]; /* by number of the piece */
    struct piece *batch_piece[BATCH_CHUNKS];
    struct chunk *batch_chunk[BATCH_CHUNKS];
    uint32_t batch_count;
    uint32_t live_threads, calls_seen;
    uint64_t called_at, useful_at; /* monotonic ns */
    bool moved_any;
};

static bool may_follow(void)
{
    return shim_is_active() && shim_needs(PLAN_HAS_NEXT_TOUCH) && nw_shim.plan.count[PLAN_NODES] > 1 && arena_is_on();
}

/* --- what there is --- */

static bool is_wanted(const struct big *object)
{
    const struct plan_view *plan = &nw_shim.plan;
    uint32_t rule = object->rule < plan->count[PLAN_RULES] ? object->rule : plan->header->default_rule;
    const struct flavour *flavour = &nw_regions[object->region].flavour;

    if (flavour->huge_pages == HUGE_2MIB || flavour->huge_pages == HUGE_1GIB || flavour->binding == BINDING_BIND)
        return false; /* the kernel's own huge pages; memory that was asked to be nowhere else */
    return rule == PLAN_NONE || (plan->rules[rule].flags & PLAN_RULE_NEXT_TOUCH);
}

static void keep_objects(struct follower *self, struct region *region)
{
    struct big found[USAGE_PIECES];
    uint32_t count = big_list(region, found, USAGE_PIECES);

    for (uint32_t i = 0; i < count; i++) {
        struct piece *piece;

        if (found[i].size < BIG_SIZE || !is_wanted(&found[i]))
            continue;
        piece = usage_keep(&self->usage, found[i].start, found[i].size, found[i].serial,
                           region->node < USAGE_NOWHERE ? (uint16_t)region->node : USAGE_NOWHERE);
        if (piece)
            self->objects[piece - self->usage.pieces] = found[i];
    }
}

static void list_objects(struct follower *self)
{
    usage_begin(&self->usage);
    for (uint32_t i = 0; i < nw_map.count; i++)
        keep_objects(self, &nw_regions[i]);
    usage_end(&self->usage);
}

static void watch(struct thread *thread, void *context)
{
    struct follower *self = context;
    pid_t tid = (pid_t)atomic_load_explicit(&thread->tid, memory_order_relaxed);

    self->live_threads++;
    if (tid && !self->sampler.refused)
        sampler_watch(&self->sampler, tid);
}

/* A thread alone has nobody to share with. */
static void list_threads(struct follower *self)
{
    self->live_threads = 0;
    thread_each(watch, self);
}

/* --- votes --- */

static void vote(void *context, uint32_t cpu, uintptr_t pointer)
{
    const struct plan_view *plan = &nw_shim.plan;
    struct follower *self = context;

    if (cpu < plan->count[PLAN_CPUS] && plan->cpus[cpu].mem_node < USAGE_NOWHERE)
        usage_vote(&self->usage, pointer, (uint16_t)plan->cpus[cpu].mem_node);
}

/* --- moving --- */

static const struct big *object_of(const struct follower *self, const struct piece *piece)
{
    return &self->objects[piece - self->usage.pieces];
}

/* Freed and given to somebody else while its pages were under way: they go where they are expected. */
static void undo(struct follower *self, const struct piece *piece, const struct chunk *chunk)
{
    uintptr_t start = chunk_start(piece, chunk);
    size_t size = chunk_length(piece, chunk);

    while (size && piece->home != USAGE_NOWHERE) {
        size_t added = mover_add(&self->mover, start, size, piece->home);

        start += added;
        size -= added;
        if (mover_run(&self->mover) < 0)
            return;
    }
}

static void finish_batch(struct follower *self)
{
    int error = mover_run(&self->mover);

    for (uint32_t i = 0; i < self->batch_count; i++) {
        struct piece *piece = self->batch_piece[i];

        if (!error && !big_check(object_of(self, piece), false))
            undo(self, piece, self->batch_chunk[i]);
    }
    self->batch_count = 0;
}

static void add_chunk(struct follower *self, struct piece *piece, struct chunk *chunk)
{
    uintptr_t start = chunk_start(piece, chunk);
    size_t size = chunk_length(piece, chunk);

    if (!big_check(object_of(self, piece), true)) {
        chunk->moves = USAGE_MOVES; /* gone; the next list is without it */
        return;
    }
    self->batch_piece[self->batch_count] = piece;
    self->batch_chunk[self->batch_count++] = chunk;
    for (;;) {
        size_t added = mover_add(&self->mover, start, size, chunk->target);

        start += added;
        size -= added;
        if (!size)
            break;
        mover_run(&self->mover); /* a chunk of several batches */
    }
    usage_moved(piece, chunk);
}

static bool has_room(const struct follower *self)
{
    return self->batch_count < BATCH_CHUNKS && self->mover.count < MOVER_BATCH;
}

/* One batch of what the votes say. Returns whether there was any. */
static bool move_some(struct follower *self)
{
    struct piece *piece = NULL;
    struct chunk *chunk;

    while (has_room(self) && (chunk = usage_next(&self->usage, &piece)))
        add_chunk(self, piece, chunk);
    if (!self->batch_count)
        return false;
    finish_batch(self);
    self->moved_any = true;
    segment_moved(self->mover.moved, self->mover.kept);
    self->mover.moved = self->mover.kept = 0;
    return true;
}

/* --- its life --- */

static void sleep_ns(uint64_t ns)
{
    struct timespec time = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

    syscall(SYS_nanosleep, &time, NULL);
}

static bool must_end(const struct follower *self)
{
    return !shim_is_active() || self->live_threads < 2 || self->sampler.refused || self->mover.error;
}

/* Looks and moves for so many ticks. false: it is over. */
static bool watch_for(struct follower *self, uint32_t ticks)
{
    for (uint32_t tick = 0; tick < ticks; tick++) {
        if (tick % LIST_TICKS == 0) {
            list_objects(self);
            list_threads(self);
        }
        if (must_end(self))
            return false;
        sleep_ns(TICK);
        sampler_read(&self->sampler, vote, self);
        usage_tick(&self->usage);
        if (mover_wait(&self->mover) == 0 && move_some(self))
            self->useful_at = monotonic_ns();
    }
    return true;
}

static void note_calls(struct follower *self)
{
    uint32_t now = atomic_load(&calls);

    if (now != self->calls_seen)
        self->called_at = monotonic_ns();
    self->calls_seen = now;
}

static uint64_t quiet_since(const struct follower *self)
{
    uint64_t last = self->called_at > self->useful_at ? self->called_at : self->useful_at;

    return monotonic_ns() - last;
}

static void follow(struct follower *self)
{
    while (quiet_since(self) < FOLLOW_MS * MS) {
        bool closely;

        note_calls(self);
        closely = quiet_since(self) < FOLLOW_CLOSELY_MS * MS;
        if (!watch_for(self, WINDOW_TICKS))
            return;
        if (closely)
            continue;
        sampler_close(&self->sampler); /* other threads' turn, and nothing to do for the kernel meanwhile */
        sleep_ns(WINDOW_EVERY - WINDOW_TICKS * TICK);
    }
}

static void refuse(enum reason reason)
{
    atomic_store(&refusal, reason);
    segment_following(false, reason);
}

static void note_refusal(const struct follower *self)
{
    if (self->sampler.refused)
        refuse(REASON_NO_SAMPLING);
    else if (self->mover.error)
        refuse(reason_of_error(self->mover.error));
    else
        segment_following(false, REASON_OK);
}

static void live(void)
{
    struct follower *self =
        raw_mmap(NULL, sizeof(*self), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);

    if (self == MAP_FAILED)
        return;
    mover_init(&self->mover, FOLLOW_BYTES, FOLLOW_NS);
    self->called_at = monotonic_ns();
    self->calls_seen = atomic_load(&calls);
    segment_following(true, REASON_OK);
    sampler_open(&self->sampler);
    follow(self);
    sampler_close(&self->sampler);
    note_refusal(self);
    if (!self->moved_any)
        atomic_store(&rests_until, monotonic_ns() + REST);
    raw_munmap(self, sizeof(*self));
}

static void *run(void *unused)
{
    sys_set_name("nodewise");
    sys_set_affinity(0, nw_shim.base.mask, nw_shim.base.words);
    live();
    atomic_store(&running, 0);
    return unused;
}

/* libc tells its threads of setuid() and of cancellation with these, and waits for the answer (nptl(7)). */
static uint64_t all_signals(void)
{
    return ~(UINT64_C(1) << 31 | UINT64_C(1) << 32);
}

static bool start(void)
{
    int (*detach)(pthread_t) = (int (*)(pthread_t))next_find("pthread_detach");
    uint64_t blocked = all_signals(), before = 0;
    pthread_t thread;
    bool made;

    if (!detach || syscall(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, &before, sizeof(blocked)) != 0)
        return false;
    made = NEXT(pthread_create)(&thread, NULL, run, NULL) == 0;
    if (made)
        detach(thread);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(before));
    return made;
}

void follower_call(void)
{
    uint32_t none = 0;
    int saved = errno;

    if (big_count() == 0 || !may_follow() || atomic_load_explicit(&refusal, memory_order_relaxed))
        return;
    if (atomic_load_explicit(&nw_shim.next_index, memory_order_relaxed) < 2)
        return; /* no thread but main */
    atomic_fetch_add(&calls, 1);
    if (atomic_load_explicit(&running, memory_order_relaxed) || monotonic_ns() < atomic_load(&rests_until))
        return;
    if (!atomic_compare_exchange_strong(&running, &none, 1))
        return;
    if (!start()) { /* no thread is to be had now; later perhaps */
        atomic_store(&rests_until, monotonic_ns() + REST);
        atomic_store(&running, 0);
    }
    errno = saved;
}

void follower_stay_off(void)
{
    atomic_store(&refusal, REASON_NO_SAMPLING);
}

void follower_tell(void)
{
    if (atomic_load_explicit(&refusal, memory_order_relaxed))
        segment_following(false, atomic_load_explicit(&refusal, memory_order_relaxed));
}

void follower_forked(void)
{
    atomic_store(&running, 0);
    atomic_store(&rests_until, 0);
}
