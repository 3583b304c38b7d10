#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/prepare/share_plans.h"

#define OWN "/dev/shm/nodewise.0/plans/1-2.v8.plan"

static const struct {
    const char *path;
    size_t length;
    struct rank_portion portion;
} plans[] = {
    {OWN, sizeof(OWN) - 1, {0, 0, 0}},
    {OWN ".0", sizeof(OWN) - 1, {0, 0, 1}},
    {OWN ".13", sizeof(OWN) - 1, {13, 0, 1}},
    {OWN ".0.1of2", sizeof(OWN) - 1, {0, 1, 2}},
    {OWN ".255.10of128", sizeof(OWN) - 1, {255, 10, 128}},
    {"/srv/my.plan.d/x.plan.3", 21, {3, 0, 1}},
    {OWN ".", sizeof(OWN) - 1, {0, 0, 0}},
    {OWN ".x", sizeof(OWN) - 1, {0, 0, 0}},
    {OWN ".1.old", sizeof(OWN) - 1, {0, 0, 0}},
    {OWN ".1.2of2", sizeof(OWN) - 1, {0, 0, 0}},
    {OWN ".1.0of0", sizeof(OWN) - 1, {0, 0, 0}},
    {OWN ".1.0of2x", sizeof(OWN) - 1, {0, 0, 0}},
    {OWN ".4294967296", sizeof(OWN) - 1, {0, 0, 0}},
    {"/srv/policy", 11, {0, 0, 0}},
    {"", 0, {0, 0, 0}},
};

static void the_path_of_a_plan_says_which_portion_it_is_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(plans) / sizeof(*plans); i++) {
        size_t length = SIZE_MAX;
        struct rank_portion portion = share_plan_portion(plans[i].path, &length);
        assert_int_equal(length, plans[i].length);
        assert_int_equal(portion.share, plans[i].portion.share);
        assert_int_equal(portion.part, plans[i].portion.part);
        assert_int_equal(portion.parts, plans[i].portion.parts);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_path_of_a_plan_says_which_portion_it_is_for)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
