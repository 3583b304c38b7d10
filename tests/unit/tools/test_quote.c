#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tools/common/quote.h"

static void check(char *(*quote)(const char *), const char *text, const char *expected)
{
    char *quoted = quote(text);
    assert_non_null(quoted);
    assert_string_equal(quoted, expected);
    free(quoted);
}

static void a_word_of_the_shell_is_quoted_where_it_must_be(void **state)
{
    (void)state;
    check(quote_shell, "/usr/lib/a-b_c.so", "/usr/lib/a-b_c.so");
    check(quote_shell, "/usr/$LIB/a", "'/usr/$LIB/a'");
    check(quote_shell, "it's", "'it'\\''s'");
    check(quote_shell, "", "''");
    check(quote_shell, "~", "'~'");
}

static void a_value_of_a_unit_has_its_specifiers_doubled(void **state)
{
    (void)state;
    check(quote_systemd, "/usr/$LIB/100%/\"a\"\\n", "/usr/$LIB/100%%/\\\"a\\\"\\\\n");
}

static void a_string_of_yaml_ends_where_it_should(void **state)
{
    (void)state;
    check(quote_yaml, "{a: \"b\\c\"} # d", "{a: \\\"b\\\\c\\\"} # d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_of_the_shell_is_quoted_where_it_must_be),
        cmocka_unit_test(a_value_of_a_unit_has_its_specifiers_doubled),
        cmocka_unit_test(a_string_of_yaml_ends_where_it_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
