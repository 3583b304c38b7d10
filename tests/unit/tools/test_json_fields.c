#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/common/json_fields.h"

static json_t *parsed(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);
    assert_non_null(value);
    return value;
}

static void a_field_of_another_type_counts_as_missing(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "{}", "{\"a\": null}", "{\"a\": {}}", "{\"a\": [1]}", "{\"b\": 1, \"A\": true}", "[]",
    };
    for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
        json_t *document = parsed(documents[i]);
        assert_string_equal(text_of(document, "a"), "");
        assert_int_equal(number_of(document, "a"), 0);
        assert_false(truth_of(document, "a"));
        json_decref(document);
    }
    assert_string_equal(text_of(NULL, "a"), "");
}

static void fields_have_their_values(void **state)
{
    (void)state;
    json_t *document =
        parsed("{\"text\": \"x\", \"number\": -12345678901, \"real\": 2.5, \"yes\": true, \"no\": false}");
    assert_string_equal(text_of(document, "text"), "x");
    assert_int_equal(number_of(document, "text"), 0);
    assert_true(number_of(document, "number") == -12345678901);
    assert_string_equal(text_of(document, "number"), "");
    assert_int_equal(number_of(document, "real"), 0);
    assert_true(truth_of(document, "yes"));
    assert_false(truth_of(document, "no"));
    json_decref(document);
}

static void a_locality_that_is_not_known_is_below_zero(void **state)
{
    (void)state;
    json_t *report =
        parsed("{\"localities\": {\"alloc_locality\": 0.5, \"home_locality\": null, \"access_locality\": 1}}");
    assert_true(locality_of(report, "alloc_locality") == 0.5);
    assert_true(locality_of(report, "access_locality") == 1);
    assert_true(locality_of(report, "home_locality") < 0);
    assert_true(locality_of(report, "another") < 0);
    json_decref(report);
    report = parsed("{}");
    assert_true(locality_of(report, "alloc_locality") < 0);
    assert_string_equal(verdict_word(report), "");
    assert_string_equal(verdict_text(report), "");
    json_decref(report);
}

static void the_verdicts_word_and_text_are_apart(void **state)
{
    (void)state;
    json_t *report = parsed("{\"verdict\": {\"word\": \"partly\", \"text\": \"7 of 8\"}, \"word\": \"no\"}");
    assert_string_equal(verdict_word(report), "partly");
    assert_string_equal(verdict_text(report), "7 of 8");
    json_decref(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_of_another_type_counts_as_missing),
        cmocka_unit_test(fields_have_their_values),
        cmocka_unit_test(a_locality_that_is_not_known_is_below_zero),
        cmocka_unit_test(the_verdicts_word_and_text_are_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
