/* Where sampled accesses found their pages, with a kernel and a segment of the test's own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shim/memory/seen.h"
#include "shim/sys/placing.h"
#include "shim/telemetry/accesses.h"

#define MS         UINT64_C(1000000)
#define PAGE_OF(n) ((uintptr_t)(n) << 12)

static struct segment_seen published;
static int node_of[64]; /* by number of the page; or a negative errno */
static size_t asked, most_asked;
static struct seen seen;

int sys_move_pages(size_t count, void *const *pages, const int *nodes, int *ret_status)
{
    assert_null(nodes);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal((uintptr_t)pages[i] % 4096, 0);
        ret_status[i] = node_of[(uintptr_t)pages[i] >> 12];
    }
    asked += count;
    most_asked = count > most_asked ? count : most_asked;
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
    return 0;
}

/* A sample with one access. */
static void sample(unsigned page, uint32_t node)
{
    seen_note(&seen,
              &(struct seen_access){
                  .address = PAGE_OF(page) + 8, .operand = true, .begins = true, .times = 1, .weight = 2560},
              node);
}

static void an_access_is_local_where_its_page_is_on_its_threads_node(void **state)
{
    (void)state;
    node_of[1] = 0;
    node_of[2] = 3;
    seen_open(&seen, 100 * MS);
    sample(1, 0);
    sample(1, 0);
    sample(2, 0);
    sample(2, 3);
    seen_look(&seen, 104 * MS);
    assert_int_equal(published.samples, 0); /* the window goes on */
    seen_look(&seen, 140 * MS);
    assert_int_equal(published.samples, 4);
    assert_int_equal(published.local, 3);
    assert_int_equal(published.remote, 1);
    assert_int_equal(published.windows, 1);
    assert_int_equal(published.sampled_ns, 40 * MS);
    assert_int_equal(published.weight, 40);
    assert_int_equal(published.weight_local, 30);
    assert_int_equal(published.served[0], 20);
    assert_int_equal(published.served[3], 20);
    assert_int_equal(published.xx, 1600);
    assert_int_equal(published.xy, 1200);
    assert_int_equal(published.yy, 900);
}

static void registers_are_no_accesses(void **state)
{
    (void)state;
    seen_open(&seen, MS);
    seen_note(&seen, &(struct seen_access){.address = PAGE_OF(1)}, 0);
    seen_pause(&seen, 41 * MS);
    assert_int_equal(asked, 0);
    assert_int_equal(published.windows, 0);
}

static void a_window_stands_for_the_time_since_the_one_before(void **state)
{
    (void)state;
    seen_open(&seen, 100 * MS);
    sample(1, 0);
    seen_look(&seen, 140 * MS);
    seen_pause(&seen, 140 * MS);
    seen_open(&seen, 1100 * MS); /* a second later, all has changed */
    sample(1, 1);
    seen_look(&seen, 1140 * MS);
    assert_int_equal(published.local, 1);
    assert_int_equal(published.remote, 1);
    assert_int_equal(published.weight_local, 10);
    assert_int_equal(published.weight, 10 + 25 * 10);
    seen_pause(&seen, 1140 * MS);
    seen_open(&seen, 1000000 * MS); /* but none outweighs all others */
    sample(1, 0);
    seen_look(&seen, 1000040 * MS);
    assert_int_equal(published.weight_local, 10 + SEEN_TIMES * 10);
}

static void a_worker_that_starts_again_goes_on_with_the_sums(void **state)
{
    (void)state;
    seen_open(&seen, 100 * MS);
    sample(1, 0);
    seen_pause(&seen, 140 * MS);
    memset(&seen, 0, sizeof(seen));
    seen_open(&seen, 200 * MS);
    sample(1, 0);
    seen_look(&seen, 240 * MS);
    assert_int_equal(published.samples, 1); /* what was not asked before the pause is not known */
    assert_int_equal(published.unknown, 1);
    assert_int_equal(published.weight, 30); /* 100 ms are two and a half windows */
}

static void a_page_that_is_not_there_is_asked_about_again(void **state)
{
    (void)state;
    node_of[1] = node_of[2] = -ENOENT;
    seen_open(&seen, 100 * MS);
    sample(1, 2);
    sample(2, 2);
    seen_look(&seen, 104 * MS);
    node_of[1] = 2;
    for (unsigned i = 0; i < SEEN_TRIES; i++)
        seen_look(&seen, (108 + 4 * i) * MS);
    seen_look(&seen, 140 * MS);
    assert_int_equal(published.local, 1);
    assert_int_equal(published.unknown, 1);
    assert_int_equal(published.samples, 1);
    assert_int_equal(asked, 2 + 2 + 1);
}

static void of_many_samples_some_are_used_and_stand_for_all(void **state)
{
    (void)state;
    node_of[2] = 1;
    seen_open(&seen, 100 * MS);
    for (unsigned look = 0; look < 8; look++) {
        for (unsigned i = 0; i < 20 * SEEN_SAMPLES; i++)
            sample(1 + i % 2, 0);
        seen_look(&seen, (104 + 4 * look) * MS);
    }
    seen_look(&seen, 140 * MS);
    assert_true(published.samples < 8 * 20 * SEEN_SAMPLES / 2);
    assert_true(published.weight > 9 * 8 * 20 * SEEN_SAMPLES && published.weight < 11 * 8 * 20 * SEEN_SAMPLES);
    assert_true(published.weight_local > published.weight * 45 / 100);
    assert_true(published.weight_local < published.weight * 55 / 100);
}

static void no_more_pages_are_asked_than_there_is_room_for(void **state)
{
    (void)state;
    seen_open(&seen, 100 * MS);
    for (unsigned i = 0; i < SEEN_PAGES * 2; i++)
        sample(i % 64, i / 64);
    seen_look(&seen, 140 * MS);
    assert_true(most_asked <= SEEN_PAGES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_access_is_local_where_its_page_is_on_its_threads_node, begin),
        cmocka_unit_test_setup(registers_are_no_accesses, begin),
        cmocka_unit_test_setup(a_window_stands_for_the_time_since_the_one_before, begin),
        cmocka_unit_test_setup(a_worker_that_starts_again_goes_on_with_the_sums, begin),
        cmocka_unit_test_setup(a_page_that_is_not_there_is_asked_about_again, begin),
        cmocka_unit_test_setup(of_many_samples_some_are_used_and_stand_for_all, begin),
        cmocka_unit_test_setup(no_more_pages_are_asked_than_there_is_room_for, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
