#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tools/common/verb_options.h"
#include "tools/verbs/verb_table.h"

static const struct {
    const char *help;
    struct verb_option option;
} lines[] = {
    {"  -p, --policy FILE   the policy\n", {'p', "policy", "FILE", "the policy"}},
    {"  --json              JSON instead of text\n", {0, "json", "", "JSON instead of text"}},
    {"  -o, --output FILE   where to\n                      write it\n", {'o', "output", "FILE", "where to write it"}},
    {"  --require-locality N  wait for it\n", {0, "require-locality", "N", "wait for it"}},
    {"  --fail-on NAME:CHANGE  end with 1\n", {0, "fail-on", "NAME:CHANGE", "end with 1"}},
    {"  PID                 these alone\n", {0, "", "PID", "these alone"}},
    {"  A, B                before and after\n", {0, "", "A, B", "before and after"}},
    {"  -x                  a letter alone\n", {'x', "", "", "a letter alone"}},
};

static void a_line_of_the_help_is_an_option(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        struct verb_option options[VERB_OPTIONS_MOST];
        assert_int_equal(verb_options(lines[i].help, options), 1);
        assert_int_equal(options[0].letter, lines[i].option.letter);
        assert_string_equal(options[0].name, lines[i].option.name);
        assert_string_equal(options[0].argument, lines[i].option.argument);
        assert_string_equal(options[0].text, lines[i].option.text);
    }
}

static void lines_about_no_option_are_left_out(void **state)
{
    (void)state;
    struct verb_option options[VERB_OPTIONS_MOST];
    assert_int_equal(verb_options("", options), 0);
    assert_int_equal(verb_options("Ends with 1 when something fails.\n", options), 0);
    assert_int_equal(verb_options("  --one               a\nSaid in between.\n  --two               b", options), 2);
    assert_string_equal(options[0].text, "a");
    assert_string_equal(options[1].name, "two");
    assert_string_equal(options[1].text, "b");
}

static void more_options_than_there_is_room_for_are_dropped(void **state)
{
    (void)state;
    static const char line[] = "  --a  b\n";
    char help[(VERB_OPTIONS_MOST + 5) * (sizeof(line) - 1) + 1] = "";
    struct verb_option options[VERB_OPTIONS_MOST];
    for (unsigned i = 0; i < VERB_OPTIONS_MOST + 5; i++)
        strcat(help, line);
    assert_int_equal(verb_options(help, options), VERB_OPTIONS_MOST);
}

/* What a usage names is explained: an option of a synopsis that the help does not know would be of no use. */
static void every_option_of_a_synopsis_is_in_the_help(void **state)
{
    (void)state;
    for (size_t i = 0; i < verb_count; i++) {
        struct verb_option options[VERB_OPTIONS_MOST];
        size_t count = verb_options(verbs[i].help, options);
        for (const char *at = strstr(verbs[i].usage, "--"); at; at = strstr(at + 2, "--")) {
            char name[32];
            size_t length = strspn(at + 2, "abcdefghijklmnopqrstuvwxyz0123456789-");
            bool known = length == 0;
            snprintf(name, sizeof(name), "%.*s", (int)length, at + 2);
            for (size_t k = 0; k < count; k++)
                known = known || strcmp(options[k].name, name) == 0;
            if (!known && strcmp(verbs[i].name, "config") != 0) /* "show --origin" is a line of its own there */
                fail_msg("%s: --%s", verbs[i].name, name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_of_the_help_is_an_option),
        cmocka_unit_test(lines_about_no_option_are_left_out),
        cmocka_unit_test(more_options_than_there_is_room_for_are_dropped),
        cmocka_unit_test(every_option_of_a_synopsis_is_in_the_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
