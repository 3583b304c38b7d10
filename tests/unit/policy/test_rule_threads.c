/* What `threads` of a rule comes to on a machine, and what is said where it is too much. */
#include <stdio.h>

#include "policy/rule_threads.h"
#include "tests/unit/policy/fixture.h"

#define MACHINE "pack:2 numa:1 core:2 pu:2" /* CPUs 0-3 on node 0, 4-7 on node 1, two to a core */

static uint32_t threads_of(const struct compiled *compiled, uint32_t rule, const char *base_list, uint32_t quota)
{
    struct cpuset base = CPUSET_EMPTY;
    uint32_t number = 0;
    assert_int_equal(cpuset_parse_list(&base, base_list, NULL), 0);
    assert_int_equal(rule_threads(&number, &compiled->view, compiled->config.policy, rule, &base, quota), 0);
    cpuset_free(&base);
    return number;
}

static void the_number_is_what_the_rule_has_and_asks_for(void **state)
{
    static const struct {
        const char *rule, *base;
        uint32_t quota, number;
    } cases[] = {
        {"nodes = \"0\"", "0-7", 0, 4},
        {"nodes = \"0\"\nthreads = \"auto\"", "0-7", 3, 3},
        {"nodes = \"0\"", "0-1,4-7", 0, 2},
        {"nodes = \"0\"", "4-7", 0, 1}, /* nothing is left of what the plan has */
        {"nodes = \"0\"\nsmt = \"one_per_core\"\nbind_to = \"cpu\"", "0-7", 0, 2},
        {"distribution = \"primary\"\nbind_to = \"node\"", "0-7", 0, 4}, /* one node is all that it uses */
        {"bind_to = \"none\"", "0-7", 0, 8},
        {"nodes = \"0\"\nthreads = \"at_most:3\"", "0-7", 0, 3},
        {"nodes = \"0\"\nthreads = \"at_most:16\"", "0-7", 0, 4},
        {"nodes = \"0\"\nthreads = \"at_most:3\"", "0-7", 2, 2},
        {"nodes = \"0\"\nthreads = \"exactly:16\"", "0-7", 2, 16},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[256];
        snprintf(text, sizeof(text), "schema = 1\n[[rules]]\nname = \"io\"\nmatch = { thread = \"io\" }\n%s\n",
                 cases[i].rule);
        struct compiled compiled = compile_text(text, MACHINE);
        uint32_t number = threads_of(&compiled, 0, cases[i].base, cases[i].quota);
        if (number != cases[i].number)
            fail_msg("%s on %s: %u", cases[i].rule, cases[i].base, number);
        compiled_free(&compiled);
    }
}

static void a_pool_and_an_exchange_count_cores(void **state)
{
    (void)state;
    struct compiled compiled = compile_text("schema = 1\n[[pools]]\nname = \"io\"\nnodes = \"0\"\n"
                                            "[[pools]]\nname = \"all\"\nsmt = \"allow\"\n"
                                            "[[exchanges]]\nname = \"sort\"\nnodes = \"0\"\n",
                                            MACHINE);
    assert_int_equal(threads_of(&compiled, 0, "0-7", 0), 2);
    assert_int_equal(threads_of(&compiled, 1, "0-7", 0), 8);
    assert_int_equal(threads_of(&compiled, 2, "0-7", 0), 2);
    compiled_free(&compiled);
}

static void more_than_the_cpus_is_said_of_exactly_alone(void **state)
{
    static const struct {
        const char *threads;
        bool said;
    } cases[] = {{"auto", false}, {"at_most:9", false}, {"exactly:4", false}, {"exactly:5", true}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[256];
        snprintf(text, sizeof(text),
                 "schema = 1\n[[rules]]\nname = \"io\"\nmatch = { thread = \"io\" }\nnodes = \"0\"\nthreads = \"%s\"\n",
                 cases[i].threads);
        struct compiled compiled = compile_text(text, MACHINE);
        assert_int_equal(plan_lint_counts(&compiled.view, compiled.config.policy, &compiled.diags), 0);
        assert_int_equal(was_said(&compiled.diags, "W028"), cases[i].said);
        if (cases[i].said)
            assert_int_equal(compiled.diags.items[compiled.diags.count - 1].span.line, 6);
        compiled_free(&compiled);
    }
}

static void more_cpus_than_the_policy_has_are_refused(void **state)
{
    (void)state;
    for (unsigned number = 4; number <= 5; number++) {
        char text[128];
        snprintf(text, sizeof(text), "schema = 1\n[cpu_count]\nreport = %u\n[defaults]\nnodes = \"0\"\n", number);
        struct compiled compiled = compile_text(text, MACHINE);
        assert_int_equal(plan_lint_counts(&compiled.view, compiled.config.policy, &compiled.diags), 0);
        assert_int_equal(was_said(&compiled.diags, "E085"), number == 5);
        compiled_free(&compiled);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_number_is_what_the_rule_has_and_asks_for),
        cmocka_unit_test(a_pool_and_an_exchange_count_cores),
        cmocka_unit_test(more_than_the_cpus_is_said_of_exactly_alone),
        cmocka_unit_test(more_cpus_than_the_policy_has_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
