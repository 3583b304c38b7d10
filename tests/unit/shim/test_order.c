#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim/base/state.h"
#include "shim/place/order.h"

#define THREADS 6u

static struct plan_rule rules[1];
static struct plan_slot slots[THREADS];
static struct thread *threads[THREADS];
static unsigned moves;

static void moved(struct thread *thread)
{
    (void)thread;
    moves++;
}

static void released(struct thread *thread)
{
    (void)thread;
}

static int set_up(void **state)
{
    (void)state;
    rules[0] = (struct plan_rule){.mem_policy = MEM_DEFAULT};
    shim.plan.rules = rules;
    shim.plan.slots = slots;
    moves = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        slots[i] = (struct plan_slot){.mem_mask = i};
        threads[i] = thread_take();
        threads[i]->index = i;
        threads[i]->rule = 0;
        atomic_store(&threads[i]->tid, 100 + i);
        atomic_store(&threads[i]->state, THREAD_LIVE);
        atomic_store(&threads[i]->busy, 0);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < THREADS; i++)
        thread_give(threads[i], THREAD_FREE);
    return 0;
}

/* The thread names itself as the `turn`-th and gets that slot. */
static void arrive(unsigned thread, unsigned turn)
{
    threads[thread]->pick = (struct pick){.slot = turn};
    threads[thread]->ticket = turn;
    threads[thread]->holds_pick = threads[thread]->ordered = true;
    atomic_store(&threads[thread]->busy, 1);
    order_settle(threads[thread], moved, released);
    atomic_store(&threads[thread]->busy, 0);
}

static void whatever_the_order_of_arrival_slots_follow_creation(void **state)
{
    static const unsigned arrivals[][THREADS] = {
        {0, 1, 2, 3, 4, 5}, {5, 4, 3, 2, 1, 0}, {3, 0, 5, 1, 4, 2}, {1, 0, 3, 2, 5, 4}, {5, 0, 1, 2, 3, 4},
    };
    for (size_t i = 0; i < sizeof(arrivals) / sizeof(arrivals[0]); i++) {
        for (unsigned turn = 0; turn < THREADS; turn++)
            arrive(arrivals[i][turn], turn);
        for (unsigned thread = 0; thread < THREADS; thread++) {
            assert_int_equal(threads[thread]->pick.slot, thread);
            assert_int_equal(atomic_load(&threads[thread]->busy), 0);
        }
        tear_down(state);
        set_up(state);
    }
}

static void arrival_in_order_moves_nobody(void **state)
{
    (void)state;
    for (unsigned turn = 0; turn < THREADS; turn++)
        arrive(turn, turn);
    assert_int_equal(moves, 0);
}

static void threads_that_were_renamed_later_keep_their_place(void **state)
{
    (void)state;
    arrive(1, 0);
    threads[1]->ordered = false;
    arrive(0, 1);
    assert_int_equal(threads[1]->pick.slot, 0);
    assert_int_equal(threads[0]->pick.slot, 1);
}

static void places_with_different_memory_policies_are_not_exchanged(void **state)
{
    (void)state;
    rules[0].mem_policy = MEM_PREFERRED;
    arrive(1, 0);
    arrive(0, 1);
    assert_int_equal(threads[1]->pick.slot, 0);
    for (unsigned i = 0; i < THREADS; i++)
        slots[i].mem_mask = 7;
    arrive(0, 2);
    assert_int_equal(threads[0]->pick.slot, 0);
}

static void a_busy_thread_is_told_to_look_for_itself(void **state)
{
    (void)state;
    arrive(1, 0);
    atomic_store(&threads[1]->busy, 1);
    arrive(0, 1);
    assert_int_equal(threads[0]->pick.slot, 1);
    assert_true(atomic_load(&threads[1]->work) & WORK_ORDER);
    order_settle(threads[1], moved, released); /* what its owner does */
    assert_int_equal(threads[0]->pick.slot, 0);
    assert_int_equal(threads[1]->pick.slot, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whatever_the_order_of_arrival_slots_follow_creation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(arrival_in_order_moves_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(threads_that_were_renamed_later_keep_their_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(places_with_different_memory_policies_are_not_exchanged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_busy_thread_is_told_to_look_for_itself, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
