/*
 * What `asleep` of tasks.h is measured by: a thread that sleeps in futex(2) is woken and answers. The caller looks for the
 * answer for 20 us, as a wait of nodewise.h does, and then sleeps as well.
 */
#include <linux/futex.h>
#include <pthread.h>
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

static void *answer(void *unused)
{
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
    if (pthread_create(&thread, NULL, answer, NULL) != 0)
        return 1;
    measure_asleep(once);
    end_loads();
    atomic_store(&ends, true);
    once();
    return pthread_join(thread, NULL);
}
