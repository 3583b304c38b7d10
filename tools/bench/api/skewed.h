/*
 * skewed: what the programs of tools/bench/skewed share. Tasks for each of four nodes, four times as many for the first. A
 * program says how many tasks the thread with the most has run, of how many, and how many ran on another node than theirs:
 * `NAME busiest tasks elsewhere`. All tasks do the same, so the busiest thread's tell how long it takes where each thread
 * has a CPU.
 */
#ifndef NODEWISE_BENCH_API_SKEWED_H
#define NODEWISE_BENCH_API_SKEWED_H

#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NODES = 4, FIRST = 800, OTHERS = 200, TASKS = FIRST + (NODES - 1) * OTHERS, STEPS = 20000, THREADS_MAX = 64 };

static int threads_seen, ran_elsewhere;
static int ran_by[THREADS_MAX];

static inline int tasks_of(int node)
{
    return node == 0 ? FIRST : OTHERS;
}

static inline void do_task(int node)
{
    static __thread int thread = -1;
    unsigned cpu, here;
    if (thread < 0)
        thread = __atomic_fetch_add(&threads_seen, 1, __ATOMIC_RELAXED) % THREADS_MAX;
    syscall(SYS_getcpu, &cpu, &here, NULL);
    if ((int)here != node)
        __atomic_fetch_add(&ran_elsewhere, 1, __ATOMIC_RELAXED);
    for (volatile int step = 0; step < STEPS; step++)
        ;
    ran_by[thread]++;
}

static inline void tell(const char *name)
{
    int most = 0, all = 0;
    for (int i = 0; i < THREADS_MAX; i++) {
        most = ran_by[i] > most ? ran_by[i] : most;
        all += ran_by[i];
    }
    printf("%s %d %d %d\n", name, most, all, ran_elsewhere);
}

#endif
