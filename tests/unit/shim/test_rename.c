#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shim/place/rename.h"

static void names_are_composed_within_fifteen_bytes(void **state)
{
    static const struct {
        const char *template, *rule, *name;
        uint32_t number;
    } cases[] = {
        {"omp-{n}", "omp", "omp-0001", 1},
        {"omp-{n}", "omp", "omp-12345", 12345},
        {"{rule}-{n}", "blas", "blas-0007", 7},
        {"{rule}", "blas", "blas", 7},
        {"fixed", "x", "fixed", 7},
        {"{n}", "x", "0042", 42},
        {"a{n}b", "x", "a0002b", 2},
        /* the number never gives way */
        {"a-very-long-name-{n}", "x", "a-very-long0003", 3},
        {"{rule}{n}", "a-rule-of-some-length", "a-rul4294967295", UINT32_MAX},
        {"{n}-a-very-long-tail", "x", "0001-a-very-lon", 1},
        {"{unknown}{n}", "x", "{unknown}0001", 1},
        {"", "x", "", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char name[16] = "###############";
        rename_compose(name, cases[i].template, cases[i].rule, cases[i].number);
        assert_string_equal(name, cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_composed_within_fifteen_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
