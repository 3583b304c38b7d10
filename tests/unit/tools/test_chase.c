#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/measure/chase.h"

static void the_cycle_visits_each_line_once(void **state)
{
    static const size_t counts[] = {1, 2, 3, 1000, 4096};
    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        struct chase_line *lines = calloc(counts[i], sizeof(*lines)), *at = lines;
        size_t hops = 0;
        chase_link(lines, counts[i], 7);
        do {
            assert_true(at >= lines && at < lines + counts[i]);
            at = at->next;
            hops++;
        } while (at != lines && hops <= counts[i]);
        assert_int_equal(hops, counts[i]);
        free(lines);
    }
}

/* Neighbours in the cycle are not neighbours in memory: a prefetcher would fetch these. */
static void the_next_line_is_rarely_near(void **state)
{
    static struct chase_line lines[4096];
    size_t near = 0;
    (void)state;
    chase_link(lines, 4096, 7);
    for (size_t i = 0; i < 4096; i++)
        near += labs(lines[i].next - &lines[i]) < 8;
    assert_true(near < 4096 / 50);
}

static void a_walk_goes_as_far_as_it_says(void **state)
{
    static struct chase_line lines[100];
    struct chase_line *at = lines, *expected = lines;
    (void)state;
    chase_link(lines, 100, 3);
    for (size_t i = 0; i < 42; i++)
        expected = expected->next;
    assert_true(chase_walk(&at, 42) > 0);
    assert_ptr_equal(at, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cycle_visits_each_line_once),
        cmocka_unit_test(the_next_line_is_rarely_near),
        cmocka_unit_test(a_walk_goes_as_far_as_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
