#include "shim/place/board_file.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "policy/board.h"
#include "shim/base/common.h"
#include "shim/base/peer.h"
#include "shim/base/runtime_folder.h"
#include "shim/base/shared_file.h"
#include "shim/base/state.h"
#include "shim/sys/raw.h"
#include "shim/telemetry/segment.h"

#define STUCK_S   2 /* a lock that is not to be had, on a file that was not written for so long: its holder is stopped */
#define RETRY_NS  NS_PER_S
#define RESERVE   (EXCHANGES_AT_ONCE / 2)                    /* of the exchanges at once, for new threads alone */
#define BLOCK_ALL (~(UINT64_C(1) << 31 | UINT64_C(1) << 32)) /* but the two of the C library, which waits for them */

static struct board board; /* all zero, or 256 KiB would stand in the file between what every start writes */
static struct board_threads mine[BOARD_CPUS];
static struct board_sum spread[BOARD_CPUS];

static struct {
    _Atomic uint32_t in_use;     /* 1: a thread is in an exchange, and owns all but the atomics */
    _Atomic uint32_t began;      /* 1: there was an exchange */
    _Atomic uint32_t saved;      /* exchanges that may be made at once */
    _Atomic uint64_t told;       /* threads that the others know of */
    _Atomic uint64_t last;       /* ns: the last exchange */
    _Atomic uint64_t earned;     /* ns: until when `saved` has been filled up */
    _Atomic uint64_t not_before; /* ns: after one that failed */
    bool is_described, has_looked;
    bool waited_in_vain;        /* for the lock, the last time: then the next ones do not wait */
    enum runtime_folder folder; /* RUNTIME_FOLDERS: not known yet */
    struct shared_file file;
    uint64_t signals;   /* the thread's mask before the exchange */
    const void *filled; /* the occupancy whose `others` were filled in last */
} state = {.folder = RUNTIME_FOLDERS};

/* --- when --- */

/* A clock that costs next to nothing and moves every few milliseconds. */
static uint64_t coarse_ns(void)
{
    struct timespec now = {0};
    read_clock(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

#define LOAD(member)         atomic_load_explicit(&state.member, memory_order_relaxed)
#define STORE(member, value) atomic_store_explicit(&state.member, value, memory_order_relaxed)

static uint64_t threads_now(void)
{
    return atomic_load_explicit(shim.occupancy.threads, memory_order_relaxed);
}

/* Races between threads cost an exchange more or less. */
static bool may_spend(uint64_t now, uint32_t keep)
{
    uint64_t periods = (now - LOAD(earned)) / (EXCHANGE_EVERY_MS * NS_PER_MS);
    uint32_t saved = LOAD(saved);
    if (periods) {
        STORE(earned, now);
        saved = periods > EXCHANGES_AT_ONCE - saved ? EXCHANGES_AT_ONCE : saved + (uint32_t)periods;
        STORE(saved, saved);
    }
    if (saved <= keep)
        return false;
    STORE(saved, saved - 1);
    return true;
}

/* With one thread more. */
static bool is_due(void)
{
    uint64_t now = coarse_ns(), threads = threads_now() + 1, told = LOAD(told);
    if (now < LOAD(not_before))
        return false;
    if (!LOAD(began) || state.filled != shim.occupancy.counts || now - LOAD(last) >= EXCHANGE_REFRESH_MS * NS_PER_MS)
        return true;
    return threads > told && (may_spend(now, 0) || threads > told + told / 4);
}

/* --- opening --- */

static int open_folder(enum runtime_folder which)
{
    const struct runtime_user user = {shim.uid, shim.session};
    return runtime_folder_open(which, &user, true);
}

static void close_file(void)
{
    raw_call(SYS_flock, state.file.fd, LOCK_UN); /* a child that was forked meanwhile has the descriptor, too */
    raw_close(state.file.fd);
}

/* The lock is this process's: who waits for it finds that the file is in place no more. */
static void remove_file(void)
{
    int folder = open_folder(state.folder);
    if (folder < 0)
        return;
    if (shared_file_is_in_place(folder, BOARD_NAME, &state.file))
        raw_unlinkat(folder, BOARD_NAME);
    raw_close(folder);
}

static bool is_stuck(const struct shared_file *file)
{
    struct timespec now = {0};
    read_clock(CLOCK_REALTIME, &now);
    return now.tv_sec - file->info.st_mtime > STUCK_S;
}

/* 0: state.file is open and locked. -EAGAIN: another process has it. */
static int open_and_lock(int folder, uint64_t wait_ns)
{
    for (int round = 0; round < 2; round++) {
        int error = shared_file_open(folder, BOARD_NAME, 0, &state.file);
        if (error)
            return error;
        bool locked = shared_file_lock(state.file.fd, wait_ns);
        bool in_place = shared_file_is_in_place(folder, BOARD_NAME, &state.file);
        if (locked && in_place)
            return 0;
        if (!locked && in_place && !is_stuck(&state.file)) {
            raw_close(state.file.fd);
            return -EAGAIN;
        }
        if (!locked && in_place) /* all others come to the new one, and write down anew what they have */
            raw_unlinkat(folder, BOARD_NAME);
        close_file();
    }
    return -EAGAIN;
}

static int open_in(enum runtime_folder which, uint64_t wait_ns)
{
    int folder = open_folder(which);
    if (folder < 0)
        return folder;
    int error = open_and_lock(folder, wait_ns);
    raw_close(folder);
    return error;
}

/* The first runtime folder in which there can be one: all processes of a user find the same. */
static int open_somewhere(void)
{
    uint64_t wait_ns = state.waited_in_vain ? 0 : BOARD_WAIT_MS * NS_PER_MS;
    int error = -ENOENT;
    if (state.folder != RUNTIME_FOLDERS)
        return open_in(state.folder, wait_ns);
    for (enum runtime_folder which = 0; which < RUNTIME_FOLDERS && error && error != -EAGAIN; which++) {
        error = open_in(which, wait_ns);
        if (!error)
            state.folder = which;
    }
    return error;
}

/* --- an exchange --- */

static void describe(void)
{
    if (state.is_described)
        return;
    state.is_described = true;
    board.index = BOARD_NONE;
    peer_describe_self(&board.self);
    board.cpus = shim.base.words * 64 < BOARD_CPUS ? (uint32_t)shim.base.words * 64 : BOARD_CPUS;
}

static struct board_file functions(void)
{
    return (struct board_file){shared_file_read, shared_file_write, &state.file};
}

static int read_board(void)
{
    struct board_file file = functions();
    int error = board_read(&file, &board);
    if (!error && !state.has_looked)
        error = board_look(&file, &board, peer_is_alive);
    state.has_looked = state.has_looked || !error;
    return error;
}

/* Others choose by these numbers at the same time. That one of them may see a group half summed up does no harm. */
static void fill_in_others(void)
{
    const struct plan_view *plan = &shim.plan;
    struct occupancy_count *counts = shim.occupancy.counts;
    for (uint32_t cpu = 0; cpu < plan->count[PLAN_CPUS]; cpu++) {
        struct occupancy_threads *others = &counts[plan->cpus[cpu].group].others;
        struct board_sum sum = board_others(&board, cpu);
        if (plan->cpus[cpu].group != cpu) {
            sum.all += atomic_load_explicit(&others->all, memory_order_relaxed);
            sum.tight += atomic_load_explicit(&others->tight, memory_order_relaxed);
        }
        atomic_store_explicit(&others->all, sum.all, memory_order_relaxed);
        atomic_store_explicit(&others->tight, sum.tight, memory_order_relaxed);
    }
    state.filled = counts;
}

static struct board_sum sum_of(const struct occupancy_threads *threads)
{
    return (struct board_sum){atomic_load_explicit(&threads->all, memory_order_relaxed),
                              atomic_load_explicit(&threads->tight, memory_order_relaxed)};
}

static uint64_t less(uint64_t sum, uint64_t part)
{
    return sum > part ? sum - part : 0;
}

static uint32_t capped(uint64_t number)
{
    return number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
}

/* Each CPU's threads from those of its group: who chose the CPU itself is on it, all others are anywhere in the group. */
static void sum_up_mine(void)
{
    const struct plan_view *plan = &shim.plan;
    const struct occupancy_count *counts = shim.occupancy.counts;
    uint32_t cpus = plan->count[PLAN_CPUS] < board.cpus ? plan->count[PLAN_CPUS] : board.cpus;
    for (uint32_t cpu = 0; cpu < cpus; cpu++) {
        struct board_sum *group = &spread[plan->cpus[cpu].group], pinned = sum_of(&counts[cpu].pinned);
        if (plan->cpus[cpu].group == cpu)
            *group = sum_of(&counts[cpu].own);
        group->all = less(group->all, pinned.all);
        group->tight = less(group->tight, pinned.tight);
    }
    for (uint32_t cpu = 0; cpu < cpus; cpu++) {
        uint32_t group = plan->cpus[cpu].group, size = plan->cpus[group].group_size;
        struct board_sum pinned = sum_of(&counts[cpu].pinned);
        if (!size)
            size = 1;
        mine[cpu].all = capped(spread[group].all / size + pinned.all);
        mine[cpu].tight = capped(spread[group].tight / size + pinned.tight);
    }
}

static void note_failure(int error, uint64_t now)
{
    if (error == -EAGAIN) /* the lock: at the next choice */
        return;
    STORE(not_before, now + RETRY_NS);
    if (!LOAD(began) && atomic_load_explicit(&shim.reason, memory_order_relaxed) == REASON_OK) {
        atomic_store_explicit(&shim.reason, REASON_NO_BOARD, memory_order_relaxed);
        segment_state(SEGMENT_ACTIVE, REASON_NO_BOARD);
    }
}

void board_file_do_without(void)
{
    STORE(not_before, UINT64_MAX);
}

/* Opens, locks and reads. false: there is no board for now, and nothing has to be undone. */
static bool begin(void)
{
    uint64_t block = BLOCK_ALL;
    if (atomic_exchange(&state.in_use, 1))
        return false;
    if (raw_call(SYS_rt_sigprocmask, SIG_BLOCK, &block, &state.signals, sizeof(block)) != 0) {
        atomic_store(&state.in_use, 0);
        return false;
    }
    describe();
    int error = open_somewhere();
    state.waited_in_vain = error == -EAGAIN;
    occupancy_begin_at(&shim.occupancy, state.waited_in_vain ? (uint32_t)shim.pid : 0);
    if (!error) {
        error = read_board();
        if (!error)
            return true;
        close_file();
    }
    note_failure(error, coarse_ns());
    raw_call(SYS_rt_sigprocmask, SIG_SETMASK, &state.signals, NULL, sizeof(state.signals));
    atomic_store(&state.in_use, 0);
    return false;
}

static void end(const struct board_threads *threads)
{
    struct board_file file = functions();
    uint64_t now = coarse_ns();
    int error = board_write(&file, &board, threads);
    if (!error && !threads && board_is_empty(&board))
        remove_file();
    close_file();
    if (error)
        note_failure(error, now);
    STORE(began, 1);
    STORE(last, now);
    STORE(told, threads ? threads_now() : 0);
    raw_call(SYS_rt_sigprocmask, SIG_SETMASK, &state.signals, NULL, sizeof(state.signals));
    atomic_store(&state.in_use, 0);
}

bool board_file_begin(void)
{
    if (!is_due() || !begin())
        return false;
    fill_in_others();
    return true;
}

bool board_file_begin_now(void)
{
    if (coarse_ns() < LOAD(not_before) || !begin())
        return false;
    fill_in_others();
    sum_up_mine();
    return true;
}

uint64_t board_file_threads(uint32_t cpu)
{
    return cpu < board.cpus ? board_others(&board, cpu).all + mine[cpu].all : 0;
}

/* A process without threads that count has no slot: others would have to find out that it ended. */
void board_file_end(void)
{
    sum_up_mine();
    end(threads_now() ? mine : NULL);
}

/* --- changes without a choice --- */

static void exchange(void)
{
    if (!begin())
        return;
    fill_in_others();
    board_file_end();
}

void board_file_moved(void)
{
    uint64_t now = coarse_ns();
    if (now >= LOAD(not_before) && (!LOAD(began) || may_spend(now, 0)))
        exchange();
}

void board_file_ended(void)
{
    uint64_t told = LOAD(told), threads;
    if (!told || (threads = threads_now()) >= told || !shim_is_active())
        return;
    uint64_t now = coarse_ns();
    bool late = now - LOAD(last) >= EXCHANGE_REFRESH_MS * NS_PER_MS;
    if (now >= LOAD(not_before) && (late || (threads <= told / 2 && may_spend(now, RESERVE))))
        exchange();
}

void board_file_leave(void)
{
    if (LOAD(told) && begin())
        end(NULL);
}

void board_file_forked(void)
{
    if (atomic_load(&state.in_use))
        raw_close(state.file.fd);
    if (state.is_described)
        memset(&board.own, 0, BOARD_SLOT_SIZE(board.cpus));
    state.is_described = state.has_looked = false;
    state.filled = NULL;
    STORE(began, 0);
    STORE(told, 0);
    if (LOAD(not_before) != UINT64_MAX)
        STORE(not_before, 0);
    atomic_store(&state.in_use, 0);
}
