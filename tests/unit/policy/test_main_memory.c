/* What main has where no rule takes it: the memory policy that every other thread would get, or none. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/main_memory.h"
#include "tests/unit/policy/fixture.h"

#define TWO_NODES "pack:2 numa:1 l3:1 core:4 pu:1"
#define ANY_IO    "[[rules]]\nname = \"io\"\nmatch = { thread = \"io_*\" }\n"

static struct compiled compile(const char *policy)
{
    char text[1024];
    snprintf(text, sizeof(text), "schema = 1\n%s", policy);
    struct compiled compiled = compile_text(text, TWO_NODES);
    assert_int_equal(compiled.result, 0);
    return compiled;
}

static struct main_memory answer_of(const struct compiled *compiled)
{
    const struct plan_view *plan = &compiled->view;
    return main_memory_of(plan->rules, plan->count[PLAN_RULES], plan->header->default_rule, plan->slots);
}

static void what_all_rules_name_is_mains_too(void **state)
{
    static const struct {
        const char *policy, *nodes;
    } cases[] = {
        {"[defaults]\nmemory = { policy = \"interleave\" }\n", "0-1"},
        {"[defaults]\nmemory = { policy = \"bind\", nodes = \"1\" }\n", "1"},
        {"[defaults]\nmemory = { policy = \"preferred_many\", nodes = \"all\" }\n", "0-1"},
        {"[defaults]\nmemory = { policy = \"bind\", nodes = \"1\" }\n" ANY_IO, "1"},
        {"[defaults]\nmemory = { policy = \"preferred\", nodes = \"1\" }\n" ANY_IO
         "memory = { policy = \"preferred\", nodes = \"1\" }\n",
         "1"},
        /* nodes of the places, which are all on one node */
        {"[topology]\nnodes = \"1\"\n[defaults]\nmemory = { policy = \"bind\" }\n", "1"},
        {"[defaults]\nnodes = \"0\"\nmemory = { policy = \"preferred\" }\n", "0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct compiled compiled = compile(cases[i].policy);
        const struct plan_view *plan = &compiled.view;
        struct cpuset nodes = CPUSET_EMPTY;
        struct main_memory memory = answer_of(&compiled);
        if (memory.answer != MAIN_MEMORY_SHARED)
            fail_msg("%s: %d", cases[i].policy, memory.answer);
        assert_int_equal(plan->header->main_memory, plan->header->default_rule);
        assert_int_equal(memory.rule, plan->header->default_rule);
        const struct plan_rule *rule = &plan->rules[plan->header->main_memory];
        assert_int_equal(plan_mask_cpuset(plan, plan->slots[rule->slot_first].mem_mask, &nodes), 0);
        assert_cpus(&nodes, cases[i].nodes);
        cpuset_free(&nodes);
        compiled_free(&compiled);
    }
}

static void else_it_keeps_the_programs_own(void **state)
{
    static const struct {
        const char *policy;
        enum main_memory_answer answer;
        uint32_t rule, other;
    } cases[] = {
        {"[defaults]\nbind_to = \"node\"\n", MAIN_MEMORY_NOT_ASKED, PLAN_NONE, PLAN_NONE},
        {"", MAIN_MEMORY_NOT_ASKED, PLAN_NONE, PLAN_NONE},
        {ANY_IO "memory = { policy = \"bind\", nodes = \"1\" }\n", MAIN_MEMORY_UNMATCHED, PLAN_NONE, PLAN_NONE},
        {"[defaults]\nbind_to = \"node\"\n" ANY_IO "memory = { policy = \"bind\", nodes = \"1\" }\n",
         MAIN_MEMORY_DIFFERS, 0, 1},
        {"[defaults]\nmemory = { policy = \"bind\", nodes = \"1\" }\n" ANY_IO "memory = { nodes = \"0\" }\n",
         MAIN_MEMORY_DIFFERS, 0, 1},
        {"[defaults]\nmemory = { policy = \"bind\", nodes = \"1\" }\n" ANY_IO "memory = { node_ids = \"static\" }\n",
         MAIN_MEMORY_DIFFERS, 0, 1},
        {"[defaults]\nmemory = { policy = \"bind\", nodes = \"1\" }\n" ANY_IO "memory = { numa_balancing = true }\n",
         MAIN_MEMORY_DIFFERS, 0, 1},
        /* interleaved over the nodes of each rule */
        {"[defaults]\nmemory = { policy = \"interleave\" }\n" ANY_IO "nodes = \"1\"\n", MAIN_MEMORY_DIFFERS, 0, 1},
        /* on the node of each thread */
        {"[defaults]\nmemory = { policy = \"local\" }\n", MAIN_MEMORY_BY_PLACE, 0, PLAN_NONE},
        {"[defaults]\nmemory = { policy = \"bind\" }\n", MAIN_MEMORY_BY_PLACE, 0, PLAN_NONE},
        {"[defaults]\nmemory = { policy = \"preferred\" }\n" ANY_IO "nodes = \"1\"\n", MAIN_MEMORY_BY_PLACE, 1,
         PLAN_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct compiled compiled = compile(cases[i].policy);
        struct main_memory memory = answer_of(&compiled);
        if (memory.answer != cases[i].answer || memory.rule != cases[i].rule || memory.other != cases[i].other)
            fail_msg("%s: %d, %u, %u", cases[i].policy, memory.answer, memory.rule, memory.other);
        assert_int_equal(compiled.view.header->main_memory, PLAN_NONE);
        compiled_free(&compiled);
    }
}

/* A plan that another program wrote: the rule is there, and has a policy. */
static void a_rule_without_a_policy_is_none_for_main(void **state)
{
    struct compiled compiled = compile("[defaults]\nbind_to = \"node\"\n");
    struct plan_header *header = compiled.bytes.data;
    struct plan_view view;
    const char *what;
    (void)state;
    header->main_memory = 0;
    header->checksum = plan_checksum(header, compiled.bytes.size);
    assert_int_equal(plan_check(&view, header, compiled.bytes.size, &what), -EINVAL);
    assert_string_equal(what, "the header");
    compiled_free(&compiled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_all_rules_name_is_mains_too),
        cmocka_unit_test(else_it_keeps_the_programs_own),
        cmocka_unit_test(a_rule_without_a_policy_is_none_for_main),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
