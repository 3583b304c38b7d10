/* Findings of policy/ that no other test provokes; test_codes.py looks that every code of codes.def has a test. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/policy/fixture.h"

#define MACHINE "pack:2 numa:1 core:2 pu:1"
#define RULE    "[[rules]]\nname = \"r\"\nmatch = { thread = \"x\" }\n"

static void compiling_says_what_the_machine_cannot_give(void **state)
{
    static const struct {
        const char *policy, *machine, *code;
        int result;
    } cases[] = {
        {"[target]\nuser = \"no-such-user\"\n" RULE, MACHINE, "E084", -EINVAL},
        {RULE "memory = { policy = \"bind\", nodes = \"1\" }\n", MACHINE "; mems=0", "W021", 0},
        {RULE "memory = { policy = \"bind\", nodes = \"1\" }\nenforcement = \"hard\"\n", MACHINE "; mems=0", "E081",
         -EINVAL},
        {"[[rules]]\nname = \"a\"\nmatch = { thread = \"a\" }\nnear = \"rule:b\"\n"
         "[[rules]]\nname = \"b\"\nmatch = { thread = \"b\" }\nnear = \"rule:a\"\n",
         MACHINE, "E054", -EINVAL},
        {"[topology]\ncpus = \"0\"\n" RULE "cpus = \"0\"\nmemory = { policy = \"bind\", nodes = \"0\" }\n", MACHINE,
         NULL, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[600];
        snprintf(text, sizeof(text), "schema = 1\n%s", cases[i].policy);
        struct compiled compiled = compile_text(text, cases[i].machine);
        if (compiled.result != cases[i].result || (cases[i].code && !was_said(&compiled.diags, cases[i].code)))
            fail_msg("%s is missing, or the result is wrong (%d), for\n%s", cases[i].code, compiled.result, text);
        for (size_t k = 0; !cases[i].code && k < compiled.diags.count; k++)
            assert_int_not_equal(diag_code_severity(compiled.diags.items[k].code), SEVERITY_ERROR);
        compiled_free(&compiled);
    }
}

/* A policy of many rules that differ in name alone and take so many mapping rules from [defaults]. */
static char *many_rules(size_t count, size_t mapping_rules)
{
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    assert_non_null(memory);
    fputs("schema = 1\n[defaults]\nmemory.regions = [{ kind = \"file\" }", memory);
    for (size_t i = 1; i < mapping_rules; i++)
        fputs(", { kind = \"file\" }", memory);
    fputs("]\n", memory);
    for (size_t i = 0; i < count; i++)
        fprintf(memory, "[[rules]]\nname = \"r%zu\"\nmatch = { thread = \"t%zu\" }\n", i, i);
    fclose(memory);
    return text;
}

static void a_policy_has_its_limits(void **state)
{
    static const struct {
        size_t rules, mapping_rules;
        const char *code;
    } cases[] = {
        {PLAN_MAX_RULES, 1, "E082"}, /* with [defaults] one too many */
        {PLAN_MAX_RULES - 1, 1, NULL},
        {PLAN_MAX_RULES - 1, 1200, "E083"}, /* 64 MiB hold no million of mapping rules */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = many_rules(cases[i].rules, cases[i].mapping_rules);
        struct compiled compiled = compile_text(text, "core:2");
        if (compiled.result != (cases[i].code ? -EINVAL : 0))
            fail_msg("%zu rules: %d", cases[i].rules, compiled.result);
        assert_true(!cases[i].code || was_said(&compiled.diags, cases[i].code));
        compiled_free(&compiled);
        free(text);
    }
}

static void declared_threads_that_crowd_are_named(void **state)
{
    static const struct {
        const char *policy;
        size_t threads;
        const char *code, *other;
    } cases[] = {
        {RULE "cpus = \"0\"\nbind_to = \"cpu\"\n", 2, "W026", "W027"},
        {"[[rules]]\nname = \"own\"\nmatch = { index = \"1\" }\ncpus = \"0\"\nbind_to = \"cpu\"\nexclusive = true\n" RULE
         "cpus = \"0\"\nbind_to = \"cpu\"\n",
         2, "W027", "W026"},
        {RULE "bind_to = \"cpu\"\ndistribution = \"compact\"\n", 2, NULL, NULL},
    };
    struct process_facts process = {.exe = "/bin/x", .comm = "x", .argv = "x", .index = PLAN_NONE};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[600];
        snprintf(text, sizeof(text), "schema = 1\n%s", cases[i].policy);
        struct compiled compiled = compile_text(text, MACHINE);
        struct sim_thread threads[2] = {{.facts = {.name = "x", .index = 1, .process = &process}},
                                        {.facts = {.name = "x", .index = 2, .process = &process}}};
        struct policy policy = {0}; /* without places: findings then have none */
        struct diag_list diags = {0};
        assert_int_equal(compiled.result, 0);
        assert_int_equal(plan_simulate(&compiled.view, threads, cases[i].threads), 0);
        plan_lint_threads(&compiled.view, &policy, threads, cases[i].threads, &diags);
        if (cases[i].code ? !was_said(&diags, cases[i].code) || was_said(&diags, cases[i].other) : diags.count > 0)
            fail_msg("%s is missing, or more was said, for\n%s", cases[i].code, text);
        diag_list_free(&diags);
        for (size_t k = 0; k < cases[i].threads; k++)
            cpuset_free(&threads[k].cpus);
        compiled_free(&compiled);
    }
}

/* hwloc without its components finds no CPU, as where /sys is hidden. */
static void a_machine_that_cannot_be_read_is_an_error(void **state)
{
    struct topology *topology = NULL;
    struct diag_list diags = {0};
    (void)state;
    setenv("HWLOC_COMPONENTS", "stop", 1);
    assert_true(topology_load(&topology, "machine", &diags) < 0);
    unsetenv("HWLOC_COMPONENTS");
    assert_true(was_said(&diags, "E062"));
    diag_list_free(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compiling_says_what_the_machine_cannot_give),
        cmocka_unit_test(a_policy_has_its_limits),
        cmocka_unit_test(declared_threads_that_crowd_are_named),
        cmocka_unit_test(a_machine_that_cannot_be_read_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
