#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/tune/metric.h"

static int find(const char *regex, const char *output, double *ret_value)
{
    struct metric metric = {0};
    char why[128];
    assert_int_equal(metric_compile(&metric, regex, why, sizeof(why)), 0);
    int found = metric_find(&metric, output, ret_value);
    metric_free(&metric);
    return found;
}

static void the_number_is_found_where_it_is_meant(void **state)
{
    (void)state;
    static const struct {
        const char *regex, *output;
        double value;
    } cases[] = {
        {"requests per second", "SET: 81234.50 requests per second, p50=0.231 msec\n", 81234.50},
        {"GET: ([0-9.]+)", "SET: 1.5 r\nGET: 2.5 requests per second, p50=0.2\n", 2.5},
        {"throughput", "7 runs: throughput = 12 (of 99)\n", 12},
        {"rate [0-9]+", "1 rate 22 333\n", 22},
        {"p99 latency", "p99 latency: 3.5 ms\n", 3.5},
        {"total", "total 1,234,567 bytes\n", 1234567},
        {"ops", "1.5e6 ops\n", 1.5e6},
        {"rps", "GET: rps=100.0 (overall: 90.0)\rGET: rps=200.0\rGET: 300.0 rps\n", 300},
        {"score", "score 1\nscore 2\nother 3\n", 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        double value = 0;
        assert_int_equal(find(cases[i].regex, cases[i].output, &value), 0);
        assert_true(value >= cases[i].value && value <= cases[i].value);
    }
}

static void what_is_not_there_is_told(void **state)
{
    (void)state;
    double value;
    assert_int_equal(find("requests", "nothing of it 12\n", &value), -ENOENT);
    assert_int_equal(find("requests", "requests: many\n", &value), -ENODATA);
    assert_int_equal(find("requests", "requests: p99\n", &value), -ENODATA);
    assert_int_equal(find("requests", "requests: 0\n", &value), -ERANGE);
    assert_int_equal(find("requests (.*)", "requests: many\nrequests -3", &value), -ERANGE);
}

static void a_bad_expression_is_refused(void **state)
{
    (void)state;
    struct metric metric = {0};
    char why[128] = "";
    assert_int_equal(metric_compile(&metric, "(", why, sizeof(why)), -EINVAL);
    assert_int_not_equal(why[0], '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_number_is_found_where_it_is_meant),
        cmocka_unit_test(what_is_not_there_is_told),
        cmocka_unit_test(a_bad_expression_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
