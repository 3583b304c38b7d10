/*
 * Chooses CPUs and then becomes another program: chooses_then_becomes WAY CPU PROGRAM [ARGUMENT...]
 *   sched, syscall   sets the affinity by sched_setaffinity or by syscall(2), then execv
 *   fork, clone      does so in a child of fork, or of the system call that libc's fork does not know of
 *   vfork            does so in a child of vfork
 *   before-fork      does so before the fork; the child execs
 *   thread           a second thread does so, forks, and its child execs
 *   copied           composes the environment that it has into a new one, chooses, and passes that on (execve)
 *   back             chooses and sets back what it had
 *   none             chooses nothing
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *way;
static cpu_set_t wanted;
static char **program;

static int is(const char *name)
{
    return !strcmp(way, name);
}

static void choose(void)
{
    if (is("syscall") ? syscall(SYS_sched_setaffinity, 0, sizeof(wanted), &wanted)
                      : sched_setaffinity(0, sizeof(wanted), &wanted))
        perror("sched_setaffinity");
}

static void become(void)
{
    execv(program[0], program);
    perror(program[0]);
    _exit(3);
}

static int wait_for(pid_t child)
{
    int status = -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 4;
}

static int in_child(pid_t child, int chooses)
{
    if (child != 0)
        return wait_for(child);
    if (chooses)
        choose();
    become();
    return 0;
}

static void *as_thread(void *unused)
{
    (void)unused;
    choose();
    exit(in_child(fork(), 0));
}

static int copied(void)
{
    char **copy;
    size_t count = 0;
    while (environ[count])
        count++;
    copy = calloc(count + 1, sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = strdup(environ[i]);
    choose();
    execve(program[0], program, copy);
    return 3;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    cpu_set_t before;
    if (argc < 4)
        return 2;
    way = argv[1];
    program = argv + 3;
    CPU_ZERO(&wanted);
    CPU_SET((size_t)atoi(argv[2]), &wanted);
    sched_getaffinity(0, sizeof(before), &before);
    if (is("fork"))
        return in_child(fork(), 1);
    if (is("clone"))
        return in_child((pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0), 1);
    if (is("vfork"))
        return in_child(vfork(), 1);
    if (is("before-fork")) {
        choose();
        return in_child(fork(), 0);
    }
    if (is("thread")) {
        pthread_create(&thread, NULL, as_thread, NULL);
        pthread_join(thread, NULL);
    }
    if (is("copied"))
        return copied();
    if (!is("none"))
        choose();
    if (is("back"))
        sched_setaffinity(0, sizeof(before), &before);
    become();
    return 0;
}
