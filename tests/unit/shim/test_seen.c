/* Where sampled accesses found their pages, with a kernel and a segment of the test's own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shim/base/page_size.h"
#include "shim/base/state.h"
#include "shim/memory/seen.h"
#include "shim/sys/placing.h"
#include "shim/telemetry/accesses.h"

#define MS         UINT64_C(1000000)
#define PAGE_OF(n) ((uintptr_t)(n)*page_size())

static struct segment_seen published;
static int node_of[64]; /* by number of the page; or a negative errno */
static size_t asked, most_asked;
static uint64_t sampled;
static struct seen seen;

int sys_move_pages(size_t count, void *const *pages, const int *nodes, int *ret_status)
{
    assert_null(nodes);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal((uintptr_t)pages[i] % page_size(), 0);
        ret_status[i] = node_of[(uintptr_t)pages[i] / page_size()];
    }
    asked += count;
    most_asked = count > most_asked ? count : most_asked;
    return 0;
}

uint64_t monotonic_ns(void)
{
    return 0;
}

void accesses_publish(const struct segment_seen *totals)
{
    published = *totals;
}

static int begin(void **state)
{
    (void)state;
    seen_forked();
    memset(&seen, 0, sizeof(seen));
    memset(&published, 0, sizeof(published));
    memset(node_of, 0, sizeof(node_of));
    asked = most_asked = 0;
    sampled = 0;
    return 0;
}

/* The program computes all the time; each sample that is noted is one of the sampler's. */
static struct seen_clock at(uint64_t ms)
{
    return (struct seen_clock){.now = ms * MS, .used = ms * 1000, .samples = sampled};
}

static void open_at(uint64_t ms)
{
    const struct seen_clock clock = at(ms);
    seen_open(&seen, &clock);
}

static void look_at(uint64_t ms)
{
    const struct seen_clock clock = at(ms);
    seen_look(&seen, &clock);
}

static void pause_at(uint64_t ms)
{
    const struct seen_clock clock = at(ms);
    seen_pause(&seen, &clock);
}

/* A sample with one access. */
static void sample(unsigned page, uint32_t node)
{
    sampled++;
    seen_note(&seen,
              &(struct seen_access){
                  .address = PAGE_OF(page) + 8, .operand = true, .begins = true, .times = 1, .weight = 4096},
              node);
}

#define MS_OF(weight) ((weight) / 250) /* of a sample that weighs 4096: 250 a millisecond */

static void an_access_is_local_where_its_page_is_on_its_threads_node(void **state)
{
    (void)state;
    node_of[1] = 0;
    node_of[2] = 3;
    open_at(100);
    sample(1, 0);
    sample(1, 0);
    sample(2, 0);
    sample(2, 3);
    look_at(104);
    assert_int_equal(published.samples, 0); /* the window goes on */
    look_at(140);
    assert_int_equal(published.samples, 4);
    assert_int_equal(published.local, 3);
    assert_int_equal(published.remote, 1);
    assert_int_equal(published.windows, 1);
    assert_int_equal(published.sampled_ns, 40 * MS);
    assert_int_equal(MS_OF(published.weight), 40);
    assert_int_equal(MS_OF(published.weight_local), 30);
    assert_int_equal(MS_OF(published.served[0]), 20);
    assert_int_equal(MS_OF(published.served[3]), 20);
    assert_int_equal(published.xx, published.weight * published.weight);
    assert_int_equal(published.xy, published.weight * published.weight_local);
    assert_int_equal(published.yy, published.weight_local * published.weight_local);
}

static void registers_are_no_accesses(void **state)
{
    (void)state;
    open_at(1);
    seen_note(&seen, &(struct seen_access){.address = PAGE_OF(1)}, 0);
    sampled++;
    pause_at(41);
    assert_int_equal(asked, 0);
    assert_int_equal(published.windows, 0);
}

static void a_window_stands_for_what_was_computed_since_the_one_before(void **state)
{
    (void)state;
    open_at(100);
    sample(1, 0);
    look_at(140);
    pause_at(140);
    open_at(1100); /* a second later, all has changed */
    sample(1, 1);
    look_at(1140);
    assert_int_equal(published.local, 1);
    assert_int_equal(published.remote, 1);
    assert_int_equal(MS_OF(published.weight_local), 40);
    assert_int_equal(MS_OF(published.weight), 40 + 1000);
    pause_at(1140);
    open_at(1000000); /* but none outweighs all others */
    sample(1, 0);
    look_at(1000040);
    assert_int_equal(MS_OF(published.weight_local), 40 + 40 * SEEN_TIMES);
}

/* A ring that was full, or threads that were not watched: how many samples there are says nothing. */
static void samples_that_were_lost_leave_the_window_its_weight(void **state)
{
    (void)state;
    open_at(100);
    for (unsigned i = 0; i < 8; i++)
        sample(1, 0);
    look_at(140);
    sample(1, 1);
    look_at(180);
    assert_int_equal(MS_OF(published.weight), 80);
    assert_int_equal(MS_OF(published.weight_local), 40);
}

/* As where an instruction accesses nothing: it is a sample, and weighs nothing. */
static void code_that_accesses_less_counts_for_less(void **state)
{
    (void)state;
    open_at(100);
    sample(1, 0);
    sampled += 3;
    look_at(140);
    assert_int_equal(MS_OF(published.weight), 10);
}

static void a_window_in_which_nothing_ran_leaves_its_time_to_the_next(void **state)
{
    (void)state;
    open_at(100);
    look_at(140);
    assert_int_equal(published.windows, 0);
    sample(1, 0);
    look_at(180);
    assert_int_equal(MS_OF(published.weight), 80);
}

static void a_worker_that_starts_again_goes_on_with_the_sums(void **state)
{
    (void)state;
    open_at(100);
    sample(1, 0);
    pause_at(140);
    memset(&seen, 0, sizeof(seen));
    open_at(200);
    sample(1, 0);
    look_at(240);
    assert_int_equal(published.samples, 1); /* what was not asked before the pause is not known */
    assert_int_equal(published.unknown, 1);
    assert_int_equal(MS_OF(published.weight), 100);
}

static void a_page_that_is_not_there_is_asked_about_again(void **state)
{
    (void)state;
    node_of[1] = node_of[2] = -ENOENT;
    open_at(100);
    sample(1, 2);
    sample(2, 2);
    look_at(104);
    node_of[1] = 2;
    for (unsigned i = 0; i < SEEN_TRIES; i++)
        look_at(108 + 4 * i);
    look_at(140);
    assert_int_equal(published.local, 1);
    assert_int_equal(published.unknown, 1);
    assert_int_equal(published.samples, 1);
    assert_int_equal(asked, 2 + 2 + 1);
}

static void of_many_samples_some_are_used_and_stand_for_all(void **state)
{
    (void)state;
    node_of[2] = 1;
    open_at(100);
    for (unsigned look = 0; look < 8; look++) {
        for (unsigned i = 0; i < 20 * SEEN_SAMPLES; i++)
            sample(1 + i % 2, 0);
        look_at(104 + 4 * look);
    }
    look_at(140);
    assert_true(published.samples < 8 * 20 * SEEN_SAMPLES / 2);
    assert_true(MS_OF(published.weight) > 37 && MS_OF(published.weight) < 43);
    assert_true(published.weight_local > published.weight * 45 / 100);
    assert_true(published.weight_local < published.weight * 55 / 100);
}

static void no_more_pages_are_asked_than_there_is_room_for(void **state)
{
    (void)state;
    open_at(100);
    for (unsigned i = 0; i < SEEN_PAGES * 2; i++)
        sample(i % 64, i / 64);
    look_at(140);
    assert_true(most_asked <= SEEN_PAGES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_access_is_local_where_its_page_is_on_its_threads_node, begin),
        cmocka_unit_test_setup(registers_are_no_accesses, begin),
        cmocka_unit_test_setup(a_window_stands_for_what_was_computed_since_the_one_before, begin),
        cmocka_unit_test_setup(samples_that_were_lost_leave_the_window_its_weight, begin),
        cmocka_unit_test_setup(code_that_accesses_less_counts_for_less, begin),
        cmocka_unit_test_setup(a_window_in_which_nothing_ran_leaves_its_time_to_the_next, begin),
        cmocka_unit_test_setup(a_worker_that_starts_again_goes_on_with_the_sums, begin),
        cmocka_unit_test_setup(a_page_that_is_not_there_is_asked_about_again, begin),
        cmocka_unit_test_setup(of_many_samples_some_are_used_and_stand_for_all, begin),
        cmocka_unit_test_setup(no_more_pages_are_asked_than_there_is_room_for, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
