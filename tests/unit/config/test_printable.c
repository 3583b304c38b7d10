#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/json_text.h"
#include "config/printable.h"

static const struct {
    const char *text, *shown;
} cases[] = {
    {"", ""},
    {"plain \\ \"text\"", "plain \\ \"text\""},
    {"a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
    {"\033]0;title\a", "\\x1b]0;title\\x07"},
    {"two\nlines\r\tand\x7f", "two\\x0alines\\x0d\\x09and\\x7f"},
    {"\xc2\x9b"
     "31m",
     "\\u009b31m"}, /* C1 as a character */
    {"\x9b"
     "31m",
     "\\x9b31m"}, /* and as a byte */
    {"\xe2\x80\xaeltr\xe2\x81\xa6", "\\u202eltr\\u2066"},
    {"\xd8\x9c\xe2\x80\x8e\xe2\x80\x8f", "\\u061c\\u200e\\u200f"},
    {"\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029"},
    {"\xff\xfe", "\\xff\\xfe"},
    {"cut\xe2\x82", "cut\\xe2\\x82"},
    {"\xc0\xaf", "\\xc0\\xaf"},          /* longer than it needs to be */
    {"\xed\xa0\x80", "\\xed\\xa0\\x80"}, /* half of a pair of UTF-16 */
    {"\xf3\xa0\x80\x81", "\\ue0001"},    /* a tag */
};

static void what_steers_a_terminal_is_spelt_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *copy = printable_copy(cases[i].text), *written = NULL;
        size_t size;
        FILE *to = open_memstream(&written, &size);
        assert_non_null(to);
        printable_write(to, cases[i].text, strlen(cases[i].text));
        assert_int_equal(fclose(to), 0);
        assert_string_equal(copy, cases[i].shown);
        assert_string_equal(written, cases[i].shown);
        assert_string_equal(printable(cases[i].text), cases[i].shown);
        free(copy);
        free(written);
    }
}

static void a_text_of_that_length_may_hold_a_null(void **state)
{
    (void)state;
    char form[PRINTABLE_FORM];
    bool as_is;
    assert_int_equal(printable_next("", 1, form, &as_is), 1);
    assert_string_equal(form, "\\x00");
    assert_int_equal(printable_next("\xe2\x82\xac", 2, form, &as_is), 1); /* the rest is not its own */
    assert_false(as_is);
}

static void json_is_written_in_printable_characters_and_reads_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *written = NULL;
        size_t size;
        json_t *document = json_pack("[o]", json_any_text(cases[i].text));
        FILE *to = open_memstream(&written, &size);
        assert_non_null(to);
        assert_int_equal(json_write(to, document, 0), 0);
        assert_int_equal(fclose(to), 0);
        json_t *again = json_loads(written, 0, NULL);
        assert_true(json_equal(document, again));
        for (const char *c = written; *c; c++)
            assert_false(((unsigned char)*c < 0x20 && *c != '\n') || *c == 0x7f);
        assert_null(strstr(written, "\xe2\x80\xae"));
        assert_null(strstr(written, "\xc2\x9b"));
        json_decref(document);
        json_decref(again);
        free(written);
    }
}

static void wide_letters_are_not_cut_in_two(void **state)
{
    size_t columns;
    (void)state;
    assert_int_equal(printable_fit("書込", strlen("書込"), 3, &columns), 3);
    assert_int_equal(columns, 2);
    assert_int_equal(printable_fit("書込", strlen("書込"), 4, &columns), 6);
    assert_int_equal(columns, 4);
    assert_int_equal(printable_fit("ab", strlen("ab"), 9, &columns), 2);
    assert_int_equal(columns, 2);
    assert_int_equal(printable_fit("ab", strlen("ab"), 0, &columns), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wide_letters_are_not_cut_in_two),
        cmocka_unit_test(what_steers_a_terminal_is_spelt_out),
        cmocka_unit_test(a_text_of_that_length_may_hold_a_null),
        cmocka_unit_test(json_is_written_in_printable_characters_and_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
