#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/plan_text.h"

static void what_is_written_is_read(void **state)
{
    unsigned char data[300], again[300];
    char text[512];
    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)(i * 151 + (i >> 3));
    for (size_t size = 1; size <= sizeof(data); size++) {
        memset(again, 0xee, sizeof(again));
        plan_text_write(text, data, size);
        assert_int_equal(strlen(text) + 1, plan_text_size(size));
        assert_int_equal(plan_text_length(text), size);
        assert_true(plan_text_read(again, text));
        assert_memory_equal(again, data, size);
        if (size < sizeof(again))
            assert_int_equal(again[size], 0xee);
    }
}

static void text_is_base64(void **state)
{
    char text[32];
    (void)state;
    plan_text_write(text, "node", 4);
    assert_string_equal(text, "data:bm9kZQ==");
}

static void other_texts_hold_no_plan(void **state)
{
    static const char *const none[] = {"",           "data:",     "data:A",     "data:AAA",
                                       "/dev/shm/x", "DATA:AAAA", "data:AAAAA", "xdata:AAAA"};
    static const char *const damaged[] = {
        "data:AA*A", "data:====", "data:A===", "data:AA=A", "data:=AAA", "data:AA==AAAA"};
    char data[16];
    (void)state;
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
        assert_int_equal(plan_text_length(none[i]), 0);
    for (size_t i = 0; i < sizeof(damaged) / sizeof(*damaged); i++)
        assert_false(plan_text_length(damaged[i]) && plan_text_read(data, damaged[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(text_is_base64),
        cmocka_unit_test(other_texts_hold_no_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
