#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim/base/text_reader.h"

static void a_number_is_read_up_to_what_is_none(void **state)
{
    static const struct {
        const char *text;
        uint64_t number;
        const char *rest;
    } cases[] = {{"", 0, ""},        {"x1", 0, "x1"}, {"12", 12, ""},
                 {"12 3", 12, " 3"}, {"007", 7, ""},  {"18446744073709551615)", UINT64_MAX, ")"}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *at = cases[i].text;
        assert_int_equal(read_number(&at), cases[i].number);
        assert_string_equal(at, cases[i].rest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_number_is_read_up_to_what_is_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
