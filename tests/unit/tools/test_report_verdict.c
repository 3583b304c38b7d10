#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/common/json_fields.h"
#include "tools/report/report_measures.h"
#include "tools/report/report_verdict.h"

static json_t *judged(const char *text)
{
    json_error_t error;
    json_t *report = json_loads(text, 0, &error);
    if (!report)
        fail_msg("%s", error.text);
    report_judge(report);
    return report;
}

#define RULE(name, full, preferred, cpu_only, memory_only, none)                                                       \
    "{\"name\": \"" name "\", \"placed\": 5, \"steps\": {\"full\": " full ", \"preferred\": " preferred                \
    ", \"cpu_only\": " cpu_only ", \"memory_only\": " memory_only ", \"none\": " none "}}"

static const struct {
    const char *rules, *word, *text;
} verdicts[] = {
    {"[]", "nothing_asked", "no thread was asked to be anywhere"},
    {"[" RULE("(base)", "5", "0", "0", "0", "0") "]", "nothing_asked", "no thread was asked to be anywhere"},
    {"[" RULE("io", "3", "0", "0", "0", "0") "]", "as_asked", "3 of 3 placements are as asked, 0 nearly, 0 not"},
    {"[" RULE("io", "3", "1", "0", "0", "0") "]", "partly", "3 of 4 placements are as asked, 1 nearly, 0 not"},
    {"[" RULE("io", "3", "1", "1", "0", "0") "]", "not", "3 of 5 placements are as asked, 1 nearly, 1 not"},
    {"[" RULE("io", "0", "0", "0", "1", "0") "]", "not", "0 of 1 placements are as asked, 0 nearly, 1 not"},
    {"[" RULE("a", "1", "0", "0", "0", "0") ", " RULE("b", "0", "0", "0", "0", "2") "]", "not",
     "1 of 3 placements are as asked, 0 nearly, 2 not"},
};

static void the_worst_step_is_the_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++) {
        char text[1024];
        snprintf(text, sizeof(text), "{\"rules\": %s}", verdicts[i].rules);
        json_t *report = judged(text);
        assert_string_equal(verdict_word(report), verdicts[i].word);
        assert_string_equal(verdict_text(report), verdicts[i].text);
        json_decref(report);
    }
}

/* A thread that was placed at its birth and again with its name is one thread, and has what it has last. */
static void a_verdict_counts_each_thread_once(void **state)
{
    json_t *report = judged("{\"rules\": [" RULE(
        "io", "3", "3", "0", "0",
        "0") "], \"process\": {\"threads_started\": 9}, "
             "\"threads\": [{\"rule\": \"io\", \"step\": \"full\"}, {\"rule\": \"io\", \"step\": \"preferred\"}, "
             "{\"rule\": \"(base)\", \"step\": \"full\"}, {\"rule\": \"io\", \"step\": \"not_asked\"}]}");
    (void)state;
    assert_string_equal(verdict_word(report), "partly");
    assert_string_equal(verdict_text(report),
                        "1 of 2 threads are as asked, 1 nearly, 0 not; 5 that have ended are no longer listed");
    json_decref(report);
}

/* Does the report say to change that key of that rule? */
static bool hints_at(const json_t *report, const char *rule, const char *key)
{
    size_t index;
    json_t *hint;
    json_array_foreach(json_object_get(report, "hints"), index, hint) {
        if (strcmp(text_of(hint, "key"), key) == 0 && strcmp(text_of(hint, "rule"), rule) == 0)
            return true;
    }
    return false;
}

static const struct {
    const char *report, *rule, *key;
} hints[] = {
    {"{\"threads\": [{\"rule\": \"io\", \"reason\": \"no-free-slot\"}]}", "io", "exclusive"},
    {"{\"threads\": [{\"rule\": \"io\", \"memory_reason\": \"not-bound\"}]}", "io", "memory.nodes"},
    {"{\"threads\": [{\"rule\": \"io\", \"stack_reason\": \"not-moved\"}]}", "io", "memory.stack"},
    {"{\"process\": {\"following\": {\"reason\": \"no-sampling\"}}}", "", "memory.next_touch"},
    {"{\"process\": {\"following\": {\"not_moved\": {\"node_full\": 1}}}}", "", "memory.nodes"},
    {"{\"process\": {\"following\": {\"not_moved\": {\"refused\": 1}}}}", "", "memory.next_touch"},
    {"{\"process\": {\"following\": {\"not_moved\": {\"shared\": 1}}}}", "", "memory.regions"},
    {"{\"arenas\": {\"alloc_locality\": 0.89}}", "", "memory.arena"},
    {"{\"pages\": {\"home_locality\": 0.89}}", "", "memory.migrate_on_move"},
    {"{\"accesses\": {\"access_locality\": 0.89}, \"pages\": {\"home_locality\": 0.5}}", "", "distribution"},
    {"{\"accesses\": {\"access_locality\": 0.5, \"balance\": 0.8}, \"machine\": {\"nodes\": [0, 1]}}", "",
     "memory.policy"},
    {"{\"arenas\": {\"rules\": [{\"rule\": \"io\", \"overflows\": 1}]}}", "io", "memory.policy"},
    {"{\"rules\": [{\"name\": \"io\"}, {\"name\": \"(base)\", \"placed\": 2}]}", "(base)", "defaults"},
};

static void a_hint_names_the_key_to_change(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++) {
        json_t *report = judged(hints[i].report);
        if (!hints_at(report, hints[i].rule, hints[i].key))
            fail_msg("no hint: %s", hints[i].report);
        assert_int_equal(json_array_size(json_object_get(report, "hints")), 1);
        json_decref(report);
    }
}

static void nothing_is_said_where_all_is_well(void **state)
{
    (void)state;
    json_t *report = judged("{\"threads\": [{\"rule\": \"io\", \"reason\": \"ok\", \"memory_reason\": \"not-asked\"}],"
                            "\"arenas\": {\"alloc_locality\": 0.9, \"rules\": [{\"rule\": \"io\", \"overflows\": 0}]},"
                            "\"pages\": {\"home_locality\": null},"
                            "\"accesses\": {\"access_locality\": 0.9, \"balance\": 1.0},"
                            "\"rules\": [{\"name\": \"io\"}, {\"name\": \"(base)\", \"placed\": 1}]}");
    assert_int_equal(json_array_size(json_object_get(report, "hints")), 0);
    json_decref(report);
}

static void a_hint_is_given_once_for_a_rule(void **state)
{
    (void)state;
    json_t *report = judged("{\"threads\": [{\"rule\": \"a\", \"reason\": \"eperm\"}, {\"rule\": \"a\", \"reason\": "
                            "\"eperm\"}, {\"rule\": \"b\", \"reason\": \"eperm\"}]}");
    assert_int_equal(json_array_size(json_object_get(report, "hints")), 2);
    report_judge(report); /* and anew, not in addition */
    assert_int_equal(json_array_size(json_object_get(report, "hints")), 2);
    json_decref(report);
}

static const struct measure *measured(const json_t *report, const char *name, struct measure measures[MEASURES])
{
    report_measure(report, measures);
    for (size_t i = 0; i < MEASURES; i++)
        if (strcmp(measures[i].name, name) == 0)
            return &measures[i];
    fail_msg("no measure %s", name);
    return NULL;
}

static void measures_are_what_the_report_says(void **state)
{
    (void)state;
    struct measure m[MEASURES];
    json_t *report =
        judged("{\"process\": {\"threads_started\": 7, \"kernel_refusals\": 2, \"following\": {\"bytes_moved\": 11, "
               "\"bytes_not_moved\": 13}}, \"rules\": [" RULE("io", "3", "1", "0", "0", "0") ", " RULE(
                   "(base)", "0", "0", "0", "0",
                   "0") "], \"accesses\": {\"access_locality\": 0.5, \"balance\": 0.75}, "
                        "\"arenas\": {\"alloc_locality\": 0.25, \"rules\": ["
                        "{\"allocations\": 1, \"bytes\": 10, \"remote_frees\": 3, \"overflows\": 5},"
                        "{\"allocations\": 2, \"bytes\": 20, \"remote_frees\": 4, \"overflows\": 6}]}}");
    static const struct {
        const char *name;
        double value;
        bool is_ratio;
    } expected[] = {{"alloc_locality", 0.25, true}, {"access_locality", 0.5, true}, {"balance", 0.75, true},
                    {"as_asked", 0.75, true},       {"threads_started", 7, false},  {"without_rule", 5, false},
                    {"kernel_refusals", 2, false},  {"allocations", 3, false},      {"allocated_bytes", 30, false},
                    {"remote_frees", 7, false},     {"overflows", 11, false},       {"bytes_moved", 11, false},
                    {"bytes_not_moved", 13, false}};
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        const struct measure *one = measured(report, expected[i].name, m);
        assert_true(one->known);
        assert_int_equal(one->is_ratio, expected[i].is_ratio);
        assert_true(one->value == expected[i].value);
    }
    assert_false(measured(report, "home_locality", m)->known);
    json_decref(report);
    report = judged("{}");
    assert_false(measured(report, "as_asked", m)->known);
    assert_true(measured(report, "overflows", m)->known);
    json_decref(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worst_step_is_the_word),      cmocka_unit_test(a_verdict_counts_each_thread_once),
        cmocka_unit_test(a_hint_names_the_key_to_change),  cmocka_unit_test(nothing_is_said_where_all_is_well),
        cmocka_unit_test(a_hint_is_given_once_for_a_rule), cmocka_unit_test(measures_are_what_the_report_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
