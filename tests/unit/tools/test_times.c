#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tools/top/times.h"

#define SECOND UINT64_C(1000000000)

static void look(struct times *times, uint64_t at, const char *stat)
{
    FILE *file = fmemopen((void *)(uintptr_t)stat, strlen(stat), "r");
    assert_non_null(file);
    times_look(times, at, file);
    fclose(file);
}

static void a_threads_share_is_what_it_ran_between_two_looks(void **state)
{
    (void)state;
    struct times *times = times_new();
    times_look(times, SECOND, NULL);
    times_ran(times, 10, 5 * SECOND);
    times_ran(times, 11, SECOND);
    assert_true(times_share(times, 10) < 0); /* one look tells nothing */
    times_look(times, 3 * SECOND, NULL);
    times_ran(times, 10, 6 * SECOND);
    times_ran(times, 11, SECOND);
    times_ran(times, 12, SECOND);
    assert_true(times_share(times, 10) == 0.5);
    assert_true(times_share(times, 11) == 0);
    assert_true(times_share(times, 12) < 0); /* new */
    assert_true(times_share(times, 13) < 0); /* never seen */
    times_look(times, 4 * SECOND, NULL);
    times_ran(times, 10, SECOND);
    assert_true(times_share(times, 10) < 0); /* another thread of this number */
    assert_true(times_share(times, 11) < 0); /* gone */
    times_free(times);
}

static void many_threads_are_kept_apart(void **state)
{
    (void)state;
    struct times *times = times_new();
    for (int round = 0; round < 2; round++) {
        times_look(times, (uint64_t)round * SECOND, NULL);
        for (int tid = 1; tid <= 5000; tid++) {
            times_ran(times, tid, 1);
            times_ran(times, tid, (uint64_t)(round * tid) * 1000); /* the last one counts */
        }
    }
    for (int tid = 1; tid <= 5000; tid++)
        assert_true(times_share(times, tid) == (double)tid * 1000 / (double)SECOND);
    times_free(times);
}

static void cpus_are_busy_but_for_idle_and_iowait(void **state)
{
    (void)state;
    struct times *times = times_new();
    struct cpuset both = CPUSET_EMPTY, second = CPUSET_EMPTY, none = CPUSET_EMPTY;
    assert_int_equal(cpuset_parse_list(&both, "0-1", NULL), 0);
    assert_int_equal(cpuset_parse_list(&second, "1", NULL), 0);
    look(
        times, SECOND,
        "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 10 0 10 80 0 0 0 0 0 0\ncpu1 1 1 1 1 1 1 1 1 0 0\nintr 1 2 3\ncpu9999 1 1 1 1 1 1\n");
    assert_true(times_cpus(times, &both) < 0);
    look(times, 2 * SECOND,
         "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 30 5 15 140 10 0 0 0 0 0\ncpu1 2 2 2 2 2 2 2 2 7 7\nctxt 5\n");
    assert_true(times_cpus(times, &second) == 6.0 / 8);  /* guest time is in user time already */
    assert_true(times_cpus(times, &both) == 36.0 / 108); /* 30 of 100 and 6 of 8 */
    assert_true(times_cpus(times, &none) < 0);
    cpuset_free(&both);
    cpuset_free(&second);
    times_free(times);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_threads_share_is_what_it_ran_between_two_looks),
        cmocka_unit_test(many_threads_are_kept_apart),
        cmocka_unit_test(cpus_are_busy_but_for_idle_and_iowait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
