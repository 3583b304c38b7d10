#include "tools/apply/beside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/plan_text.h"
#include "tools/apply/session.h"
#include "tools/common/cli.h"
#include "tools/common/process.h"
#include "tools/prepare/plan_file.h"

#define FIRST_PAUSE 0.01 /* seconds between the first looks: most threads come at the beginning */
#define EXEC_MS     1    /* between two looks whether the program is there */

struct beside {
    pid_t program;
    uint64_t start_ticks; /* of that process, which execve(2) does not change */
    uint32_t number;
    const char *plan;
};

/* --- the process beside --- */

/* What the program has open is its own: a pipe ends when it ends. */
static void let_go(void)
{
    int nothing = open("/dev/null", O_RDWR);
    if (nothing >= 0) {
        dup2(nothing, STDIN_FILENO);
        dup2(nothing, STDOUT_FILENO);
    }
    syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 0); /* Linux 5.9 */
    if (chdir("/") != 0)
        return; /* a folder that cannot be left is one that cannot be unmounted, no more */
}

static void be_silent(void)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing >= 0)
        dup2(nothing, STDERR_FILENO);
}

/* Is it still this command, and not yet the program? */
static bool is_still_here(const struct beside *beside)
{
    char path[64];
    struct stat theirs, ours;
    snprintf(path, sizeof(path), "/proc/%d/exe", (int)beside->program);
    return stat(path, &theirs) == 0 && stat("/proc/self/exe", &ours) == 0 && theirs.st_dev == ours.st_dev &&
           theirs.st_ino == ours.st_ino && process_start_ticks(beside->program) == beside->start_ticks;
}

/* A process that could not become the program ends, and is found to be gone afterwards. */
static void wait_for_program(const struct beside *beside)
{
    struct pollfd end = {.fd = (int)syscall(SYS_pidfd_open, beside->program, 0), .events = POLLIN};
    while (is_still_here(beside) && poll(&end, 1, EXEC_MS) == 0)
        ;
    if (end.fd >= 0)
        close(end.fd);
}

static void say(const struct beside *beside, const char *what, int error)
{
    print_error("process %d is not governed from outside: %s: %s", (int)beside->program, what, strerror(-error));
}

/* 0; -ESRCH: it has ended, or carries the library all the same; or another negative errno. */
static int open_program(struct session *session, const struct beside *beside)
{
    struct governed *governed = session_add(session);
    int error = governed ? target_open(&governed->target, beside->program, beside->number) : -ENOMEM;
    if (error == 0 && governed->target.start_ticks != beside->start_ticks)
        error = -ESRCH;
    return error == 0 && children_have_library(&governed->target) ? -ESRCH : error;
}

static int place(struct session *session, const struct beside *beside)
{
    int error = session_place(session);
    if (error < 0)
        return error;
    if (session->placing.refused)
        say(beside, "the kernel refuses a thread", -session->placing.refused);
    if (session->record_error < 0)
        print_error("ps, show, verify and top do not see process %d: the record cannot be written: %s",
                    (int)beside->program, strerror(-session->record_error));
    session_forget_news(session);
    return 0;
}

static int watch(struct session *session)
{
    int error = 0;
    for (bool over = false; error == 0 && !over;) {
        error = session_watch(session, &over);
        session_forget_news(session);
    }
    return error;
}

static void govern(const struct beside *beside, const struct plan_view *plan)
{
    struct session session;
    int error = session_init(&session, plan, false);
    if (error < 0)
        return;
    session.first = FIRST_PAUSE;
    session.with_children = session.records.watches = true;
    session.records.plan_path = plan_text_is(beside->plan) ? "" : beside->plan;
    session.records.policy = plan_text(plan, plan->header->source);
    session_take_signals();
    error = open_program(&session, beside);
    if (error == 0)
        error = place(&session, beside);
    if (error < 0 && error != -ESRCH)
        say(beside, "it cannot be looked at", error);
    be_silent();
    if (error == 0)
        watch(&session);
    session_free(&session);
}

static void stay_beside(const struct beside *beside)
{
    struct file_bytes file;
    struct plan_view plan;
    let_go();
    int error = plan_file_load(&file, beside->plan);
    if (error < 0) {
        say(beside, "the plan cannot be read", error);
        return;
    }
    error = plan_check(&plan, file.data, file.size, NULL);
    if (error < 0)
        say(beside, "the plan is damaged", error);
    wait_for_program(beside);
    if (error == 0)
        govern(beside, &plan);
    free(file.data);
}

/* --- the one that becomes the program --- */

int beside_start(const char *plan, uint32_t number)
{
    const struct beside beside = {getpid(), process_start_ticks(getpid()), number, plan};
    pid_t between = fork();
    if (between == 0) {
        setsid();
        if (fork() == 0)
            stay_beside(&beside);
        _exit(0);
    }
    if (between < 0)
        return -errno;
    while (waitpid(between, NULL, 0) < 0 && errno == EINTR)
        ;
    return 0;
}
