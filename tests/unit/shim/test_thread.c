#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shim/base/state.h"
#include "shim/base/thread.h"

#define MANY 5000u

static void count(struct thread *thread, void *context)
{
    (void)thread;
    ++*(int *)context;
}

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

static void a_record_begins_without_what_another_thread_had(void **state)
{
    struct thread *first = thread_take(), *next = first;
    (void)state;
    strcpy(first->name, "before");
    strcpy(first->creator_name, "before");
    first->flags = UINT8_MAX;
    first->holds_pick = first->ordered = first->main = true;
    first->unnamed = false;
    first->rule = 1;
    first->frames = 3;
    thread_give(first, THREAD_ENDED);
    do {
        next = thread_take();
        thread_give(next, THREAD_ENDED);
    } while (next != first); /* round the part */
    assert_string_equal(next->name, "");
    assert_string_equal(next->creator_name, "");
    assert_int_equal(next->flags, 0);
    assert_false(next->holds_pick || next->ordered || next->main);
    assert_true(next->unnamed);
    assert_int_equal(next->rule, PLAN_NONE);
    assert_int_equal(next->frames, 0);
}

/* Far enough apart for pages of their own; with all of them taken they still are distinct. */
static void creators_on_different_nodes_get_records_apart(void **state)
{
    struct thread creators[6] = {{.home_node = 0}, {.home_node = 1}, {.home_node = 2},
                                 {.home_node = 3}, {.home_node = 9}, {.home_node = UINT32_MAX}};
    struct thread *taken[6][16];
    (void)state;
    for (unsigned i = 0; i < 16; i++)
        for (unsigned c = 0; c < 6; c++) {
            thread_self = &creators[c];
            taken[c][i] = thread_take();
            atomic_store(&taken[c][i]->tid, 5000 + 16 * c + i);
        }
    assert_int_equal(thread_live_count(), 6 * 16);
    for (unsigned a = 0; a < 4; a++)
        for (unsigned b = a + 1; b < 4; b++)
            for (unsigned i = 0; i < 16 * 16; i++)
                assert_true(labs(taken[a][i / 16] - taken[b][i % 16]) > 64);
    for (unsigned c = 0; c < 6; c++)
        for (unsigned i = 0; i < 16; i++) {
            thread_self = &creators[(c + i) % 6];
            assert_ptr_equal(thread_find((pid_t)(5000 + 16 * c + i)), taken[c][i]);
        }
    thread_self = NULL;
    for (unsigned i = 0; i < 6 * 16; i++)
        thread_give(taken[i / 16][i % 16], THREAD_ENDED);
    assert_int_equal(thread_live_count(), 0);
}

static void a_node_that_makes_all_of_them_finds_room(void **state)
{
    static struct thread *records[MANY];
    struct thread creator = {.home_node = 2};
    int found = 0;
    (void)state;
    thread_self = &creator;
    for (unsigned i = 0; i < MANY; i++) {
        records[i] = thread_take();
        assert_non_null(records[i]);
        assert_int_equal(atomic_exchange(&records[i]->tid, 20000 + i), 0);
    }
    thread_each(count, &found);
    assert_int_equal(found, MANY);
    for (unsigned i = 0; i < MANY; i += 13)
        assert_ptr_equal(thread_find((pid_t)(20000 + i)), records[i]);
    for (unsigned i = 0; i < MANY; i++)
        thread_give(records[i], THREAD_ENDED);
    assert_int_equal(thread_live_count(), 0);
    thread_self = NULL;
}

static void *take_and_give(void *node)
{
    static struct thread creators[2] = {{.home_node = 0}, {.home_node = 1}};
    thread_self = &creators[(uintptr_t)node];
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
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, (void *)(uintptr_t)(i / 2)), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
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

static void note_leaving(uint32_t tid, void *context)
{
    uint32_t *found = context;
    if (tid == 4000001)
        (*found)++;
}

/* Each write would cost the child a page, and there are as many as threads have lived. */
static void a_forked_child_leaves_ended_records_alone(void **state)
{
    uint32_t found = 0;
    pid_t before = shim.pid;
    (void)state;
    struct thread *ended = thread_take(), copy;
    atomic_store(&ended->tid, 4000001);
    thread_give(ended, THREAD_ENDED);
    thread_each_leaving(note_leaving, &found);
    assert_int_equal(found, 1);
    memcpy(&copy, ended, sizeof(copy));
    shim.pid = before + 1;
    thread_forget_others(NULL);
    assert_memory_equal(&copy, ended, sizeof(copy));
    found = 0;
    thread_each_leaving(note_leaving, &found);
    assert_int_equal(found, 0); /* the thread was its parent's */
    shim.pid = before;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_live_records_are_distinct_and_found_by_tid),
        cmocka_unit_test(a_record_begins_without_what_another_thread_had),
        cmocka_unit_test(an_ended_record_is_not_reused_before_the_others),
        cmocka_unit_test(creators_on_different_nodes_get_records_apart),
        cmocka_unit_test(a_node_that_makes_all_of_them_finds_room),
        cmocka_unit_test(no_record_has_two_owners),
        cmocka_unit_test(a_forked_child_forgets_all_but_its_own),
        cmocka_unit_test(a_forked_child_leaves_ended_records_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
