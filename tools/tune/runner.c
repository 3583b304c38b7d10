#include "tools/tune/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "config/printable.h"
#include "tools/tune/children.h"

#define LOOK_SECONDS  0.05
#define READY_SECONDS 0.02
#define OUTPUT_MOST   ((off_t)64 << 20)
#define PATIENCE      10.0 /* seconds that a server has to end */

static sigset_t before, awaited;

double runner_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int runner_begin(void)
{
    static const int signals[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP};
    sigemptyset(&awaited);
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        sigaddset(&awaited, signals[i]);
    if (sigprocmask(SIG_BLOCK, &awaited, &before) != 0)
        return -errno;
    return children_adopt();
}

/* --- one process --- */

struct child {
    pid_t pid;
    int output; /* what it prints; -1: nobody reads it */
    bool has_ended;
    int status;
};

static _Noreturn void become(char *const *command, int output)
{
    int input = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(input, STDIN_FILENO);
    dup2(output >= 0 ? output : input, STDOUT_FILENO);
    dup2(output >= 0 ? output : input, STDERR_FILENO);
    setpgid(0, 0); /* the signals of the terminal are ours */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigprocmask(SIG_SETMASK, &before, NULL);
    execvp(command[0], command);
    dprintf(STDERR_FILENO, "%s: %s\n", command[0], strerror(errno));
    _exit(errno == ENOENT ? 127 : 126);
}

static int start(struct child *ret_child, char *const *command, bool is_read)
{
    *ret_child = (struct child){.output = is_read ? memfd_create("output", MFD_CLOEXEC) : -1};
    if (is_read && ret_child->output < 0)
        return -errno;
    ret_child->pid = fork();
    if (ret_child->pid == 0)
        become(command, ret_child->output);
    return ret_child->pid < 0 ? -errno : 0;
}

static int start_shell(struct child *ret_child, const char *text, bool is_read)
{
    char *const command[] = {(char *)"sh", (char *)"-c", (char *)text, NULL};
    return start(ret_child, command, is_read);
}

static bool has_ended(struct child *child)
{
    if (!child->has_ended)
        child->has_ended = child->pid > 0 && waitpid(child->pid, &child->status, WNOHANG) == child->pid;
    return child->has_ended;
}

static bool prints_too_much(const struct child *child)
{
    struct stat status;
    return child->output >= 0 && fstat(child->output, &status) == 0 && status.st_size > OUTPUT_MOST;
}

static char *read_output(const struct child *child)
{
    struct stat status = {0};
    if (child->output >= 0)
        fstat(child->output, &status);
    char *text = calloc((size_t)status.st_size + 1, 1);
    ssize_t got = text && status.st_size ? pread(child->output, text, (size_t)status.st_size, 0) : 0;
    for (ssize_t i = 0; i < got; i++)
        if (text[i] == '\0') /* what follows is looked through, too */
            text[i] = ' ';
    return text;
}

static void forget(struct child *child)
{
    if (child->output >= 0)
        close(child->output);
}

/* --- waiting --- */

struct waiting {
    const struct run_spec *spec;
    struct run *run;
    double end;
};

__attribute__((format(printf, 2, 3))) static int fail(struct run *run, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(run->why, sizeof(run->why), format, arguments);
    va_end(arguments);
    return -EIO;
}

/* Until something happens, or so many seconds have passed. */
static int wait_a_while(const struct waiting *waiting, double seconds)
{
    const struct timespec most = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    int signal = sigtimedwait(&awaited, NULL, &most);
    if (signal > 0 && signal != SIGCHLD)
        return -EINTR;
    if (runner_clock() > waiting->end)
        return fail(waiting->run, "it took more than %.3g s and was stopped", waiting->spec->limit);
    if (waiting->spec->look)
        waiting->spec->look(waiting->spec->context);
    return 0;
}

/* Until the child has ended; 0 does not say how. server: must live meanwhile; or NULL. */
static int await(const struct waiting *waiting, struct child *child, struct child *server)
{
    int error = 0;
    while (error == 0 && !has_ended(child)) {
        if (server && has_ended(server))
            return fail(waiting->run, "the server ended before the load");
        if (prints_too_much(child))
            return fail(waiting->run, "it printed more than %d MiB", (int)(OUTPUT_MOST >> 20));
        error = wait_a_while(waiting, LOOK_SECONDS);
    }
    return error;
}

/* The last line that says something. */
static void last_line(const char *output, char *ret_line, size_t size)
{
    size_t end = strlen(output);
    while (end && strchr("\r\n \t", output[end - 1]))
        end--;
    size_t start = end;
    while (start && output[start - 1] != '\n' && output[start - 1] != '\r')
        start--;
    snprintf(ret_line, size, "%.*s", (int)(end - start), output + start);
}

static int judge(struct run *run, const struct child *child, const char *what)
{
    char line[200];
    if (WIFEXITED(child->status) && WEXITSTATUS(child->status) == 0)
        return 0;
    last_line(run->output ? run->output : "", line, sizeof(line));
    const char *joint = *line ? ": " : "";
    if (WIFSIGNALED(child->status))
        return fail(run, "%s was killed by signal %d (%s)%s%s", what, WTERMSIG(child->status),
                    strsignal(WTERMSIG(child->status)), joint, printable(line));
    return fail(run, "%s ended with %d%s%s", what, WEXITSTATUS(child->status), joint, printable(line));
}

/* --- the command alone --- */

static int run_command(const struct waiting *waiting)
{
    struct child child;
    struct run *run = waiting->run;
    double began = runner_clock();
    int error = start(&child, waiting->spec->command, true);
    if (error < 0)
        return fail(run, "it cannot be started: %s", strerror(-error));
    error = await(waiting, &child, NULL);
    run->seconds = runner_clock() - began;
    run->output = read_output(&child);
    forget(&child);
    return error < 0 ? error : judge(run, &child, "it");
}

/* --- a server and its load --- */

static int ask_whether_ready(const struct waiting *waiting, struct child *server, bool *ret_ready)
{
    struct child asked;
    if (!waiting->spec->ready) {
        *ret_ready = children_listen();
        return 0;
    }
    int error = start_shell(&asked, waiting->spec->ready, false);
    if (error == 0)
        error = await(waiting, &asked, server);
    *ret_ready = error == 0 && WIFEXITED(asked.status) && WEXITSTATUS(asked.status) == 0;
    return error;
}

static int await_server(const struct waiting *waiting, struct child *server)
{
    bool ready = false;
    int error = 0;
    while (error == 0 && !ready) {
        if (has_ended(server)) {
            waiting->run->output = read_output(server);
            error = judge(waiting->run, server, "the server");
            return error < 0 ? error : fail(waiting->run, "the server ended before it was ready");
        }
        error = ask_whether_ready(waiting, server, &ready);
        if (error == 0 && !ready)
            error = wait_a_while(waiting, READY_SECONDS);
    }
    return error;
}

static int run_load(const struct waiting *waiting, struct child *server)
{
    struct child load;
    struct run *run = waiting->run;
    double began = runner_clock();
    int error = start_shell(&load, waiting->spec->load, true);
    if (error < 0)
        return fail(run, "the load cannot be started: %s", strerror(-error));
    error = await(waiting, &load, server);
    run->seconds = runner_clock() - began;
    run->output = read_output(&load);
    forget(&load);
    return error < 0 ? error : judge(run, &load, "the load");
}

static int run_server(const struct waiting *waiting)
{
    struct child server;
    int error = start(&server, waiting->spec->command, true);
    if (error < 0)
        return fail(waiting->run, "the server cannot be started: %s", strerror(-error));
    error = await_server(waiting, &server);
    if (error == 0)
        error = run_load(waiting, &server);
    forget(&server);
    return error;
}

int runner_run(struct run *ret_run, const struct run_spec *spec)
{
    *ret_run = (struct run){0};
    struct waiting waiting = {spec, ret_run, runner_clock() + spec->limit};
    int error = spec->load ? run_server(&waiting) : run_command(&waiting);
    children_end(PATIENCE);
    return error;
}
