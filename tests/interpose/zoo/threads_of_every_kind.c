/*
 * Threads that come past every hook: threads_of_every_kind KIND [quiet]. Prints its line once they are there, allocates
 * now and then unless it is told to be quiet, and ends with its standard input. SIGUSR1: one more by clone.
 */
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shim/sys/call.h"

#define STACK (64 << 10)

static char *new_stack(void)
{
    char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return stack + STACK - 64;
}

/* Only system calls: such a thread has no thread block of its own. */
static int sleep_forever(void *unused)
{
    (void)unused;
    for (;;)
        raw_call_6(SYS_ppoll, 0, 0, 0, 0, 0, 0); /* pause(2), which arm64 does not have */
    return 0;
}

#define LIKE_A_THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

static void by_clone(void)
{
    clone(sleep_forever, new_stack(), LIKE_A_THREAD, NULL);
}

/* A program that makes the call itself, as Go's runtime does. */
static void by_instruction(void)
{
#if defined(__x86_64__)
    char *stack = new_stack();
    long result;

    __asm__ volatile("syscall\n\t"
                     "test %%eax, %%eax\n\t"
                     "jnz 1f\n\t"
                     "0: mov %4, %%eax\n\t"
                     "syscall\n\t"
                     "jmp 0b\n"
                     "1:"
                     : "=a"(result)
                     : "a"(SYS_clone), "D"((long)LIKE_A_THREAD), "S"(stack), "i"(SYS_pause)
                     : "rcx", "r11", "rdx", "r10", "r8", "r9", "memory");
#else
    by_clone();
#endif
}

static void expired(union sigval unused)
{
    (void)unused;
}

static void by_timer(void)
{
    static timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = expired};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0)
        exit(3);
}

/* A read that waits: libc has a thread for it. */
static void by_aio(void)
{
    static struct aiocb control;
    static char buffer[8];
    int ends[2];
    if (pipe(ends) != 0)
        exit(3);
    control = (struct aiocb){.aio_fildes = ends[0], .aio_buf = buffer, .aio_nbytes = sizeof(buffer)};
    if (aio_read(&control) != 0)
        exit(3);
}

static void by_uring(void)
{
    struct io_uring_params parameters = {.flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 60000};
    if (syscall(SYS_io_uring_setup, 4, &parameters) < 0)
        exit(77);
}

static pthread_barrier_t leaving;

/* Runs after the thread's own code, when all hooks believe it gone. */
static void leave_slowly(void *unused)
{
    (void)unused;
    pthread_setname_np(pthread_self(), "leaving");
    pthread_barrier_wait(&leaving);
    for (;;)
        pause();
}

static void *set_value(void *key)
{
    pthread_setspecific(*(pthread_key_t *)key, key);
    return NULL;
}

/* A thread that is over but for a destructor, beside one that nobody saw being made. */
static void by_leaving(void)
{
    pthread_t thread;
    pthread_key_t key;
    if (pthread_barrier_init(&leaving, NULL, 2) != 0 || pthread_key_create(&key, leave_slowly) != 0 ||
        pthread_create(&thread, NULL, set_value, &key) != 0)
        exit(3);
    pthread_barrier_wait(&leaving);
    by_clone();
}

static volatile sig_atomic_t one_more;

static void note_signal(int unused)
{
    (void)unused;
    one_more = 1;
}

/* false: the input has ended. */
static int wait_a_little(struct pollfd *input)
{
    int ready = poll(input, 1, 20);
    if (one_more)
        by_clone();
    one_more = 0;
    return ready == 0 || (ready < 0 && errno == EINTR);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*make)(void);
    } kinds[] = {{"clone", by_clone}, {"instruction", by_instruction}, {"timer", by_timer},
                 {"aio", by_aio},     {"leaving", by_leaving},         {"uring", by_uring}};
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

    for (size_t i = 0; argc > 1 && i < sizeof(kinds) / sizeof(*kinds); i++)
        if (!strcmp(argv[1], kinds[i].name))
            kinds[i].make();
    signal(SIGUSR1, note_signal);
    puts("ready");
    fflush(stdout);
    while (wait_a_little(&input)) {
        void *blocks[4000];
        for (size_t i = 0; argc < 3 && i < 4000; i++)
            blocks[i] = malloc(500 + i);
        for (size_t i = 0; argc < 3 && i < 4000; i++)
            free(blocks[i]);
    }
    return 0;
}
