/*
 * The uses. Each is the shortest one that comes back at once: what the library adds shows best there. Those that make
 * something end it as well.
 */
#include "tools/bench/calls.h"

#include <aio.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <mqueue.h>
#include <netdb.h>
#include <numaif.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 64u
#define PAGE  4096u

#define SYMBOL(result, name, ...) typedef result type_##name(__VA_ARGS__);
#include "shim/base/symbols.def"
#undef SYMBOL

enum {
#define SYMBOL(result, name, ...) INDEX_##name,
#include "shim/base/symbols.def"
#undef SYMBOL
    COUNT
};

static void *found[COUNT];

#define THE(name) ((type_##name *)found[INDEX_##name])

#define USE(name)                                                                                                      \
    enum { why_##name = 0 };                                                                                           \
    static void use_##name(void)
#define NO_USE(name, why)                                                                                              \
    enum { use_##name = 0 };                                                                                           \
    static const char why_##name[] = why;

/* A result that shows that the call did not do what it is measured for. */
static void must(bool holds)
{
    if (!holds)
        abort();
}

static void *volatile kept; /* so that the compiler does not drop what is asked for */

static pthread_t waiting_thread;
static sem_t ended;
static char *const no_arguments[] = {(char *)"none", NULL};
static int epoll_fd;
static FILE *nowhere;
static cpu_set_t allowed;
static char stack[65536] __attribute__((aligned(64)));

/* --- threads --- */

static void *idle(void *argument)
{
    return argument;
}

static void *tell_end(void *argument)
{
    sem_post(&ended);
    return argument;
}

static int idle_c11(void *argument)
{
    return argument != NULL;
}

static int tell_end_c11(void *argument)
{
    sem_post(&ended);
    return argument != NULL;
}

static void *wait_for_ever(void *argument)
{
    for (;;)
        pause();
    return argument;
}

static void create_and_join(void)
{
    pthread_t thread;
    must(THE(pthread_create)(&thread, NULL, idle, NULL) == 0 && THE(pthread_join)(thread, NULL) == 0);
}

static void create_and_join_c11(void)
{
    thrd_t thread;
    must(THE(thrd_create)(&thread, idle_c11, NULL) == thrd_success && THE(thrd_join)(thread, NULL) == thrd_success);
}

USE(pthread_create)
{
    create_and_join();
}
USE(pthread_join)
{
    create_and_join();
}
USE(thrd_create)
{
    create_and_join_c11();
}
USE(thrd_join)
{
    create_and_join_c11();
}

USE(pthread_tryjoin_np)
{
    must(THE(pthread_tryjoin_np)(waiting_thread, NULL) == EBUSY);
}

USE(pthread_timedjoin_np)
{
    static const struct timespec past;
    must(THE(pthread_timedjoin_np)(waiting_thread, NULL, &past) == ETIMEDOUT);
}

USE(pthread_clockjoin_np)
{
    static const struct timespec past;
    must(THE(pthread_clockjoin_np)(waiting_thread, NULL, CLOCK_MONOTONIC, &past) == ETIMEDOUT);
}

USE(pthread_detach)
{
    pthread_t thread;
    must(THE(pthread_create)(&thread, NULL, tell_end, NULL) == 0 && THE(pthread_detach)(thread) == 0);
    sem_wait(&ended);
}

USE(thrd_detach)
{
    thrd_t thread;
    must(THE(thrd_create)(&thread, tell_end_c11, NULL) == thrd_success && THE(thrd_detach)(thread) == thrd_success);
    sem_wait(&ended);
}

/* Another name each time: one that the thread has already is another matter. */
static const char *next_name(void)
{
    static unsigned number;
    return number++ % 2 ? "bench-odd" : "bench-even";
}

USE(pthread_setname_np)
{
    must(THE(pthread_setname_np)(pthread_self(), next_name()) == 0);
}
USE(prctl)
{
    must(THE(prctl)(PR_SET_NAME, next_name(), 0, 0, 0) == 0);
}

/* --- processes --- */

static void wait_for(pid_t child)
{
    must(child > 0 && waitpid(child, NULL, 0) == child);
}

USE(_exit)
{
    pid_t child = vfork();
    if (child == 0)
        THE(_exit)(0);
    wait_for(child);
}

USE(_Exit)
{
    pid_t child = vfork();
    if (child == 0)
        THE(_Exit)(0);
    wait_for(child);
}

USE(execve)
{
    must(THE(execve)("/nowhere/none", no_arguments, no_arguments) < 0);
}
USE(execvpe)
{
    must(THE(execvpe)("/nowhere/none", no_arguments, no_arguments) < 0);
}

USE(posix_spawn)
{
    pid_t child;
    must(THE(posix_spawn)(&child, "/nowhere/none", NULL, NULL, no_arguments, no_arguments) != 0);
}

USE(posix_spawnp)
{
    pid_t child;
    must(THE(posix_spawnp)(&child, "/nowhere/none", NULL, NULL, no_arguments, no_arguments) != 0);
}

USE(dlopen)
{
    dlclose(THE(dlopen)(NULL, RTLD_LAZY));
}
USE(syscall)
{
    THE(syscall)(SYS_getppid, 0, 0, 0, 0, 0, 0);
}
USE(unshare)
{
    must(THE(unshare)(0) == 0);
}
USE(setns)
{
    must(THE(setns)(-1, 0) < 0);
}

/* --- placing --- */

USE(sched_setaffinity)
{
    must(THE(sched_setaffinity)(0, sizeof(allowed), &allowed) == 0);
}
USE(pthread_setaffinity_np)
{
    must(THE(pthread_setaffinity_np)(pthread_self(), sizeof(allowed), &allowed) == 0);
}

USE(sched_getaffinity)
{
    cpu_set_t now;
    must(THE(sched_getaffinity)(0, sizeof(now), &now) == 0);
}

USE(pthread_getaffinity_np)
{
    cpu_set_t now;
    must(THE(pthread_getaffinity_np)(pthread_self(), sizeof(now), &now) == 0);
}

USE(set_mempolicy)
{
    THE(set_mempolicy)(MPOL_DEFAULT, NULL, 0);
}
USE(mbind)
{
    THE(mbind)(stack, 0, MPOL_DEFAULT, NULL, 0, 0);
}

/* --- counts of CPUs, and the files that tell them --- */

USE(sysconf)
{
    must(THE(sysconf)(_SC_PAGESIZE) > 0);
}
USE(get_nprocs)
{
    must(THE(get_nprocs)() > 0);
}
USE(get_nprocs_conf)
{
    must(THE(get_nprocs_conf)() > 0);
}

static void close_it(int fd)
{
    must(fd >= 0 && close(fd) == 0);
}

USE(open)
{
    close_it(THE(open)("/dev/null", O_RDONLY));
}
USE(open64)
{
    close_it(THE(open64)("/dev/null", O_RDONLY));
}
USE(openat)
{
    close_it(THE(openat)(AT_FDCWD, "/dev/null", O_RDONLY));
}
USE(openat64)
{
    close_it(THE(openat64)(AT_FDCWD, "/dev/null", O_RDONLY));
}
USE(__open_2)
{
    close_it(THE(__open_2)("/dev/null", O_RDONLY));
}
USE(__open64_2)
{
    close_it(THE(__open64_2)("/dev/null", O_RDONLY));
}
USE(fopen)
{
    must(fclose(THE(fopen)("/dev/null", "r")) == 0);
}
USE(fopen64)
{
    must(fclose(THE(fopen64)("/dev/null", "r")) == 0);
}

/* --- makers of threads --- */

USE(clone)
{
    wait_for(THE(clone)(idle_c11, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL));
}

USE(timer_create)
{
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    timer_t timer;
    must(THE(timer_create)(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_delete(timer) == 0);
}

USE(mq_notify)
{
    must(THE(mq_notify)(-1, NULL) < 0);
}

static struct aiocb *nothing_to_do(void)
{
    static struct aiocb control = {.aio_fildes = -1, .aio_reqprio = -1}; /* refused: no thread is made for it */
    return &control;
}

USE(aio_read)
{
    must(THE(aio_read)(nothing_to_do()) < 0);
}
USE(aio_read64)
{
    must(THE(aio_read64)(nothing_to_do()) < 0);
}
USE(aio_write)
{
    must(THE(aio_write)(nothing_to_do()) < 0);
}
USE(aio_write64)
{
    must(THE(aio_write64)(nothing_to_do()) < 0);
}
USE(lio_listio)
{
    must(THE(lio_listio)(-1, NULL, 0, NULL) < 0);
}
USE(lio_listio64)
{
    must(THE(lio_listio64)(-1, NULL, 0, NULL) < 0);
}
USE(getaddrinfo_a)
{
    must(THE(getaddrinfo_a)(GAI_WAIT, NULL, 0, NULL) == 0);
}

/* --- waits --- */

static struct timespec no_time;

USE(epoll_wait)
{
    struct epoll_event event;
    must(THE(epoll_wait)(epoll_fd, &event, 1, 0) == 0);
}

USE(epoll_pwait)
{
    struct epoll_event event;
    must(THE(epoll_pwait)(epoll_fd, &event, 1, 0, NULL) == 0);
}

USE(poll)
{
    must(THE(poll)(NULL, 0, 0) == 0);
}
USE(ppoll)
{
    must(THE(ppoll)(NULL, 0, &no_time, NULL) == 0);
}

USE(select)
{
    struct timeval none = {0};
    must(THE(select)(0, NULL, NULL, NULL, &none) == 0);
}

static const struct timespec wrong_time = {0, -1};

USE(nanosleep)
{
    must(THE(nanosleep)(&wrong_time, NULL) < 0);
}
USE(clock_nanosleep)
{
    must(THE(clock_nanosleep)(CLOCK_MONOTONIC, TIMER_ABSTIME, &no_time, NULL) == 0);
}
USE(usleep)
{
    must(THE(usleep)(0) == 0);
}

/* --- memory --- */

USE(malloc)
{
    THE(free)(kept = THE(malloc)(BLOCK));
}
USE(free)
{
    THE(free)(kept = THE(malloc)(BLOCK));
}
USE(calloc)
{
    THE(free)(kept = THE(calloc)(1, BLOCK));
}
USE(realloc)
{
    THE(free)(kept = THE(realloc)(THE(malloc)(BLOCK), 2 * BLOCK));
}
USE(memalign)
{
    THE(free)(kept = THE(memalign)(BLOCK, BLOCK));
}
USE(aligned_alloc)
{
    THE(free)(kept = THE(aligned_alloc)(BLOCK, BLOCK));
}
USE(valloc)
{
    THE(free)(kept = THE(valloc)(BLOCK));
}
USE(pvalloc)
{
    THE(free)(kept = THE(pvalloc)(BLOCK));
}
USE(reallocarray)
{
    THE(free)(kept = THE(reallocarray)(NULL, 2, BLOCK));
}
USE(cfree)
{
    THE(cfree)(kept = THE(malloc)(BLOCK));
}
USE(free_sized)
{
    THE(free_sized)(kept = THE(malloc)(BLOCK), BLOCK);
}
USE(free_aligned_sized)
{
    THE(free_aligned_sized)(kept = THE(aligned_alloc)(BLOCK, BLOCK), BLOCK, BLOCK);
}

USE(posix_memalign)
{
    void *block;
    must(THE(posix_memalign)(&block, BLOCK, BLOCK) == 0);
    THE(free)(block);
}

static void *measured_block;

USE(malloc_usable_size)
{
    must(THE(malloc_usable_size)(measured_block) >= BLOCK);
}

USE(malloc_trim)
{
    THE(malloc_trim)(0);
}
USE(mallinfo)
{
    must(THE(mallinfo)().arena != -1);
}
USE(mallinfo2)
{
    must(THE(mallinfo2)().arena != (size_t)-1);
}
NO_USE(malloc_stats, "writes to the standard error that the program has")
USE(malloc_info)
{
    must(THE(malloc_info)(0, nowhere) == 0);
}
USE(mallopt)
{
    THE(mallopt)(M_ARENA_TEST, 8);
}

USE(__libc_malloc)
{
    THE(free)(kept = THE(__libc_malloc)(BLOCK));
}
USE(__libc_calloc)
{
    THE(free)(kept = THE(__libc_calloc)(1, BLOCK));
}
USE(__libc_realloc)
{
    THE(free)(kept = THE(__libc_realloc)(THE(malloc)(BLOCK), 2 * BLOCK));
}
USE(__libc_free)
{
    THE(__libc_free)(kept = THE(malloc)(BLOCK));
}
USE(__libc_memalign)
{
    THE(free)(kept = THE(__libc_memalign)(BLOCK, BLOCK));
}
USE(__libc_valloc)
{
    THE(free)(kept = THE(__libc_valloc)(BLOCK));
}
USE(__libc_pvalloc)
{
    THE(free)(kept = THE(__libc_pvalloc)(BLOCK));
}

/* --- limits --- */

static const struct rlimit no_core;
static const struct rlimit64 no_core_64;

USE(setrlimit)
{
    must(THE(setrlimit)(RLIMIT_CORE, &no_core) == 0);
}
USE(setrlimit64)
{
    must(THE(setrlimit64)(RLIMIT_CORE, &no_core_64) == 0);
}
USE(prlimit)
{
    must(THE(prlimit)(0, RLIMIT_CORE, &no_core, NULL) == 0);
}
USE(prlimit64)
{
    must(THE(prlimit64)(0, RLIMIT_CORE, &no_core_64, NULL) == 0);
}

/* --- mappings --- */

#define FRESH PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0

USE(mmap)
{
    must(munmap(THE(mmap)(NULL, PAGE, FRESH), PAGE) == 0);
}
USE(mmap64)
{
    must(munmap(THE(mmap64)(NULL, PAGE, FRESH), PAGE) == 0);
}
USE(munmap)
{
    must(THE(munmap)(mmap(NULL, PAGE, FRESH), PAGE) == 0);
}

USE(mremap)
{
    void *at = mmap(NULL, PAGE, FRESH);
    must(munmap(THE(mremap)(at, PAGE, 2 * PAGE, MREMAP_MAYMOVE), 2 * PAGE) == 0);
}

/* --- the list --- */

const struct call call_list[] = {
#define SYMBOL(result, name, ...) {#name, use_##name, why_##name},
#include "shim/base/symbols.def"
#undef SYMBOL
};
const size_t call_count = COUNT;

static const char *const names[] = {
#define SYMBOL(result, name, ...) #name,
#include "shim/base/symbols.def"
#undef SYMBOL
};

bool call_is_missing(size_t number)
{
    return !found[number];
}

bool calls_open(void)
{
    for (size_t i = 0; i < COUNT; i++)
        found[i] = dlsym(RTLD_DEFAULT, names[i]);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    nowhere = fopen("/dev/null", "w");
    measured_block = malloc(BLOCK);
    return epoll_fd >= 0 && nowhere && measured_block && sem_init(&ended, 0, 0) == 0 &&
           sched_getaffinity(0, sizeof(allowed), &allowed) == 0 &&
           (errno = pthread_create(&waiting_thread, NULL, wait_for_ever, NULL)) == 0;
}
