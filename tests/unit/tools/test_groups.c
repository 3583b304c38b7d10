#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tools/learn/groups.h"

/*
 * Main, two workers that are called alike, the library's worker, and one of the program's that borrowed its name.
 */
static struct seen_thread threads[] = {
    {.tid = 10, .name = "server", .ran_ns = 100},
    {.tid = 11, .name = "io-1", .ran_ns = 400},
    {.tid = 12, .name = "io-2", .ran_ns = 600},
    {.tid = 13, .name = "nodewise-worker", .ran_ns = 50},
    {.tid = 14, .name = "nodewise-worker", .ran_ns = 250},
};

static const char report_text[] = "{\"threads\": ["
                                  "{\"tid\": 10, \"main\": true},"
                                  "{\"tid\": 11, \"named\": true, \"start_library\": \"/lib/io.so\"},"
                                  "{\"tid\": 12, \"named\": true, \"start_library\": \"/lib/io.so\"},"
                                  "{\"tid\": 14, \"named\": true}]}";

static struct groups made(const struct observed *observed, const struct allocated *allocated)
{
    struct groups groups;
    json_t *report = json_loads(report_text, 0, NULL);
    assert_non_null(report);
    groups_make(&groups, observed, allocated, report);
    json_decref(report);
    return groups;
}

static struct observed seen(void)
{
    return (struct observed){.threads = threads, .count = sizeof(threads) / sizeof(*threads)};
}

static const struct group *with_pattern(const struct groups *groups, const char *pattern)
{
    for (size_t i = 0; i < groups->count; i++)
        if (!groups->items[i].is_main && strcmp(groups->items[i].pattern, pattern) == 0)
            return &groups->items[i];
    fail_msg("no group \"%s\"", pattern);
    return NULL;
}

static void names_that_differ_by_a_number_are_one_group(void **state)
{
    (void)state;
    struct observed observed = seen();
    struct groups groups = made(&observed, &(struct allocated){0});
    assert_int_equal(with_pattern(&groups, "io-*")->threads, 2);
    assert_int_equal(with_pattern(&groups, "io-*")->ran_ns, 1000);
}

static void the_worker_is_none_of_the_programs_threads(void **state)
{
    (void)state;
    struct observed observed = seen();
    struct groups groups = made(&observed, &(struct allocated){0});
    assert_int_equal(groups.count, 3);
    assert_true(groups.items[0].is_main);
    assert_int_equal(with_pattern(&groups, "nodewise-worker*")->threads, 1);
    assert_int_equal(with_pattern(&groups, "nodewise-worker*")->ran_ns, 250);
    assert_int_equal(groups.ran_ns, 1350);
}

static void what_the_worker_waits_for_is_no_talk(void **state)
{
    (void)state;
    struct observed observed = seen();
    observed.meetings[0] = (struct meeting){.key = 1, .first = 0, .second = 3, .looks = 9};
    observed.meetings[1] = (struct meeting){.key = 2, .first = 1, .second = 2, .looks = 4};
    observed.meeting_count = 2;
    struct groups groups = made(&observed, &(struct allocated){0});
    const struct group *io = with_pattern(&groups, "io-*");
    assert_int_equal(io->talks[io - groups.items], 4);
    for (size_t i = 0; i < groups.count; i++)
        assert_int_equal(groups.items[0].talks[i], 0);
}

static void uses_go_from_the_users_group_to_the_makers(void **state)
{
    (void)state;
    struct observed observed = seen();
    struct use uses[] = {{.maker = 10, .user = 11, .looks = 30},
                         {.maker = 10, .user = 12, .looks = 12},
                         {.maker = 10, .user = 13, .looks = 99},
                         {.maker = 10, .user = 4711, .looks = 99}};
    struct groups groups = made(&observed, &(struct allocated){.uses = uses, .use_count = 4});
    assert_int_equal(with_pattern(&groups, "io-*")->uses[0], 42);
    assert_int_equal(with_pattern(&groups, "nodewise-worker*")->uses[0], 0);
}

static struct groups with_shared(const struct shared *pairs, size_t count)
{
    struct observed observed = seen();
    return made(&observed, &(struct allocated){.shared = (struct shared *)pairs, .shared_count = count});
}

static void memory_that_changes_hands_counts_within_a_group(void **state)
{
    static const struct shared pairs[] = {{11, 12, 7}, {10, 11, 100}, {13, 11, 100}, {11, 4711, 100}};
    (void)state;
    struct groups groups = with_shared(pairs, 4);
    assert_int_equal(with_pattern(&groups, "io-*")->changes, 7);
    assert_int_equal(groups.items[0].changes, 0);
}

/* Four threads: all pairs alike, or two and two. */
static void unevenness_tells_pairs_from_all(void **state)
{
    static struct seen_thread four[] = {
        {.tid = 1, .name = "x-1"}, {.tid = 2, .name = "x-2"}, {.tid = 3, .name = "x-3"}, {.tid = 4, .name = "x-4"}};
    static struct shared all[] = {{1, 2, 9}, {1, 3, 10}, {1, 4, 11}, {2, 3, 10}, {2, 4, 10}, {3, 4, 10}};
    static struct shared two[] = {{2, 1, 30}, {3, 4, 30}};
    struct observed observed = {.threads = four, .count = 4};
    (void)state;
    struct groups groups = made(&observed, &(struct allocated){.shared = all, .shared_count = 6});
    assert_int_equal(groups.items[0].changes, 60);
    assert_true(groups.items[0].unevenness < 0.1);
    groups = made(&observed, &(struct allocated){.shared = two, .shared_count = 2});
    assert_int_equal(groups.items[0].changes, 60);
    assert_true(groups.items[0].unevenness > 1);
}

/* Two that run all the time, and two that came late: each shares with each. */
static void threads_that_run_less_share_less_with_all(void **state)
{
    static struct seen_thread four[] = {
        {.tid = 1, .name = "x-1"}, {.tid = 2, .name = "x-2"}, {.tid = 3, .name = "x-3"}, {.tid = 4, .name = "x-4"}};
    static struct shared all[] = {{1, 2, 64}, {1, 3, 8}, {1, 4, 8}, {2, 3, 8}, {2, 4, 8}, {3, 4, 1}};
    struct observed observed = {.threads = four, .count = 4};
    (void)state;
    struct groups groups = made(&observed, &(struct allocated){.shared = all, .shared_count = 6});
    assert_true(groups.items[0].unevenness < 0.4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_differ_by_a_number_are_one_group),
        cmocka_unit_test(the_worker_is_none_of_the_programs_threads),
        cmocka_unit_test(what_the_worker_waits_for_is_no_talk),
        cmocka_unit_test(uses_go_from_the_users_group_to_the_makers),
        cmocka_unit_test(memory_that_changes_hands_counts_within_a_group),
        cmocka_unit_test(unevenness_tells_pairs_from_all),
        cmocka_unit_test(threads_that_run_less_share_less_with_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
