#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "shim/telemetry/texts.h"

static uint16_t keep(const char *text)
{
    return texts_keep(text, strlen(text));
}

static void a_text_is_kept_once(void **state)
{
    (void)state;
    uint16_t a = keep("/lib/libgomp.so.1");
    uint16_t b = keep("/lib/libgomp.so.10");
    assert_int_not_equal(a, 0);
    assert_int_not_equal(a, b);
    assert_int_equal(keep("/lib/libgomp.so.1"), a);
    assert_string_equal(texts_get(a), "/lib/libgomp.so.1");
    assert_string_equal(texts_get(b), "/lib/libgomp.so.10");
}

static void nothing_and_too_much_are_unknown(void **state)
{
    static char huge[5000];
    (void)state;
    memset(huge, 'x', sizeof(huge) - 1);
    assert_int_equal(keep(""), 0);
    assert_int_equal(texts_keep(NULL, 3), 0);
    assert_int_equal(keep(huge), 0);
    assert_null(texts_get(0));
}

static void a_copy_holds_the_texts_at_their_offsets_and_ends_in_nul(void **state)
{
    char copy[64];
    uint16_t a = keep("start_routine");
    (void)state;
    assert_in_range(texts_copy(copy, sizeof(copy)), 1, sizeof(copy));
    if (a + sizeof("start_routine") < sizeof(copy))
        assert_string_equal(copy + a, "start_routine");
    assert_int_equal(copy[texts_copy(copy, sizeof(copy)) - 1], 0);
}

static void a_full_store_answers_unknown_and_keeps_what_it_has(void **state)
{
    uint16_t first = keep("first");
    char text[64];
    int kept = 0;
    (void)state;
    for (int i = 0; i < 5000; i++) {
        snprintf(text, sizeof(text), "/usr/lib/some/library/number/%d.so", i);
        kept += keep(text) != 0;
    }
    assert_in_range(kept, 1000, 4999);
    assert_string_equal(texts_get(first), "first");
    assert_int_equal(keep("first"), first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_kept_once),
        cmocka_unit_test(nothing_and_too_much_are_unknown),
        cmocka_unit_test(a_copy_holds_the_texts_at_their_offsets_and_ends_in_nul),
        cmocka_unit_test(a_full_store_answers_unknown_and_keeps_what_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
