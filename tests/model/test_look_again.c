/*
 * A thread that is told of another rule acts by it from its next allocation on, also when it looks at its rule at the same
 * moment, or borrows its heap. One thread allocates on one CPU after the other, which makes it look each time; another
 * changes its rule, from one heap a node to one for the process, and tells it. 200,000 changes, or two seconds.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "shim/arena/arena.h"
#include "shim/base/thread.h"
#include "tests/model/entry.h"
#include "tests/model/process.h"

#define ROUNDS  200000u
#define SECONDS 2

static struct thread record;
static _Atomic uint32_t told, acted, wrong;
static _Atomic bool over;

static void tell(uint32_t round)
{
    __atomic_store_n(&record.rule, round % 2, __ATOMIC_RELAXED);
    arena_rule_changed(&record);
    atomic_store_explicit(&told, round, memory_order_release);
}

static void *change_rules(void *unused)
{
    time_t end = time(NULL) + SECONDS;
    uint32_t random = 1;
    for (uint32_t round = 1; round <= ROUNDS && time(NULL) < end; round++) {
        random = random * 1664525 + 1013904223;
        for (uint32_t i = 0; i < random >> 24; i++)
            atomic_signal_fence(memory_order_seq_cst);
        tell(round);
        for (uint32_t looks = 0; atomic_load(&acted) != round; looks++)
            if (looks > 2000)
                sched_yield();
    }
    atomic_store(&over, true);
    return unused;
}

static uint32_t node_of_next_block(void)
{
    void *block = model_malloc(64);
    uint32_t node = process_node_of(block);
    model_free(block);
    return node;
}

static void after_it_was_told_a_thread_acts_by_its_new_rule(void **state)
{
    pthread_t thread;
    (void)state;
    thread_self = &record;
    assert_int_equal(pthread_create(&thread, NULL, change_rules, NULL), 0);
    for (uint32_t i = 0; !atomic_load(&over); i++) {
        process_run_on(i % PROCESS_CPUS);
        node_of_next_block();
        uint32_t round = atomic_load_explicit(&told, memory_order_acquire);
        if (round == atomic_load(&acted))
            continue;
        bool is_of_process = node_of_next_block() == UINT32_MAX; /* on the CPU of before: nothing else makes it look */
        wrong += is_of_process != round % 2;
        atomic_store(&acted, round);
    }
    pthread_join(thread, NULL);
    process_thread_ended();
    thread_self = NULL;
    assert_in_range(acted, 1, ROUNDS);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_it_was_told_a_thread_acts_by_its_new_rule),
    };
    if (!process_start_with_two_rules())
        return 2;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
