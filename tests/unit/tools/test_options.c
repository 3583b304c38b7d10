#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tools/common/cli.h"
#include "tools/prepare/options.h"

static void the_common_options_fill_the_request(void **state)
{
    (void)state;
    struct policy_options options = {0};
    bool json = false;
    optarg = (char[]){"a.toml"};
    assert_true(take_policy_option(&options, 'p', &json));
    optarg = (char[]){"pack:2"};
    assert_true(take_policy_option(&options, OPTION_TOPOLOGY, &json));
    static char first[] = "defaults.bind_to=core", second[] = "defaults.level=l3";
    optarg = first;
    assert_true(take_policy_option(&options, OPTION_SET, &json));
    optarg = second;
    assert_true(take_policy_option(&options, OPTION_SET, &json));
    assert_false(json);
    assert_true(take_policy_option(&options, OPTION_JSON, &json));
    assert_true(json);
    assert_string_equal(options.file, "a.toml");
    assert_string_equal(options.topology, "pack:2");
    assert_int_equal(options.set_count, 2);
    assert_string_equal(options.sets[0], first);
    assert_string_equal(options.sets[1], second);
    policy_options_free(&options);
    assert_int_equal(options.set_count, 0);
    assert_null(options.sets);
}

static void what_is_said_on_one_line_is_a_setting(void **state)
{
    (void)state;
    static const struct {
        int option;
        const char *value, *setting;
    } cases[] = {
        {'C', "0-3", "defaults.cpus=0-3"},
        {'N', "1", "defaults.nodes=1"},
        {OPTION_BIND, "core", "defaults.bind_to=core"},
        {OPTION_SPREAD, "scatter", "defaults.distribution=scatter"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct policy_options options = {0};
        char value[16];
        snprintf(value, sizeof(value), "%s", cases[i].value);
        optarg = value;
        assert_true(take_policy_option(&options, cases[i].option, NULL));
        assert_int_equal(options.set_count, 1);
        assert_string_equal(options.sets[0], cases[i].setting);
        policy_options_free(&options);
    }
}

static void memory_on_one_line_is_two_settings(void **state)
{
    (void)state;
    struct policy_options options = {0};
    static char nodes[] = "1", policy[] = "interleave", both[] = "preferred:1";
    optarg = nodes;
    assert_true(take_policy_option(&options, 'm', NULL));
    optarg = policy;
    assert_true(take_policy_option(&options, 'm', NULL));
    optarg = both;
    assert_true(take_policy_option(&options, 'm', NULL));
    static const char *const wanted[] = {"defaults.memory.policy=bind", "defaults.memory.nodes=1",
                                         "defaults.memory.policy=interleave", "defaults.memory.policy=preferred",
                                         "defaults.memory.nodes=1"};
    assert_int_equal(options.set_count, sizeof(wanted) / sizeof(*wanted));
    for (size_t i = 0; i < options.set_count; i++)
        assert_string_equal(options.sets[i], wanted[i]);
    policy_options_free(&options);
}

static void json_is_no_option_of_a_verb_without_it(void **state)
{
    (void)state;
    struct policy_options options = {0};
    assert_false(take_policy_option(&options, OPTION_JSON, NULL));
    assert_false(take_policy_option(&options, 'x', NULL));
    assert_false(take_policy_option(&options, OPTION_VERB, NULL));
}

static int only_json(const char *const *words, bool *ret_json)
{
    int count = 0;
    while (words[count])
        count++;
    optind = 0; /* getopt_long(3): begin anew */
    opterr = 0;
    *ret_json = false;
    return take_only_json("show", count, (char **)(uintptr_t)words, ret_json); /* getopt reorders them, and no text */
}

static void another_option_than_json_is_refused(void **state)
{
    (void)state;
    bool json;
    assert_int_equal(only_json((const char *[]){"show", "4711", NULL}, &json), EXIT_OK);
    assert_false(json);
    assert_int_equal(only_json((const char *[]){"show", "4711", "--json", NULL}, &json), EXIT_OK);
    assert_true(json);
    assert_int_equal(only_json((const char *[]){"show", "--jsno", "4711", NULL}, &json), EXIT_BAD_INPUT);
    assert_int_equal(only_json((const char *[]){"show", "-p", NULL}, &json), EXIT_BAD_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_common_options_fill_the_request), cmocka_unit_test(what_is_said_on_one_line_is_a_setting),
        cmocka_unit_test(memory_on_one_line_is_two_settings),  cmocka_unit_test(json_is_no_option_of_a_verb_without_it),
        cmocka_unit_test(another_option_than_json_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
