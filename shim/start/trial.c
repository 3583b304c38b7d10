#include "shim/start/trial.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/mempolicy.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "shim/base/common.h"
#include "shim/base/state.h"
#include "shim/base/text_writer.h"
#include "shim/sys/again.h"
#include "shim/sys/allowed.h"
#include "shim/sys/raw.h"

#define LONGEST        (2 * NS_PER_S) /* until a copy that says nothing is given up */
#define EVERY_SIGNAL   (-1L)
#define ADVICE_COLD    20 /* MADV_COLD and MADV_POPULATE_WRITE, which older headers lack */
#define ADVICE_PRESENT 23
#define NO_PROCESS     0x7ffffffe /* no process has this number: the limit is 2^22 (PID_MAX_LIMIT) */

/*
 * Each call that the shim makes and that is not certain, as often as filters may tell its arguments apart (they see
 * numbers, no memory). The arguments make the call fail, or change the copy alone. A call that is not here is never
 * made under a filter; tests/unit/test_calls.py compares the list with the shim's sources.
 */
static const struct attempt {
    short number;
    int arguments[4];
} attempts[] = {
    {SYS_wait4, {NO_PROCESS, 0, WNOHANG}}, /* the first two: how the copy's end is seen */
    {SYS_waitid, {P_PID, NO_PROCESS, 0, WEXITED | WNOHANG}},
    {SYS_prlimit64, {0, RLIMIT_AS}},
    {SYS_prlimit64, {0, RLIMIT_DATA}},
    {SYS_prlimit64, {0, RLIMIT_FSIZE}},
    {SYS_prlimit64, {0, RLIMIT_CORE}},
    {SYS_prctl, {PR_SET_DUMPABLE, 0}},
    {SYS_prctl, {PR_GET_NAME, 0}},
    {SYS_prctl, {PR_SET_NAME, 0}},
    {SYS_getpid, {0}},
    {SYS_gettid, {0}},
    {SYS_getppid, {0}},
    {SYS_sched_getaffinity, {0, 0, 0}},
    {SYS_sched_setaffinity, {0, 0, 0}},
    {SYS_get_mempolicy, {0}},
    {SYS_set_mempolicy, {MPOL_DEFAULT}},
    {SYS_mbind, {0}},
    {SYS_move_pages, {0}},
    {SYS_madvise, {0, 0, MADV_DONTNEED}},
    {SYS_madvise, {0, 0, MADV_FREE}},
    {SYS_madvise, {0, 0, MADV_HUGEPAGE}},
    {SYS_madvise, {0, 0, MADV_NOHUGEPAGE}},
    {SYS_madvise, {0, 0, MADV_DONTDUMP}},
    {SYS_madvise, {0, 0, MADV_DODUMP}},
    {SYS_madvise, {0, 0, MADV_WIPEONFORK}},
    {SYS_madvise, {0, 0, ADVICE_COLD}},
    {SYS_madvise, {0, 0, ADVICE_PRESENT}},
    {SYS_mremap, {0, 0, 0, RAW_MOVE_MAPPED}},
    {SYS_newfstatat, {-1, 0, 0, 0}},
#ifdef SYS_fstat
    {SYS_fstat, {-1}},
#endif
#ifdef SYS_access
    {SYS_access, {0}},
#endif
    {SYS_faccessat, {-1}},
    {SYS_readlinkat, {-1}},
    {SYS_write, {-1}},
    {SYS_pread64, {-1}},
    {SYS_pwrite64, {-1}},
    {SYS_lseek, {-1}},
    {SYS_getdents64, {-1}},
    {SYS_mkdirat, {-1}},
    {SYS_fchmodat, {-1}},
    {SYS_unlinkat, {-1}},
    {SYS_renameat2, {-1, 0, -1}},
    {SYS_ftruncate, {-1}},
    {SYS_fstatfs, {-1}},
    {SYS_fallocate, {-1}},
    {SYS_flock, {-1}},
    {SYS_fcntl, {-1, F_GETFD}},
    {SYS_fcntl, {-1, F_SETFD}},
    {SYS_dup3, {-1, -1}},
    {SYS_pipe2, {0}},
    {SYS_memfd_create, {0}},
    {SYS_close_range, {-1, 0, 0}},
    {SYS_close_range, {-1, 0, 2}}, /* CLOSE_RANGE_UNSHARE */
    {SYS_kill, {NO_PROCESS, 0}},
    {SYS_tgkill, {NO_PROCESS, NO_PROCESS, 0}},
    {SYS_rt_sigprocmask, {SIG_BLOCK, 0, 0, 8}},
    {SYS_rt_sigaction, {SIGCHLD, 0, 0, 8}},
    {SYS_futex, {0, FUTEX_WAIT_PRIVATE}},
    {SYS_futex, {0, FUTEX_WAKE_PRIVATE}},
    {SYS_nanosleep, {0}},
    {SYS_clock_gettime, {0}},
    {SYS_sched_yield, {0}},
    {SYS_getcpu, {0}},
    {SYS_perf_event_open, {0, 0, -1, -1}},
    {SYS_ioctl, {-1, PERF_EVENT_IOC_PERIOD, 0}},
    {SYS_getrusage, {RUSAGE_SELF, 0}},
    {SYS_process_vm_readv, {0}},
    {SYS_execve, {0}},
    {SYS_clone, {0}}, /* the last three: a child of the copy, as the helper makes them */
    {SYS_clone, {CLONE_VM | CLONE_VFORK}},
    {SYS_clone, {CLONE_VM | CLONE_VFORK | SIGCHLD}},
};
#define ATTEMPTS (sizeof(attempts) / sizeof(attempts[0]))

/* Shared with the copies. */
struct progress {
    _Atomic uint32_t next; /* the attempt that is being made; ATTEMPTS: all are */
    _Atomic uint32_t ends; /* all that is left is the copy's end */
};

struct trial {
    struct progress *progress;
    long clone;         /* SYS_clone or SYS_clone3 */
    uint64_t killed[2]; /* bit by attempt */
    bool exit_kills;
    pid_t left; /* a copy that is dead and not collected */
};
_Static_assert(ATTEMPTS <= 128, "killed[] has a bit for each");

static bool is_killed(const struct trial *trial, uint32_t attempt)
{
    return trial->killed[attempt / 64] >> (attempt % 64) & 1;
}

/* No call with this number, whatever its arguments, has killed. */
static bool survived(const struct trial *trial, long number)
{
    for (uint32_t i = 0; i < ATTEMPTS; i++)
        if (attempts[i].number == number && is_killed(trial, i))
            return false;
    return true;
}

/* --- the copy --- */

/* A child of the copy, which ends at once. In the copy's memory it runs while the copy sleeps, on the same stack. */
static void make_process(const struct trial *trial, int flags)
{
    long pid = program_call(SYS_clone, flags, 0, 0, 0, 0);
    if (pid == 0) {
        program_call(SYS_exit, 0);
        __builtin_trap();
    }
    if (pid > 0 && survived(trial, SYS_wait4))
        program_call(SYS_wait4, pid, NULL, __WALL, NULL);
}

/* program_call(): what is tried here is not allowed yet. */
static void make(const struct trial *trial, const struct attempt *attempt)
{
    const int *arguments = attempt->arguments;
    uint64_t signals = (uint64_t)EVERY_SIGNAL;
    struct rlimit none = {0, 0};
    if (attempt->number == SYS_rt_sigprocmask)
        program_call(SYS_rt_sigprocmask, SIG_SETMASK, &signals, NULL, sizeof(signals));
    else if (attempt->number == SYS_prlimit64 && arguments[1] == RLIMIT_CORE)
        program_call(SYS_prlimit64, 0, RLIMIT_CORE, &none, NULL);
    else if (attempt->number == SYS_clone)
        make_process(trial, arguments[0]);
    else
        program_call(attempt->number, arguments[0], arguments[1], arguments[2], arguments[3]);
}

static _Noreturn void be_the_copy(const struct trial *trial)
{
    struct progress *progress = trial->progress;
    uint32_t next;
    while ((next = atomic_load(&progress->next)) < ATTEMPTS) {
        make(trial, &attempts[next]);
        atomic_store(&progress->next, next + 1);
    }
    atomic_store(&progress->ends, 1);
    program_call(SYS_exit, 0);
    __builtin_trap();
}

static pid_t copy(const struct trial *trial)
{
    struct clone_args arguments = {.exit_signal = 0};
    if (trial->clone == SYS_clone3)
        return (pid_t)program_call(SYS_clone3, &arguments, sizeof(arguments));
    return (pid_t)program_call(SYS_clone, 0, 0, 0, 0, 0);
}

/* --- its end --- */

/* By /proc, for as long as no call that waits is known to be safe: state Z, or no process any more. */
static bool is_dead(pid_t pid)
{
    char path[48] = "", text[256];
    struct text_writer writer = {path, sizeof(path), 0};
    write_text(&writer, "/proc/");
    write_number(&writer, (uint64_t)pid, 0);
    write_text(&writer, "/stat");
    int fd = raw_open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return true;
    ssize_t length = raw_read(fd, text, sizeof(text) - 1);
    raw_close(fd);
    text[length > 0 ? length : 0] = '\0';
    const char *at = strrchr(text, ')');
    return !at || at[1] != ' ' || at[2] == 'Z' || at[2] == 'X';
}

/* Collects the copy. false: no call that does it is known to be safe. */
static bool collect(struct trial *trial, pid_t pid, uint32_t next)
{
    bool wait4 = next > 0 && survived(trial, SYS_wait4), waitid = next > 1 && survived(trial, SYS_waitid);
    siginfo_t end = {.si_code = 0};
    unsigned interruptions = 0;
    int status = 0;
    long result;
    if (!wait4 && !waitid)
        return false;
    do {
        result = wait4 ? program_call(SYS_wait4, pid, &status, __WCLONE, NULL)
                       : program_call(SYS_waitid, P_PID, pid, &end, WEXITED | __WCLONE, NULL);
    } while (result < 0 && call_again(&interruptions));
    trial->exit_kills = wait4 ? !WIFEXITED(status) : end.si_code != CLD_EXITED; /* of the last copy it is true */
    return true;
}

/*
 * Waits until the copy has ended. The first attempts are the calls that wait: until one of them is known to be safe,
 * the page and /proc are looked at instead. false: neither tells.
 */
static bool wait_for(struct trial *trial, pid_t pid)
{
    uint64_t until = monotonic_ns() + LONGEST;
    do {
        if (collect(trial, pid, atomic_load(&trial->progress->next)))
            return true;
        if (!is_dead(pid))
            continue;
        trial->left = pid; /* it stays a zombie until the next copy knows how to collect it */
        return true;
    } while (monotonic_ns() < until);
    return false;
}

static void collect_the_left(struct trial *trial)
{
    bool exit_kills = trial->exit_kills;
    if (trial->left && collect(trial, trial->left, ATTEMPTS))
        trial->left = 0;
    trial->exit_kills = exit_kills;
}

/* Runs one copy and learns from it. false: the trial is over. */
static bool go_on(struct trial *trial)
{
    struct progress *progress = trial->progress;
    pid_t pid = copy(trial);
    if (pid == 0)
        be_the_copy(trial);
    if (pid < 0 || !wait_for(trial, pid))
        return false;
    uint32_t next = atomic_load(&progress->next);
    if (next >= ATTEMPTS)
        return false;
    trial->killed[next / 64] |= UINT64_C(1) << (next % 64);
    atomic_store(&progress->next, next + 1);
    return survived(trial, SYS_wait4) || survived(trial, SYS_waitid); /* else each copy would stay a zombie */
}

bool trial_run(long number)
{
    struct trial trial = {.clone = number};
    void *page = raw_mmap(NULL, sizeof(struct progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
    if (page == MAP_FAILED)
        return false;
    trial.progress = page;
    while (go_on(&trial))
        ;
    collect_the_left(&trial);
    bool whole = atomic_load(&trial.progress->ends);
    for (uint32_t i = 0; whole && i < ATTEMPTS; i++)
        if (survived(&trial, attempts[i].number))
            allow_call(attempts[i].number);
    if (whole) {
        if (!trial.exit_kills)
            allow_call(SYS_exit);
        allow_tried();
    }
    raw_munmap(page, sizeof(struct progress));
    return whole;
}
