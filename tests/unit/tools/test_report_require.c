#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/common/json_fields.h"
#include "tools/report/report_require.h"
#include "tools/report/report_upgrade.h"
#include "tools/report/report_verdict.h"

static json_t *parsed(const char *text)
{
    json_error_t error;
    json_t *report = json_loads(text, 0, &error);
    if (!report)
        fail_msg("%s", error.text);
    return report;
}

#define MEASURED(share, samples)                                                                                              \
    "{\"arenas\": {\"alloc_locality\": 1.0}, \"pages\": {\"home_locality\": 1.0}, \"accesses\": {\"access_locality\": " share \
    ", \"samples\": " samples ", \"low\": 0.1, \"high\": 0.9, \"reason\": \"\"}}"

static const struct {
    const char *report;
    enum required expected;
    const char *word;
} cases[] = {
    {MEASURED("0.25", "4000"), REQUIRED_MISSED, "access_locality is 25.0 %, required are 95.0 %"},
    {MEASURED("0.08", "4000"), REQUIRED_MISSED, "4000 samples"},
    {MEASURED("0.9499", "100"), REQUIRED_MISSED, "95.0 %"},
    {MEASURED("0.95", "100"), REQUIRED_HELD, ""},
    {MEASURED("1.0", "99"), REQUIRED_NOT_MEASURED, "99 samples are too few"},
    {"{\"accesses\": {\"access_locality\": null, \"reason\": \"it was too short\"}}", REQUIRED_NOT_MEASURED,
     "not measured, required are 95.0 %: it was too short"},
    {"{\"accesses\": {\"access_locality\": 1.0, \"samples\": 0, \"reason\": \"one node\"}}", REQUIRED_HELD, "one node"},
    {"{}", REQUIRED_NOT_MEASURED, "nothing was sampled"},
};

static void a_requirement_goes_by_the_accesses_that_were_measured(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[512];
        json_t *report = parsed(cases[i].report);
        report_judge(report);
        assert_int_equal(report_require(report, 95, text, sizeof(text)), cases[i].expected);
        if (!strstr(text, cases[i].word) || (*cases[i].word == '\0') != (*text == '\0'))
            fail_msg("%zu: %s", i, text);
        json_decref(report);
    }
}

static void a_report_of_the_version_before_is_read_with_its_names(void **state)
{
    (void)state;
    json_t *report =
        parsed("{\"nodewise_report\": 2, \"arenas\": {\"alloc_locality\": 0.5}, \"pages\": {\"page_locality\": "
               "0.75, \"threads\": [{\"page_locality\": 1.0}]}, \"localities\": {\"page_locality\": 0.75}}");
    assert_true(report_upgrade(report));
    assert_true(locality_of(report, "alloc_locality") == 0.5);
    assert_true(locality_of(report, "home_locality") == 0.75);
    assert_true(locality_of(report, "access_locality") < 0);
    const json_t *thread = json_array_get(json_object_get(json_object_get(report, "pages"), "threads"), 0);
    assert_non_null(json_object_get(thread, "home_locality"));
    assert_null(json_object_get(thread, "page_locality"));
    json_decref(report);
    report = parsed("{\"nodewise_report\": 1}");
    assert_false(report_upgrade(report));
    json_decref(report);
    report = parsed("{\"nodewise_report\": 3, \"own\": {\"page_locality\": 1}}");
    assert_true(report_upgrade(report));
    assert_non_null(json_object_get(json_object_get(report, "own"), "page_locality"));
    json_decref(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_requirement_goes_by_the_accesses_that_were_measured),
        cmocka_unit_test(a_report_of_the_version_before_is_read_with_its_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
