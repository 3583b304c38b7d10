/*
 * What two loads of tasks.h are measured by: for `asleep` a thread that sleeps in futex(2) is woken and answers, and the
 * caller looks for the answer for 20 us, as a wait of nodewise.h does, and then sleeps as well; for `round` two threads look
 * at each other's words, the least that a hand-over can take. Both threads are pinned, each to a CPU of its own where there
 * are two, as workers of a pool are: where the scheduler may put the woken thread on the caller's CPU, it need not wake that
 * other CPU, which takes as long as all the rest on some machines.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/bench/api/tasks.h"

enum { LOOK_NS = 20000 };

static atomic_uint asked_for, answered;
static atomic_bool ends;

static void sleep_while(atomic_uint *word, unsigned value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake(atomic_uint *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static cpu_set_t may; /* the process, when it began */

/* To the n-th CPU that the process may use, or the last. */
static void pin(int n)
{
    cpu_set_t one;
    int last = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE && n >= 0; cpu++)
        if (CPU_ISSET(cpu, &may)) {
            last = cpu;
            n--;
        }
    CPU_ZERO(&one);
    CPU_SET(last, &one);
    sched_setaffinity(0, sizeof(one), &one);
}

static atomic_uint thrown, returned;

/* Answers all of measure()'s rounds, then ends. */
static void *return_all(void *unused)
{
    pin(1);
    for (unsigned number = 1; number <= ROUNDS * (REPEATS + 1); number++) {
        while (atomic_load_explicit(&thrown, memory_order_acquire) != number)
            ;
        atomic_store_explicit(&returned, number, memory_order_release);
    }
    return unused;
}

static void rounds(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        unsigned number = atomic_load_explicit(&thrown, memory_order_relaxed) + 1;
        atomic_store_explicit(&thrown, number, memory_order_release);
        while (atomic_load_explicit(&returned, memory_order_acquire) != number)
            ;
    }
}

static int measure_rounds(void)
{
    pthread_t thread;
    if (!is_asked("round"))
        return 0;
    if (pthread_create(&thread, NULL, return_all, NULL) != 0)
        return 1;
    measure("round", rounds, ROUNDS);
    return pthread_join(thread, NULL);
}

static void *answer(void *unused)
{
    pin(1);
    for (unsigned seen = 0; !atomic_load(&ends); seen = atomic_load(&asked_for)) {
        sleep_while(&asked_for, seen);
        atomic_store(&answered, atomic_load(&asked_for));
        wake(&answered);
    }
    return unused;
}

static void once(void)
{
    unsigned number = atomic_fetch_add(&asked_for, 1) + 1, now;
    wake(&asked_for);
    for (int64_t until = now_ns() + LOOK_NS; atomic_load(&answered) != number && now_ns() < until;)
        ;
    while ((now = atomic_load(&answered)) != number)
        sleep_while(&answered, now);
}

int main(int argc, char **argv)
{
    pthread_t thread;
    begin_loads(argc, argv);
    if (sched_getaffinity(0, sizeof(may), &may) < 0)
        return 1;
    pin(0);
    if (measure_rounds() != 0 || pthread_create(&thread, NULL, answer, NULL) != 0)
        return 1;
    measure_asleep(once);
    end_loads();
    atomic_store(&ends, true);
    once();
    return pthread_join(thread, NULL);
}
