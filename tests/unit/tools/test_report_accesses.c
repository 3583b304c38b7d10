#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/reason.h"
#include "tools/common/json_fields.h"
#include "tools/report/report_accesses.h"

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void shares_are_of_the_time_that_windows_stand_for(void **state)
{
    (void)state;
    /* a window of 100 accesses, all local, then one of 10, none local, that stands for ten times as many */
    struct snapshot snapshot = {.seen = {.samples = 110,
                                         .local = 100,
                                         .remote = 10,
                                         .unknown = 7,
                                         .windows = 2,
                                         .weight = 200,
                                         .weight_local = 100,
                                         .xx = 20000,
                                         .xy = 10000,
                                         .yy = 10000,
                                         .served = {[1] = 120, [2] = 80}}};
    char text[320];
    json_t *accesses = report_accesses(&snapshot);
    assert_true(number(accesses, "access_locality") == 0.5);
    assert_true(number(accesses, "low") < 0.1 && number(accesses, "high") > 0.9); /* the two differ in all they say */
    assert_true(number(accesses, "balance") == 0.6);
    assert_int_equal(number_of(accesses, "busiest"), 1);
    assert_true(number(json_object_get(accesses, "nodes"), "2") == 0.4);
    assert_null(json_object_get(json_object_get(accesses, "nodes"), "0"));
    assert_string_equal(text_of(accesses, "reason"), "");
    accesses_note(accesses, text, sizeof(text));
    assert_non_null(strstr(text, "110 samples"));
    assert_non_null(strstr(text, "7 accesses to pages that the kernel did not place"));
    balance_note(accesses, text, sizeof(text));
    assert_string_equal(text, "of the sampled accesses are served by node 1");
    json_decref(accesses);
}

static void what_is_not_measured_says_why(void **state)
{
    (void)state;
    struct plan_header header = {.features = PLAN_HAS_NEXT_TOUCH}, off = {0};
    static const struct {
        uint32_t nodes, threads, reason;
        uint64_t unknown;
        bool off, alive;
        const char *word;
    } cases[] = {
        {1, 9, REASON_OK, 0, false, false, "one node"},
        {2, 9, REASON_NO_SAMPLING, 0, false, false, "perf_event_paranoid"},
        {2, 9, REASON_OK, 0, true, false, "next_touch = false"},
        {2, 1, REASON_OK, 0, false, false, "one thread"},
        {2, 9, REASON_OK, 5, false, false, "did not say"},
        {2, 9, REASON_OK, 0, false, true, "yet"},
        {2, 9, REASON_OK, 0, false, false, "too short"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct snapshot snapshot = {.has_plan = true, .alive = cases[i].alive, .seen = {.unknown = cases[i].unknown}};
        char text[320];
        snapshot.header.threads_started = cases[i].threads;
        snapshot.header.follow_reason = cases[i].reason;
        snapshot.plan.header = cases[i].off ? &off : &header;
        snapshot.plan.count[PLAN_NODES] = cases[i].nodes;
        json_t *accesses = report_accesses(&snapshot);
        accesses_note(accesses, text, sizeof(text));
        if (!strstr(text, cases[i].word))
            fail_msg("%s: %s", cases[i].word, text);
        assert_int_equal(json_is_null(json_object_get(accesses, "access_locality")), cases[i].nodes > 1);
        assert_true(json_is_null(json_object_get(accesses, "balance")));
        json_decref(accesses);
    }
}

static void sums_that_contradict_each_other_are_no_measurement(void **state)
{
    (void)state;
    struct snapshot snapshot = {.seen = {.samples = 5, .weight = 10, .weight_local = 11}};
    json_t *accesses = report_accesses(&snapshot);
    assert_true(json_is_null(json_object_get(accesses, "access_locality")));
    json_decref(accesses);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_of_the_time_that_windows_stand_for),
        cmocka_unit_test(what_is_not_measured_says_why),
        cmocka_unit_test(sums_that_contradict_each_other_are_no_measurement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
