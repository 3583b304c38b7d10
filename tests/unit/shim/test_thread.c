#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "shim/place/thread.h"

#define MANY 5000u

static void many_live_records_are_distinct_and_found_by_tid(void **state)
{
    static struct thread *records[MANY];

    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        records[i] = thread_take();
        assert_non_null(records[i]);
        atomic_store(&records[i]->tid, 1000 + i);
        atomic_store(&records[i]->state, THREAD_LIVE);
    }
    for (unsigned i = 0; i < MANY; i += 7)
        assert_ptr_equal(thread_find((pid_t)(1000 + i)), records[i]);
    assert_null(thread_find(999));
    for (unsigned i = 0; i < MANY; i++)
        thread_give(records[i], THREAD_ENDED);
    assert_null(thread_find(1000));
}

static void an_ended_record_is_not_reused_before_the_others(void **state)
{
    struct thread *first = thread_take();

    (void)state;
    thread_give(first, THREAD_ENDED);
    for (int i = 0; i < 200; i++) {
        struct thread *next = thread_take();

        assert_ptr_not_equal(next, first);
        thread_give(next, THREAD_ENDED);
    }
}

static void *take_and_give(void *unused)
{
    (void)unused;
    for (int i = 0; i < 2000; i++) {
        struct thread *mine[8];

        for (unsigned j = 0; j < 8; j++) {
            mine[j] = thread_take();
            if (!mine[j] || atomic_exchange(&mine[j]->tid, 1))
                abort(); /* somebody else has it as well */
        }
        for (unsigned j = 0; j < 8; j++)
            thread_give(mine[j], j & 1 ? THREAD_ENDED : THREAD_FREE);
    }
    return NULL;
}

static void no_record_has_two_owners(void **state)
{
    pthread_t threads[4];

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, NULL), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

static void count(struct thread *thread, void *context)
{
    (void)thread;
    ++*(int *)context;
}

static void a_forked_child_forgets_all_but_its_own(void **state)
{
    struct thread *mine = thread_take(), *other = thread_take();
    int live = 0;

    (void)state;
    thread_each(count, &live);
    assert_int_equal(live, 2);
    thread_forget_others(mine);
    live = 0;
    thread_each(count, &live);
    assert_int_equal(live, 1);
    assert_int_equal(atomic_load(&other->state), THREAD_FREE);
    thread_give(mine, THREAD_FREE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_live_records_are_distinct_and_found_by_tid),
        cmocka_unit_test(an_ended_record_is_not_reused_before_the_others),
        cmocka_unit_test(no_record_has_two_owners),
        cmocka_unit_test(a_forked_child_forgets_all_but_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
