#include "tools/common/supervise.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shim/sys/again.h"
#include "tools/common/cli.h"

static const int passed_on[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH};
static const int of_terminal[] = {SIGINT, SIGQUIT}; /* the child has them from the terminal itself */

static volatile sig_atomic_t child;

static void pass_on(int signal)
{
    int saved = errno;
    if (child > 0)
        kill(child, signal);
    errno = saved;
}

static void set_handlers(void (*handler)(int), void (*for_terminal)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    for (size_t i = 0; i < sizeof(passed_on) / sizeof(*passed_on); i++)
        sigaction(passed_on[i], &action, NULL);
    action.sa_handler = for_terminal;
    for (size_t i = 0; i < sizeof(of_terminal) / sizeof(*of_terminal); i++)
        sigaction(of_terminal[i], &action, NULL);
}

static void become(char **command)
{
    set_handlers(SIG_DFL, SIG_DFL);
    execvp(command[0], command);
    int error = errno;
    print_error("%s: %s", command[0], strerror(error));
    _exit(error == ENOENT ? EXIT_RUN_NOT_FOUND : EXIT_RUN_NOT_EXECUTABLE);
}

/* What waitpid says of the end: the PID, or -1. Meanwhile look(context, PID) every so many seconds. */
static pid_t watch(pid_t pid, int *ret_status, void (*look)(void *context, pid_t pid), void *context, double seconds)
{
    const struct timespec between = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    unsigned interruptions = 0;
    pid_t ended = 0;
    while (ended == 0 || (ended < 0 && call_again(&interruptions))) {
        nanosleep(&between, NULL);
        ended = waitpid(pid, ret_status, WNOHANG);
        if (ended == 0)
            look(context, pid);
    }
    return ended;
}

static pid_t wait_for(pid_t pid, int *ret_status)
{
    unsigned interruptions = 0;
    pid_t ended;
    do {
        ended = waitpid(pid, ret_status, 0);
    } while (ended < 0 && call_again(&interruptions));
    return ended;
}

int supervise(char **command, void (*look)(void *context, pid_t pid), void *context, double seconds)
{
    int status = 0;
    set_handlers(pass_on, SIG_IGN);
    pid_t pid = fork();
    if (pid == 0)
        become(command);
    if (pid < 0) {
        print_error("the program cannot be started: %s", strerror(errno));
        return EXIT_RUN_FAILED;
    }
    child = (sig_atomic_t)pid;
    pid_t ended = look ? watch(pid, &status, look, context, seconds) : wait_for(pid, &status);
    int error = errno;
    child = 0;
    if (ended < 0) {
        print_error("how the program ended was not told: %s", strerror(error));
        return EXIT_RUN_FAILED;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* NULL: the program left none, or a damaged one, which is said. */
static json_t *read_report(int fd)
{
    struct stat status;
    json_error_t error;
    json_t *report = NULL;
    if (fstat(fd, &status) == 0 && status.st_size > 0 && !(report = json_loadfd(fd, 0, &error)))
        print_error("the program's report is damaged: line %d: %s", error.line, error.text);
    return report;
}

/* A file that only this user can read and write; its ending says the format. The descriptor, or negative errno. */
static int make_report(char *ret_path, size_t size)
{
    const char *own = getenv("TMPDIR");
    const char *const folders[] = {"/tmp", "/var/tmp", "/dev/shm", own && *own == '/' ? own : "/tmp"};
    int error = -ENOENT;
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        if ((size_t)snprintf(ret_path, size, "%s/nodewise-report-XXXXXX.json", folders[i]) >= size)
            continue;
        int fd = mkstemps(ret_path, 5);
        if (fd >= 0)
            return fd;
        error = -errno;
    }
    return error;
}

int supervise_reported(char **command, void (*look)(void *context, pid_t pid), void *context, double seconds,
                       json_t **ret_report)
{
    char path[PATH_MAX];
    int fd = make_report(path, sizeof(path)), status = EXIT_RUN_FAILED;
    *ret_report = NULL;
    if (fd < 0) {
        print_error("no file for the report can be made in TMPDIR, /tmp, /var/tmp or /dev/shm: %s", strerror(-fd));
        return status;
    }
    if (setenv("NODEWISE_REPORT", path, 1) != 0) {
        print_error("NODEWISE_REPORT cannot be set: %s", strerror(errno));
    } else {
        status = supervise(command, look, context, seconds);
        *ret_report = read_report(fd);
    }
    close(fd);
    unlink(path);
    return status;
}
