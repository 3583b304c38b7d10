/*
 * clone(CLONE_VM | CLONE_VFORK) with exit signal 0: nothing is copied, we sleep until the exec, and only a
 * waitpid with __WCLONE sees the child (clone(2)). The child runs on a stack of its own in our memory, so it
 * writes nothing but its locals and that stack.
 */
#include "shim/start/helper.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/place/text_writer.h"

#define STACK_SIZE ((size_t)64 << 10)
#define SIGNALS 64

struct child {
    const char *path;
    const char *const *arguments;
    char **environment;
    int output; /* pipe's writing end, or -1 */
    sigset_t mask;
};

/* Handlers are code of the application; ignored signals stay ignored, as exec would have it. */
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

static int child_main(void *argument)
{
    const struct child *child = argument;

    drop_handlers();
    sigprocmask(SIG_SETMASK, &child->mask, NULL);
    if (child->output >= 0) {
        int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (nothing < 0)
            return 127;
        dup2(nothing, STDIN_FILENO);
        dup2(nothing, STDERR_FILENO);
        /* dup2 onto itself would leave close-on-exec set: the pipe may have got number 1 */
        if (child->output == STDOUT_FILENO)
            fcntl(child->output, F_SETFD, 0);
        else
            dup2(child->output, STDOUT_FILENO);
    }
    execve(child->path, (char *const *)child->arguments, child->environment);
    return 127; /* clone() ends the child with it, past our own _exit() */
}

/* The environment without the preload, and with a stop for an /etc/ld.so.preload that loads us again. */
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

    for (;;) {
        bool full = length + 1 >= size;
        ssize_t count = full ? read(fd, rest, sizeof(rest)) : read(fd, output + length, size - 1 - length);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        if (!full)
            length += (size_t)count;
    }
    output[length] = '\0';
}

static int wait_for(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, __WCLONE) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static pid_t start_child(struct child *child, char *stack)
{
    sigset_t all;
    pid_t pid;

    /* until the exec the child would run the application's handlers in the application's memory */
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &child->mask);
    pid = clone(child_main, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK, child);
    sigprocmask(SIG_SETMASK, &child->mask, NULL);
    return pid;
}

int helper_run(const char *path, const char *const *arguments, char *output, size_t output_size)
{
    struct child child = {.path = path, .arguments = arguments, .output = -1};
    size_t size = STACK_SIZE + environment_size();
    int ends[2] = {-1, -1}, status = -1;
    char *memory;
    pid_t pid;

    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED)
        return -1;
    if (!output || pipe2(ends, O_CLOEXEC) == 0) {
        child.environment = helper_environment(memory + STACK_SIZE);
        child.output = ends[1];
        pid = start_child(&child, memory);
        if (output)
            close(ends[1]);
        if (pid > 0 && output)
            read_all(ends[0], output, output_size);
        if (pid > 0)
            status = wait_for(pid);
        if (output)
            close(ends[0]);
    }
    munmap(memory, size);
    return status;
}

/* --- where the command is --- */

/* Folder of this library as the loader knows it, in ret_folder without a '/' at the end. */
static bool own_folder(char *ret_folder, size_t size)
{
    const char *slash;
    Dl_info info;

    if (!dladdr((const void *)(uintptr_t)helper_path, &info) || !info.dli_fname || *info.dli_fname != '/')
        return false;
    slash = strrchr(info.dli_fname, '/');
    if ((size_t)(slash - info.dli_fname) >= size)
        return false;
    memcpy(ret_folder, info.dli_fname, (size_t)(slash - info.dli_fname));
    ret_folder[slash - info.dli_fname] = '\0';
    return true;
}

static bool try_path(char *ret_path, size_t size, const char *folder, const char *rest)
{
    struct text_writer writer = {ret_path, size, 0};

    write_text(&writer, folder);
    write_text(&writer, rest);
    return writer.length + 1 < size && access(ret_path, X_OK) == 0;
}

bool helper_path(char *ret_path, size_t size)
{
    char folder[1024];

    if (!own_folder(folder, sizeof(folder)))
        return false;
    if (!strcmp(folder, NODEWISE_SHIM_DIR) && try_path(ret_path, size, NODEWISE_BIN_DIR, "/nodewise"))
        return true;
    return try_path(ret_path, size, folder, "/../tools/nodewise") ||        /* build tree */
           try_path(ret_path, size, folder, "/../../../bin/nodewise") ||    /* PREFIX/lib/TRIPLET/nodewise */
           try_path(ret_path, size, folder, "/../../bin/nodewise");         /* PREFIX/lib/nodewise */
}
