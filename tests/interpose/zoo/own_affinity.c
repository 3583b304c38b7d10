/*
 * A program that pins its own threads: own_affinity WAY CPUS. Prints for the worker the call's result and the CPUs that
 * the kernel lists for it; then what wrong calls answer.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static cpu_set_t wanted;
static const char *way;
static pthread_barrier_t ready, go;
static pid_t worker_tid;

static void parse(const char *text)
{
    CPU_ZERO(&wanted);
    for (const char *at = text; *at; at++)
        if (*at >= '0' && *at <= '9')
            CPU_SET(*at - '0', &wanted);
}

static void print_kernels(const char *label)
{
    char line[256];
    FILE *file = fopen("/proc/thread-self/status", "r");
    while (file && fgets(line, sizeof(line), file))
        if (!strncmp(line, "Cpus_allowed_list:", 18))
            printf("%s %s", label, line + 19);
    if (file)
        fclose(file);
}

static int is(const char *name)
{
    return !strcmp(way, name);
}

static void *work(void *unused)
{
    int result = 0;
    worker_tid = (pid_t)syscall(SYS_gettid);
    if (is("sched"))
        result = sched_setaffinity(0, sizeof(wanted), &wanted);
    else if (is("tid"))
        result = sched_setaffinity(worker_tid, sizeof(wanted), &wanted);
    else if (is("self"))
        result = pthread_setaffinity_np(pthread_self(), sizeof(wanted), &wanted);
    else if (is("syscall"))
        result = (int)syscall(SYS_sched_setaffinity, 0, sizeof(wanted), &wanted);
    if (is("other") || is("early")) {
        pthread_barrier_wait(&ready);
        pthread_barrier_wait(&go);
    }
    printf("result %d\n", result);
    print_kernels("worker");
    return unused;
}

static void wrong_calls(void)
{
    cpu_set_t none;
    CPU_ZERO(&none);
    printf("empty %d", sched_setaffinity(0, sizeof(none), &none));
    printf(" %d\n", errno);
    printf("nobody %d", sched_setaffinity(0x3ffffff, sizeof(wanted), &wanted));
    printf(" %d\n", errno);
    printf("fault %d", sched_setaffinity(0, sizeof(wanted), (cpu_set_t *)8));
    printf(" %d\n", errno);
    printf("small %d", sched_getaffinity(0, 1, &none));
    printf(" %d\n", errno);
    printf("pthread %d\n", pthread_setaffinity_np(pthread_self(), sizeof(none), &none));
    printf("call %ld", syscall(SYS_sched_setaffinity, 0, sizeof(none), &none));
    printf(" %d\n", errno);
}

int main(int argc, char **argv)
{
    pthread_attr_t attributes;
    pthread_t worker;
    if (argc < 3)
        return 2;
    way = argv[1];
    parse(argv[2]);
    pthread_barrier_init(&ready, NULL, 2);
    pthread_barrier_init(&go, NULL, 2);
    pthread_attr_init(&attributes);
    if (is("attribute"))
        pthread_attr_setaffinity_np(&attributes, sizeof(wanted), &wanted);
    pthread_create(&worker, &attributes, work, NULL);
    if (is("early"))
        printf("set %d\n", pthread_setaffinity_np(worker, sizeof(wanted), &wanted));
    if (is("other") || is("early"))
        pthread_barrier_wait(&ready);
    if (is("other"))
        printf("set %d\n", pthread_setaffinity_np(worker, sizeof(wanted), &wanted));
    if (is("other") || is("early"))
        pthread_barrier_wait(&go);
    pthread_join(worker, NULL);
    wrong_calls();
    return 0;
}
