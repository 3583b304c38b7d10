#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>

#include <cmocka.h>

#include "shim/base/state.h"
#include "shim/base/thread.h"
#include "shim/place/decide.h"

/* A plan by hand: rule 0 wants the name "io*", rule 1 those without a name that are not main, rule 2 all but main. */
static const char strings[] = "\0io*";
static const uint32_t patterns[] = {1};
static const struct plan_condition conditions[] = {
    {.key = PLAN_KEY_THREAD, .first = 0, .count = 1},
    {.key = PLAN_KEY_UNNAMED, .value = 1},
    {.key = PLAN_KEY_MAIN, .value = 0},
};
static const struct plan_clause clauses[] = {{.condition_first = 0, .condition_count = 1},
                                             {.condition_first = 1, .condition_count = 2}};
static const struct plan_rule rules[] = {
    {.clause_first = 0, .clause_count = 1}, {.clause_first = 1, .clause_count = 1}, {.flags = PLAN_RULE_CATCH_ALL}};
static struct plan_header header = {.default_rule = 2};

static int set_up(void **state)
{
    (void)state;
    shim.plan = (struct plan_view){.header = &header,
                                   .strings = strings,
                                   .rules = rules,
                                   .clauses = clauses,
                                   .conditions = conditions,
                                   .patterns = patterns};
    shim.plan.count[PLAN_STRINGS] = sizeof(strings);
    shim.plan.count[PLAN_RULES] = 3;
    shim.plan.count[PLAN_CLAUSES] = 2;
    shim.plan.count[PLAN_CONDITIONS] = 3;
    shim.plan.count[PLAN_PATTERNS] = 1;
    thread_self = NULL;
    return 0;
}

static void the_first_rule_that_matches_decides(void **state)
{
    static const struct {
        const char *name;
        bool unnamed, main;
        uint32_t rule;
    } cases[] = {{"io-1", false, false, 0},     {"io-1", true, false, 1}, {"net", false, false, 2},
                 {"net", true, false, 1},       {"io-1", false, true, 0}, {"", false, false, 2},
                 {"net", true, true, PLAN_NONE}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct thread thread = {.unnamed = cases[i].unnamed, .main = cases[i].main};
        strcpy(thread.name, cases[i].name);
        assert_int_equal(decide_rule(&thread), cases[i].rule);
    }
}

static void a_new_thread_has_what_its_creator_has(void **state)
{
    struct thread creator = {
        .holds_pick = true, .pick = {.slot = 5}, .cpus = STANDING_RULE, .memory = STANDING_PROGRAM};
    struct thread thread = {.name = "old"};
    (void)state;
    strcpy(creator.name, "maker");
    atomic_store(&creator.tid, 77);
    thread_self = &creator;
    decide_inherited(&thread);
    assert_int_equal(thread.creator_tid, 77);
    assert_int_equal(thread.creator_slot, 5);
    assert_int_equal(thread.cpus, STANDING_RULE);
    assert_int_equal(thread.memory, STANDING_PROGRAM);
    assert_string_equal(thread.name, "maker");
    assert_string_equal(thread.creator_name, "maker");
}

/* Its slot would be one that others may have by now. */
static void a_creator_without_a_place_is_near_to_nothing(void **state)
{
    struct thread creator = {.holds_pick = false, .pick = {.slot = 5}}, thread = {.creator_slot = 1};
    (void)state;
    thread_self = &creator;
    decide_inherited(&thread);
    assert_int_equal(thread.creator_slot, PLAN_NONE);
}

static void of_a_creator_that_is_not_known_the_kernel_says_the_name(void **state)
{
    struct thread thread = {.name = "old"};
    (void)state;
    assert_int_equal(prctl(PR_SET_NAME, "the kernel's"), 0);
    decide_inherited(&thread);
    assert_int_equal(thread.creator_tid, thread_own_tid());
    assert_int_equal(thread.cpus, STANDING_UNKNOWN);
    assert_int_equal(thread.memory, STANDING_UNKNOWN);
    assert_string_equal(thread.name, "the kernel's");
}

static void origins_are_looked_up_where_a_rule_asks(void **state)
{
    struct thread thread = {.start_library = 0};
    (void)state;
    header.features = 0;
    decide_code(&thread, (const void *)(uintptr_t)strlen, (const void *)(uintptr_t)set_up);
    assert_int_equal(thread.start_library, 0);
    header.features = PLAN_NEEDS_LIBRARIES;
    decide_code(&thread, (const void *)(uintptr_t)strlen, (const void *)(uintptr_t)set_up);
    assert_int_not_equal(thread.start_library, 0);
    assert_int_not_equal(thread.start_library, thread.creator_library);
    header.features = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_rule_that_matches_decides, set_up),
        cmocka_unit_test_setup(a_new_thread_has_what_its_creator_has, set_up),
        cmocka_unit_test_setup(a_creator_without_a_place_is_near_to_nothing, set_up),
        cmocka_unit_test_setup(of_a_creator_that_is_not_known_the_kernel_says_the_name, set_up),
        cmocka_unit_test_setup(origins_are_looked_up_where_a_rule_asks, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
