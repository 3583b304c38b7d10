/*
 * api_calls: what the shortest calls of the C interface take, in ns and beside what they are measured by: a load of the
 * thread's own storage for nw_self() and nw_local_get(), an uncontended relaxed atomic addition for nw_counter_add().
 * Medians of five runs, in time that the thread ran. Pin it to one CPU; alone, or under the shim.
 *
 *   taskset -c 0 build/tools/bench/api_calls
 */
#include <nodewise.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CALLS 20000000
#define RUNS  5

static struct nw_local *local;
static struct nw_counter *counter;
static _Atomic int64_t plain;
/* As a library's: another translation unit could have written it, so each turn loads it again. */
static __thread volatile long own;
static volatile long sink;
static pthread_key_t key;

static void loads_own(void)
{
    for (int i = 0; i < CALLS; i++)
        (void)own;
}

/* What a program has for a value a thread, and what a call of a library costs. */
static void gets_specific(void)
{
    for (int i = 0; i < CALLS; i++)
        sink = (long)(intptr_t)pthread_getspecific(key);
}

static void asks_self(void)
{
    for (int i = 0; i < CALLS; i++)
        sink = nw_self().slot;
}

static void gets_value(void)
{
    for (int i = 0; i < CALLS; i++)
        sink = (long)(intptr_t)nw_local_get(local);
}

static void adds_plainly(void)
{
    for (int i = 0; i < CALLS; i++)
        atomic_fetch_add_explicit(&plain, 1, memory_order_relaxed);
}

static void adds(void)
{
    for (int i = 0; i < CALLS; i++)
        nw_counter_add(counter, 1);
}

static int compare(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

static double nanoseconds(void (*run)(void))
{
    double results[RUNS];
    for (int i = 0; i < RUNS; i++) {
        struct timespec begin, end;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
        run();
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
        results[i] = ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) / CALLS;
    }
    qsort(results, RUNS, sizeof(results[0]), compare);
    return results[RUNS / 2];
}

static void *create(void *context, struct nw_affinity where)
{
    (void)where;
    return context;
}

static void say(const char *what, double took, double measure, const char *of)
{
    printf("%-16s %6.2f ns", what, took);
    if (of)
        printf("  %5.2f x %s", took / measure, of);
    printf("\n");
}

int main(void)
{
    struct nw_value_ops ops = {.create = create};
    if (nw_local_open(NW_PER_CORE, &ops, &local, &local) < 0 || nw_counter_open(&counter) < 0)
        return 1;
    if (pthread_key_create(&key, NULL) != 0 || pthread_setspecific(key, &key) != 0)
        return 1;
    double specific = nanoseconds(gets_specific);
    double load = nanoseconds(loads_own), atomic = nanoseconds(adds_plainly);
    say("own storage", load, 0, NULL);
    say("atomic addition", atomic, 0, NULL);
    say("getspecific", specific, load, "own storage");
    say("nw_self", nanoseconds(asks_self), load, "own storage");
    say("nw_local_get", nanoseconds(gets_value), specific, "pthread_getspecific");
    say("nw_counter_add", nanoseconds(adds), atomic, "an atomic addition");
    nw_counter_close(counter);
    nw_local_release(local);
    return 0;
}
