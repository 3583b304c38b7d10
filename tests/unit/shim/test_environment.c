#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "shim/base/environment.h"

static struct environment read_of(const char *const *entries)
{
    char **saved = environ;
    struct environment environment;
    environ = (char **)(uintptr_t)entries;
    environment_read(&environment);
    environ = saved;
    return environment;
}

static void each_variable_has_its_field(void **state)
{
    const char *const entries[] = {
        "NODEWISE_PLAN=/p",     "NODEWISE_POLICY=q",     "NODEWISE_DISABLE=1", "NODEWISE_REPORT=/r", "HOME=/h",
        "NODEWISE_ANCESTOR=12", "XDG_CONFIG_HOME=/h/.c", "NODEWISE_INDEX=3",   "PATH=/bin",          NULL};
    struct environment got = read_of(entries);
    (void)state;
    assert_string_equal(got.plan, "/p");
    assert_string_equal(got.policy, "q");
    assert_string_equal(got.disable, "1");
    assert_string_equal(got.report, "/r");
    assert_string_equal(got.ancestor, "12");
    assert_string_equal(got.index, "3");
    assert_string_equal(got.home, "/h");
    assert_string_equal(got.xdg_config_home, "/h/.c");
    assert_false(got.has_keys);
}

static void an_empty_variable_is_an_absent_one(void **state)
{
    const char *const entries[] = {"NODEWISE_PLAN=", "HOME=", NULL};
    struct environment got = read_of(entries);
    (void)state;
    assert_null(got.plan);
    assert_null(got.home);
}

static void a_name_that_only_begins_alike_is_another(void **state)
{
    const char *const entries[] = {"NODEWISE_PLANS=/p", "NODEWISE_PLAN_X=/p", "NODEWISE_PLAN", "HOMEX=/h", NULL};
    struct environment got = read_of(entries);
    (void)state;
    assert_null(got.plan);
    assert_null(got.home);
}

static void keys_of_the_policy_are_those_with_levels(void **state)
{
    static const struct {
        const char *entry;
        bool is_key;
    } cases[] = {
        {"NODEWISE_DEFAULTS__BIND_TO=cpu", true},
        {"NODEWISE_RULES__IO__NODES=1", true},
        {"NODEWISE_SCHEMA=1", false},
        {"NODEWISE_PLAN=/a__b", false},
        {"NODEWISE_X=a__b=c", false},
        {"NODEWISE_A__B", false},
        {"OTHER__KEY=1", false},
        {"NO__KEY=1", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *const entries[] = {cases[i].entry, NULL};
        if (read_of(entries).has_keys != cases[i].is_key)
            fail_msg("%s", cases[i].entry);
    }
}

static void an_environment_that_was_taken_away_is_empty(void **state)
{
    (void)state;
    assert_null(read_of(NULL).plan);
}

static void one_variable_is_found_by_its_name(void **state)
{
    static const char *const entries[] = {"AB=1", "A=2", "A=3", NULL};
    char **saved = environ;
    (void)state;
    environ = (char **)(uintptr_t)entries;
    const char *first = environment_get("A"), *none = environment_get("B");
    environ = saved;
    assert_string_equal(first, "2");
    assert_null(none);
}

/* The array itself changes: main's third argument is the same one. */
static void what_is_cleaned_keeps_everything_else_in_order(void **state)
{
    char names[][24] = {"NODEWISE_PLAN=/p", "A=1",          "NODEWISE_",   "NODEWISE_X__Y=2",
                        "NODEWISE=3",       "xNODEWISE_=4", "NODEWISE_LOG"};
    char *entries[] = {names[0], names[1], names[2], names[3], names[4], names[5], names[6], NULL};
    char **saved = environ, *none[] = {NULL};
    (void)state;
    environ = entries;
    environment_clean();
    assert_ptr_equal(environ, entries);
    environ = none;
    environment_clean();
    environ = NULL;
    environment_clean();
    environ = saved;
    assert_string_equal(entries[0], "A=1");
    assert_string_equal(entries[1], "NODEWISE=3");
    assert_string_equal(entries[2], "xNODEWISE_=4");
    assert_null(entries[3]);
}

static void what_is_added_comes_last(void **state)
{
    char texts[][4] = {"A=1", "B=2"};
    char *entries[] = {texts[0], texts[1], NULL};
    char **saved = environ, *room[8];
    (void)state;
    environ = entries;
    assert_int_equal(environment_room("C", 3), 4 * sizeof(char *) + 5);
    char *value = environment_add("C", room);
    memcpy(value, "cc", 3);
    assert_string_equal(environ[0], "A=1");
    assert_string_equal(environ[1], "B=2");
    assert_string_equal(environ[2], "C=cc");
    assert_null(environ[3]);
    memcpy(value, "dd", 3);
    assert_string_equal(getenv("C"), "dd");
    assert_int_equal(setenv("E", "5", 1), 0); /* libc copies the entries */
    assert_string_equal(getenv("C"), "dd");
    assert_null(entries[2]);
    environ = saved;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_variable_has_its_field),
        cmocka_unit_test(an_empty_variable_is_an_absent_one),
        cmocka_unit_test(a_name_that_only_begins_alike_is_another),
        cmocka_unit_test(keys_of_the_policy_are_those_with_levels),
        cmocka_unit_test(an_environment_that_was_taken_away_is_empty),
        cmocka_unit_test(one_variable_is_found_by_its_name),
        cmocka_unit_test(what_is_added_comes_last),
        cmocka_unit_test(what_is_cleaned_keeps_everything_else_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
