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

/* As settle_work() in shim/place/settle.c. */
static void released(struct thread *thread)
{
    while (atomic_load(&thread->work) && !atomic_exchange(&thread->busy, 1)) {
        atomic_store(&thread->work, 0);
        order_settle(thread, moved, released);
        atomic_store(&thread->busy, 0);
    }
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

/* The thread is being named as the `turn`-th and has got that slot. */
static void pick(unsigned thread, unsigned turn)
{
    threads[thread]->pick = (struct pick){.slot = turn};
    threads[thread]->ticket = turn;
    threads[thread]->holds_pick = threads[thread]->ordered = true;
    atomic_store(&threads[thread]->busy, 1);
    atomic_store(&threads[thread]->work, WORK_ORDER);
}

static void give_back(unsigned thread)
{
    atomic_store(&threads[thread]->busy, 0);
    released(threads[thread]);
}

static void arrive(unsigned thread, unsigned turn)
{
    pick(thread, turn);
    give_back(thread);
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
    give_back(1);
    assert_int_equal(threads[0]->pick.slot, 0);
    assert_int_equal(threads[1]->pick.slot, 1);
}

/* Of the orders of `count` things, that with the number. */
static void order_of(unsigned number, unsigned count, unsigned *ret_order)
{
    for (unsigned i = 0; i < count; i++) {
        ret_order[i] = number % (i + 1);
        number /= i + 1;
        for (unsigned j = 0; j < i; j++)
            ret_order[j] += ret_order[j] >= ret_order[i];
    }
}

#define AT_ONCE 4u
#define ORDERS  24u /* of as many */

static void threads_that_come_at_once_end_in_the_order_of_creation(void **state)
{
    for (unsigned i = 0; i < ORDERS * ORDERS << AT_ONCE; i++) {
        unsigned turns[AT_ONCE], ends[AT_ONCE];
        order_of(i % ORDERS, AT_ONCE, turns);
        order_of(i / ORDERS % ORDERS, AT_ONCE, ends);
        for (unsigned thread = 0; thread < AT_ONCE; thread++) {
            pick(thread, turns[thread]);
            /* some are between the two steps of giving back */
            atomic_store(&threads[thread]->busy, i / ORDERS / ORDERS >> thread & 1);
        }
        for (unsigned j = 0; j < AT_ONCE; j++)
            give_back(ends[j]);
        for (unsigned thread = 0; thread < AT_ONCE; thread++) {
            assert_int_equal(threads[thread]->pick.slot, thread);
            assert_int_equal(atomic_load(&threads[thread]->busy), 0);
            assert_int_equal(atomic_load(&threads[thread]->work), 0);
        }
        tear_down(state);
        set_up(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whatever_the_order_of_arrival_slots_follow_creation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(arrival_in_order_moves_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(threads_that_were_renamed_later_keep_their_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(places_with_different_memory_policies_are_not_exchanged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_busy_thread_is_told_to_look_for_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(threads_that_come_at_once_end_in_the_order_of_creation, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
