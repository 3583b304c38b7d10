#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/measure/distances.h"

/* Of latencies with that spread. */
static void assert_distances(const double *latencies, double spread, const uint32_t *expected, size_t count)
{
    struct measured_latency of[16] = {0};
    uint32_t distances[16] = {0};
    for (size_t i = 0; i < count * count; i++)
        of[i] = (struct measured_latency){latencies[i], latencies[i] > 0 ? spread : 0};
    assert_int_equal(distances_of_latencies(distances, of, count), 0);
    assert_memory_equal(distances, expected, count * count * sizeof(*expected));
}
#define ROWS(...) ((const double[]){__VA_ARGS__})
#define AS(...)   ((const uint32_t[]){__VA_ARGS__})

static void distances_are_latencies_by_the_own_one(void **state)
{
    (void)state;
    assert_distances(ROWS(100, 140, 210, 140, 100, 280, 210, 280, 100), 1, AS(10, 14, 21, 14, 10, 28, 21, 28, 10), 3);
}

static void noise_makes_no_node_nearer(void **state)
{
    (void)state;
    assert_distances(ROWS(80, 142, 146, 143, 80, 145, 141, 144, 80), 1, AS(10, 18, 18, 18, 10, 18, 18, 18, 10), 3);
    /* 20 % apart, but measured with as large a spread */
    assert_distances(ROWS(80, 140, 168, 140, 80, 168, 168, 140, 80), 40, AS(10, 21, 21, 21, 10, 21, 21, 21, 10), 3);
}

static void what_is_apart_stays_apart(void **state)
{
    (void)state;
    assert_distances(ROWS(80, 140, 168, 140, 80, 168, 168, 140, 80), 2, AS(10, 18, 21, 18, 10, 21, 21, 18, 10), 3);
}

/* Node 2 has no CPUs, node 1 no memory. */
static void the_way_back_counts_where_there_is_no_way(void **state)
{
    (void)state;
    assert_distances(ROWS(100, 0, 300, 150, 0, 400, 0, 0, 0), 1, AS(10, 15, 30, 15, 10, 40, 30, 40, 10), 3);
    assert_distances(ROWS(100, 200, 300, 0, 0, 0, 0, 0, 0), 1, AS(10, 20, 30, 20, 10, 0, 30, 0, 10), 3);
}

static void distances_keep_within_the_firmwares_range(void **state)
{
    (void)state;
    assert_distances(ROWS(100, 60, 9000, 100), 1, AS(10, 11, 254, 10), 2);
}

static void without_an_own_latency_there_are_none(void **state)
{
    struct measured_latency of[4] = {{0, 0}, {100, 1}, {100, 1}, {0, 0}};
    uint32_t distances[4] = {1, 2, 3, 4};
    (void)state;
    assert_int_equal(distances_of_latencies(distances, of, 2), -ENODATA);
    assert_int_equal(distances[1], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_are_latencies_by_the_own_one),
        cmocka_unit_test(noise_makes_no_node_nearer),
        cmocka_unit_test(what_is_apart_stays_apart),
        cmocka_unit_test(the_way_back_counts_where_there_is_no_way),
        cmocka_unit_test(distances_keep_within_the_firmwares_range),
        cmocka_unit_test(without_an_own_latency_there_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
