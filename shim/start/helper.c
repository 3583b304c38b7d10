/*
 * The helper needs two children. A program that is exec'd becomes an ordinary child again (the kernel sets its exit
 * signal to SIGCHLD), and the application's wait() would find it. The command is therefore the child of an intermediate
 * process, which the shim clones with exit signal 0: it sends no signal, and only a waitpid with __WCLONE finds it
 * (clone(2), wait(2)).
 *
 * Both run in the memory of the calling process while the caller sleeps (CLONE_VM | CLONE_VFORK), on stacks of their
 * own. Nothing is copied, and descriptors are opened only in the intermediate process's table.
 */
#include "shim/start/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/base/object.h"
#include "shim/base/text_writer.h"
#include "shim/sys/again.h"
#include "shim/sys/raw.h"
#include "shim/sys/write_all.h"

#define STACK_SIZE  ((size_t)32 << 10)
#define SIGNALS     64
#define NOT_STARTED 127

struct command {
    const char *path;
    const char *const *arguments;
    char **environment;
    char *stack;  /* of the command's process until its exec */
    char *output; /* NULL: the output is not wanted */
    size_t output_size;
    int pipe_end;      /* the command's stdout when the output is wanted */
    const char *input; /* NULL: the command has the program's stdin */
    size_t input_size;
    int input_end; /* the command's stdin when there is input */
    sigset_t mask; /* the application's signal mask */
};

/* Handlers are code of the application. Ignored signals stay ignored, as after any exec. */
static void drop_handlers(void)
{
    for (int signal = 1; signal <= SIGNALS; signal++) {
        struct sigaction action;
        if (sigaction(signal, NULL, &action) != 0)
            continue;
        if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN)
            continue;
        memset(&action, 0, sizeof(action));
        action.sa_handler = SIG_DFL;
        sigaction(signal, &action, NULL);
    }
}

/* false: a stream is still the program's, and the command must not run with it. */
static bool redirect(int pipe_end)
{
    int nothing = raw_open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nothing < 0)
        return false;
    /* dup2 to the same number would keep close-on-exec set: in a daemon the pipe may have number 1 */
    int error = pipe_end == STDOUT_FILENO
                    ? (int)raw_call(SYS_fcntl, pipe_end, F_SETFD, 0) /* fcntl() would be fcntl64, which musl lacks */
                    : raw_dup(pipe_end, STDOUT_FILENO);
    return error >= 0 && raw_dup(nothing, STDIN_FILENO) >= 0 && raw_dup(nothing, STDERR_FILENO) >= 0;
}

static bool take_input(int pipe_end)
{
    if (pipe_end == STDIN_FILENO) /* as in redirect() */
        return raw_call(SYS_fcntl, pipe_end, F_SETFD, 0) >= 0;
    return raw_dup(pipe_end, STDIN_FILENO) >= 0;
}

static int command_main(void *argument)
{
    const struct command *command = argument;
    const struct rlimit none = {0, 0};
    drop_handlers();
    sigprocmask(SIG_SETMASK, &command->mask, NULL);
    if (command->output && !redirect(command->pipe_end))
        return NOT_STARTED;
    if (command->input && !take_input(command->input_end))
        return NOT_STARTED;
    if (atomic_load_explicit(&allowed_calls, memory_order_relaxed) != ALLOWED_ALL)
        raw_call(SYS_prlimit64, 0, RLIMIT_CORE, &none, NULL); /* the filter may kill the command: that leaves no core */
    execve(command->path, (char *const *)command->arguments, command->environment);
    return NOT_STARTED; /* ends the child: clone() makes the system call itself and not the shim's _exit() */
}

/* The environment without the preload, and with NODEWISE_DISABLE in case /etc/ld.so.preload loads the shim again. */
static char **helper_environment(void *memory)
{
    char **to = memory;
    size_t count = 0;
    for (char **entry = environ; entry && *entry; entry++)
        if (strncmp(*entry, "LD_PRELOAD=", 11) != 0 && strncmp(*entry, "NODEWISE_DISABLE=", 17) != 0)
            to[count++] = *entry;
    to[count++] = (char *)"NODEWISE_DISABLE=1";
    to[count] = NULL;
    return to;
}

static size_t environment_size(void)
{
    size_t count = 2;
    for (char **entry = environ; entry && *entry; entry++)
        count++;
    return count * sizeof(char *);
}

static void read_all(int fd, char *output, size_t size)
{
    size_t length = 0;
    char rest[256];
    unsigned interruptions = 0;
    for (;;) {
        bool full = length + 1 >= size;
        ssize_t count = full ? raw_read(fd, rest, sizeof(rest)) : raw_read(fd, output + length, size - 1 - length);
        if (count < 0 && call_again(&interruptions))
            continue;
        if (count <= 0)
            break;
        if (!full)
            length += (size_t)count;
    }
    output[length] = '\0';
}

/* Returns the exit status, or NOT_STARTED. */
static int wait_for(pid_t pid, int options)
{
    unsigned interruptions = 0;
    int status;
    while (waitpid(pid, &status, options) < 0)
        if (!call_again(&interruptions))
            return NOT_STARTED;
    return WIFEXITED(status) ? WEXITSTATUS(status) : NOT_STARTED;
}

/* If the application ignores SIGCHLD, the kernel reaps its children. This child must be waited for. */
static void expect_child(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(SIGCHLD, &action, NULL);
}

static int go_between_main(void *argument)
{
    struct command *command = argument;
    int ends[2] = {-1, -1}, input_ends[2] = {-1, -1};
    expect_child();
    if (command->output && raw_pipe(ends, O_CLOEXEC) != 0)
        return NOT_STARTED;
    if (command->input && raw_pipe(input_ends, O_CLOEXEC) != 0)
        return NOT_STARTED;
    command->pipe_end = ends[1];
    command->input_end = input_ends[0];
    pid_t pid = clone(command_main, command->stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, command);
    if (pid < 0)
        return NOT_STARTED;
    if (command->input) {
        raw_close(input_ends[0]);
        /* All signals are blocked: a command that does not read is an error here, and no SIGPIPE. */
        write_all(input_ends[1], command->input, command->input_size);
        raw_close(input_ends[1]);
    }
    if (command->output) {
        raw_close(ends[1]);
        read_all(ends[0], command->output, command->output_size);
    }
    return wait_for(pid, 0);
}

static int run(struct command command)
{
    size_t size = 2 * STACK_SIZE + environment_size();
    int status = NOT_STARTED;
    sigset_t all;
    char *memory = raw_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1);
    if (memory == MAP_FAILED)
        return -1;
    command.stack = memory;
    command.environment = helper_environment(memory + 2 * STACK_SIZE);
    /* until the exec, the children would run the application's handlers in the application's memory */
    memset(&all, 0xff, sizeof(all));
    sigprocmask(SIG_SETMASK, &all, &command.mask);
    pid_t pid = clone(go_between_main, memory + 2 * STACK_SIZE, CLONE_VM | CLONE_VFORK, &command);
    if (pid > 0)
        status = wait_for(pid, __WCLONE);
    sigprocmask(SIG_SETMASK, &command.mask, NULL);
    raw_munmap(memory, size);
    return status == NOT_STARTED ? -1 : status;
}

/* Under a filter: what both children and their parent call. What the command calls is its own affair. */
static bool may_run(void)
{
    static const short calls[] = {SYS_clone, SYS_wait4,        SYS_execve, SYS_exit,     SYS_rt_sigprocmask,
                                  SYS_pipe2, SYS_rt_sigaction, SYS_dup3,   SYS_prlimit64};
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (!call_is_allowed(calls[i]))
            return false;
    return true;
}

int helper_run(const char *path, const char *const *arguments, char *output, size_t output_size)
{
    const struct command command = {.path = path, .arguments = arguments, .output = output, .output_size = output_size};
    return may_run() ? run(command) : -1;
}

int helper_feed(const char *path, const char *const *arguments, const void *input, size_t size)
{
    const struct command command = {.path = path, .arguments = arguments, .input = input, .input_size = size};
    return may_run() ? run(command) : -1;
}

/* --- the path of the command --- */

/* Writes the folder of this library, as the loader knows it, to ret_folder, without a '/' at the end. */
static bool own_folder(char *ret_folder, size_t size)
{
    struct object own;
    if (!object_own(&own) || *own.name != '/')
        return false;
    size_t length = (size_t)(strrchr(own.name, '/') - own.name);
    if (length >= size)
        return false;
    memcpy(ret_folder, own.name, length);
    ret_folder[length] = '\0';
    return true;
}

static bool try_path(char *ret_path, size_t size, const char *folder, const char *rest)
{
    struct text_writer writer = {ret_path, size, 0};
    write_text(&writer, folder);
    write_text(&writer, rest);
    return writer.length + 1 < size && raw_access(ret_path, X_OK) == 0;
}

bool helper_path(char *ret_path, size_t size)
{
    char folder[1024];
    if (!own_folder(folder, sizeof(folder)))
        return false;
    if (!strcmp(folder, NODEWISE_SHIM_DIR) && try_path(ret_path, size, NODEWISE_BIN_DIR, "/nodewise"))
        return true;
    return try_path(ret_path, size, folder, "/../tools/nodewise") ||     /* build tree */
           try_path(ret_path, size, folder, "/../../../bin/nodewise") || /* PREFIX/lib/TRIPLET/nodewise */
           try_path(ret_path, size, folder, "/../../bin/nodewise");      /* PREFIX/lib/nodewise */
}
