#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shim/base/text_writer.h"

static void numbers_are_decimal_with_zeros_in_front(void **state)
{
    static const struct {
        uint64_t number;
        unsigned digits;
        const char *text;
    } cases[] = {{0, 0, "0"}, {7, 0, "7"}, {7, 3, "007"}, {1234, 3, "1234"}, {UINT64_MAX, 0, "18446744073709551615"}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[32] = "";
        struct text_writer writer = {text, sizeof(text), 0};
        write_number(&writer, cases[i].number, cases[i].digits);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(writer.length, strlen(text));
    }
}

static void texts_follow_each_other(void **state)
{
    char text[32];
    struct text_writer writer = {text, sizeof(text), 0};
    (void)state;
    write_text(&writer, "a/");
    write_number(&writer, 12, 0);
    write_char(&writer, '!');
    assert_string_equal(text, "a/12!");
}

/* The byte behind the room is not written, and the text ends inside. */
static void what_is_too_long_is_cut(void **state)
{
    (void)state;
    for (size_t room = 1; room <= 6; room++) {
        char text[8];
        memset(text, '#', sizeof(text));
        text[0] = '\0';
        struct text_writer writer = {text, room, 0};
        write_text(&writer, "abc");
        write_number(&writer, 4567, 0);
        assert_int_equal(strlen(text), room - 1);
        assert_memory_equal(text, "abc4567", room - 1);
        for (size_t i = room; i < sizeof(text); i++)
            assert_int_equal(text[i], '#');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_decimal_with_zeros_in_front),
        cmocka_unit_test(texts_follow_each_other),
        cmocka_unit_test(what_is_too_long_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
