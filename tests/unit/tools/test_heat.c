#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/measure/heat.h"

#define TWO_NODES "\"nodes\": [{\"id\": 0}, {\"id\": 5}]"

static json_t *parsed(const char *text)
{
    json_t *document = json_loads(text, 0, NULL);
    assert_non_null(document);
    return document;
}

static void words_and_marks_of_a_heat_map(void **state)
{
    json_t *document = parsed("{" TWO_NODES ", \"latency\": {\"pairs\": ["
                              "{\"from\": 0, \"to\": 0, \"median\": 80.0, \"spread\": 1.0},"
                              "{\"from\": 0, \"to\": 5, \"median\": 160.0, \"spread\": 3.0},"
                              "{\"from\": 5, \"to\": 0, \"median\": 119.0, \"spread\": 3.0},"
                              "{\"from\": 5, \"to\": 5, \"reason\": \"has no memory\"}]}}");
    struct heat heat;
    char word[HEAT_WORD];
    (void)state;
    assert_int_equal(heat_make(&heat, document, HEAT_LATENCY), 0);
    assert_int_equal(heat_mark(heat_level(&heat, &heat.values[0])), '.');
    assert_int_equal(heat_mark(heat_level(&heat, &heat.values[1])), '#');
    assert_int_equal(heat_mark(heat_level(&heat, &heat.values[2])), '-');
    assert_int_equal(heat_mark(heat_level(&heat, &heat.values[3])), ' ');
    heat_word(&heat, &heat.values[1], word);
    assert_string_equal(word, "160.0±1.5");
    heat_word(&heat, &heat.values[3], word);
    assert_string_equal(word, "-");
    assert_string_equal(heat.values[3].reason, "has no memory");
    heat_free(&heat);
    json_decref(document);
}

static void less_bandwidth_is_worse(void **state)
{
    json_t *document = parsed("{" TWO_NODES ", \"bandwidth\": {\"pairs\": ["
                              "{\"from\": 0, \"to\": 0, \"median\": 4e10, \"spread\": 1e9},"
                              "{\"from\": 0, \"to\": 5, \"median\": 1e10, \"spread\": 0}]}}");
    struct heat heat;
    char word[HEAT_WORD];
    (void)state;
    assert_int_equal(heat_make(&heat, document, HEAT_BANDWIDTH), 0);
    assert_int_equal(heat_level(&heat, &heat.values[0]), 0);
    assert_int_equal(heat_level(&heat, &heat.values[1]), HEAT_LEVELS - 1);
    heat_word(&heat, &heat.values[0], word);
    assert_string_equal(word, "40.0±0.5");
    heat_free(&heat);
    json_decref(document);
}

/* Noise has no colours. */
static void alike_values_are_all_the_best(void **state)
{
    json_t *document =
        parsed("{" TWO_NODES ", \"latency\": {\"pairs\": ["
               "{\"from\": 0, \"to\": 0, \"median\": 100.0}, {\"from\": 0, \"to\": 5, \"median\": 103.0}]}}");
    struct heat heat;
    (void)state;
    assert_int_equal(heat_make(&heat, document, HEAT_LATENCY), 0);
    assert_int_equal(heat_level(&heat, &heat.values[1]), 0);
    heat_free(&heat);
    json_decref(document);
}

static void odd_documents_have_no_values(void **state)
{
    static const char *const odd[] = {
        "{" TWO_NODES "}",
        "{" TWO_NODES ", \"latency\": 3}",
        "{" TWO_NODES ", \"latency\": {\"pairs\": [1, null, {}, [], {\"from\": 0}]}}",
        "{" TWO_NODES ", \"latency\": {\"pairs\": [{\"from\": 0, \"to\": 7, \"median\": 1.0}]}}",
        "{" TWO_NODES ", \"latency\": {\"pairs\": [{\"from\": \"0\", \"to\": 0, \"median\": 1.0}]}}",
        "{" TWO_NODES ", \"latency\": {\"pairs\": [{\"from\": 0, \"to\": 0, \"median\": -1.0}]}}",
        "{" TWO_NODES ", \"latency\": {\"pairs\": [{\"from\": 0, \"to\": 0, \"median\": 1e300, \"reason\": 4}]}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
        json_t *document = parsed(odd[i]);
        struct heat heat;
        assert_int_equal(heat_make(&heat, document, HEAT_LATENCY), 0);
        for (size_t k = 0; k < 4; k++)
            assert_int_equal(heat_level(&heat, &heat.values[k]), HEAT_LEVEL_NONE);
        heat_free(&heat);
        json_decref(document);
    }
}

static void a_document_without_nodes_is_none(void **state)
{
    static const char *const none[] = {"{}", "{\"nodes\": 4}", "{\"nodes\": []}", "[]"};
    (void)state;
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
        json_t *document = parsed(none[i]);
        struct heat heat;
        assert_int_equal(heat_make(&heat, document, HEAT_LATENCY), -ENODATA);
        json_decref(document);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_marks_of_a_heat_map),    cmocka_unit_test(less_bandwidth_is_worse),
        cmocka_unit_test(alike_values_are_all_the_best),    cmocka_unit_test(odd_documents_have_no_values),
        cmocka_unit_test(a_document_without_nodes_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
