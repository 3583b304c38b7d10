#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/policy/fixture.h"
#include "tests/unit/policy/walk.h"

#define POLICY                                                                                                         \
    "schema = 1\ndescription = \"d\"\n[target]\nexe = [\"/bin/*\", \"/usr/bin/*\"]\n"                                  \
    "[defaults]\nbind_to = \"node\"\nmemory = { policy = \"preferred\" }\n"                                            \
    "[[rules]]\nname = \"main\"\nmatch = { main = true }\nbind_to = \"core\"\nexclusive = true\n"                      \
    "[[rules]]\nname = \"io\"\nmatch = [{ thread = \"io_*\" }, { index = \"3-5\" }]\nrename = \"io-{n}\"\n"            \
    "memory = { regions = [{ function = \"f\", max_size = \"1GiB\" }], policy = \"weighted_interleave\", nodes = "     \
    "\"all\" }\n"

static struct compiled good_plan(void)
{
    struct compiled compiled = compile_text(POLICY, "pack:2 numa:1 l3:1 core:4 pu:2");
    assert_int_equal(compiled.result, 0);
    return compiled;
}

static int check(const void *data, size_t size, struct plan_view *ret_view)
{
    return plan_check(ret_view, data, size, NULL);
}

/* A changed copy whose checksum is right again, so that the validation itself has to notice. */
static int check_changed(const struct compiled *compiled, size_t at, uint32_t value, struct plan_view *ret_view,
                         void **ret_copy)
{
    char *copy = malloc(compiled->bytes.size);
    assert_non_null(copy);
    memcpy(copy, compiled->bytes.data, compiled->bytes.size);
    memcpy(copy + at, &value, sizeof(value));
    struct plan_header *header = (struct plan_header *)copy;
    header->checksum = plan_checksum(copy, compiled->bytes.size);
    *ret_copy = copy;
    return check(copy, compiled->bytes.size, ret_view);
}

static void a_plan_holds_what_the_policy_says(void **state)
{
    struct compiled compiled = good_plan();
    const struct plan_view *plan = &compiled.view;
    (void)state;
    assert_int_equal(plan->count[PLAN_RULES], 3);
    assert_int_equal(plan->header->default_rule, 2);
    assert_true(plan->header->features & PLAN_HAS_EXCLUSIVE && plan->header->features & PLAN_HAS_RENAME);
    assert_string_equal(plan_text(plan, plan->rules[1].name), "io");
    assert_string_equal(plan_text(plan, plan->rules[1].rename), "io-{n}");
    assert_int_equal(plan->rules[1].mem_policy, MEM_WEIGHTED_INTERLEAVE);
    struct process_facts process = {.exe = "/usr/bin/x", .comm = "x", .argv = "x"};
    assert_true(match_target(plan, &process, NULL));
    process.exe = "/opt/x";
    assert_false(match_target(plan, &process, NULL));
    walk_plan(plan);
    compiled_free(&compiled);
}

static void regions_of_a_rule(void **state)
{
    struct compiled compiled =
        compile_text("schema = 1\n[defaults.memory]\nregions = [{ name = \"big\", kind = \"shared\", min_size = "
                     "\"1MiB\", policy = \"interleave\" }, { library = [\"a*\", \"b\"], policy = \"bind\", nodes = "
                     "\"1\" }]\n[[rules]]\nname = \"none\"\nmatch = { thread = \"x\" }\n",
                     "pack:2 numa:1 l3:1 core:4 pu:2");
    const struct plan_view *plan = &compiled.view;
    (void)state;
    assert_int_equal(compiled.result, 0);
    assert_true(plan->header->features & PLAN_HAS_MAPPING_RULES && plan->header->features & PLAN_NEEDS_LIBRARIES);
    const struct plan_rule *rule = &plan->rules[1];
    assert_int_equal(plan->rules[0].mapping_rules_count, 2); /* as every placement key */
    assert_int_equal(rule->mapping_rules_count, 2);
    const struct plan_mapping_rule *region = &plan->mapping_rules[rule->mapping_rules_first];
    assert_string_equal(plan_text(plan, region[0].name), "big");
    assert_int_equal(region[0].kind, MAPPING_SHARED);
    assert_int_equal(region[0].min_size, 1 << 20);
    assert_true(region[0].max_size == UINT64_MAX);
    assert_int_equal(plan->masks[region[0].mem_mask].weight, 2); /* interleaved over all nodes */
    assert_int_equal(region[1].kind, MAPPING_COUNT);
    assert_int_equal(region[1].library.count, 2);
    assert_true(plan_mask_has(plan, region[1].mem_mask, 1) && !plan_mask_has(plan, region[1].mem_mask, 0));
    compiled_free(&compiled);
}

static void a_truncated_plan_is_refused_at_any_length(void **state)
{
    struct compiled compiled = good_plan();
    struct plan_view view;
    (void)state;
    for (size_t size = 0; size < compiled.bytes.size; size++) {
        /* Its own allocation, so that a sanitizer sees any look behind the end. */
        char *copy = malloc(size ? size : 1);
        assert_non_null(copy);
        memcpy(copy, compiled.bytes.data, size);
        assert_true(check(copy, size, &view) < 0);
        free(copy);
    }
    compiled_free(&compiled);
}

static void any_flipped_bit_is_noticed(void **state)
{
    struct compiled compiled = good_plan();
    struct plan_view view;
    unsigned char *bytes = compiled.bytes.data;
    (void)state;
    for (size_t bit = 0; bit < compiled.bytes.size * 8; bit += 7) {
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        assert_true(check(bytes, compiled.bytes.size, &view) < 0);
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    assert_int_equal(check(bytes, compiled.bytes.size, &view), 0);
    compiled_free(&compiled);
}

/* Every 32-bit field set to hostile values: refused, or still safe to use. */
static void a_plan_that_passes_is_safe_to_use(void **state)
{
    static const uint32_t values[] = {0, 1, 255, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff};
    struct compiled compiled = good_plan();
    (void)state;
    for (size_t at = 0; at + 4 <= compiled.bytes.size; at += 4)
        for (size_t v = 0; v < sizeof(values) / sizeof(*values); v++) {
            struct plan_view view;
            void *copy;
            if (check_changed(&compiled, at, values[v], &view, &copy) == 0)
                walk_plan(&view);
            free(copy);
        }
    compiled_free(&compiled);
}

/* What the shim uses without a look of its own: each one step beyond what is sound. */
static void the_first_number_that_is_not_sound_is_refused(void **state)
{
    struct compiled compiled = good_plan();
    const struct plan_view *plan = &compiled.view;
    const struct {
        const void *field;
        uint32_t value;
        const char *what;
    } cases[] = {
        {&plan->slots[0].capacity, 0, "a slot without room"},
        {&plan->slots[0].mask, 0, "a slot without CPUs"},
        {&plan->slots[0].claim_mask, 0, "a slot that claims none"},
        {&plan->masks[1].weight, plan->masks[1].weight + 1, "a mask that says another weight"},
        {&plan->masks[1].word_first, plan->count[PLAN_WORDS], "a mask behind the words"},
        {&plan->rules[0].name, plan->count[PLAN_STRINGS], "a text behind the texts"},
        {&plan->rules[0].slot_count, 0, "a rule without slots"},
        {&plan->rules[0].slot_count, plan->count[PLAN_SLOTS] + 1, "slots behind the slots"},
        {&plan->clauses[0].condition_count, 0, "a clause without conditions"},
        {&plan->patterns[0], plan->count[PLAN_STRINGS], "a pattern behind the texts"},
        {&plan->header->default_rule, 0, "a default that is not the last rule"},
        {&plan->header->main_mask, 0, "main without CPUs"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct plan_view view;
        void *copy;
        size_t at = (size_t)((const char *)cases[i].field - (const char *)compiled.bytes.data);
        if (check_changed(&compiled, at, cases[i].value, &view, &copy) != -EINVAL)
            fail_msg("%s passed", cases[i].what);
        free(copy);
    }
    compiled_free(&compiled);
}

static void another_version_is_told_apart(void **state)
{
    struct compiled compiled = good_plan();
    struct plan_view view;
    void *copy;
    (void)state;
    assert_int_equal(check_changed(&compiled, offsetof(struct plan_header, version), PLAN_VERSION + 1, &view, &copy),
                     -EPROTONOSUPPORT);
    free(copy);
    compiled_free(&compiled);
}

static void hard_enforcement_refuses_what_soft_replaces(void **state)
{
    struct compiled soft = compile_text("schema = 1\n[defaults]\nnodes = \"9\"\n", "core:4");
    struct compiled hard = compile_text("schema = 1\n[defaults]\nnodes = \"9\"\nenforcement = \"hard\"\n", "core:4");
    (void)state;
    assert_int_equal(soft.result, 0);
    assert_true(was_said(&soft.diags, "W020"));
    assert_int_equal(soft.view.rules[0].set_reason, REASON_EMPTY_SET);
    assert_int_equal(hard.result, -EINVAL);
    assert_true(was_said(&hard.diags, "E080"));
    compiled_free(&soft);
    compiled_free(&hard);
}

static void reserved_and_restricted_cpus_are_never_used(void **state)
{
    struct compiled compiled = compile_text("schema = 1\n[topology]\nnodes = \"0\"\nreserve_cpus = \"0\"\n"
                                            "[defaults]\nbind_to = \"cpu\"\n",
                                            "pack:2 numa:1 core:4 pu:1");
    struct cpuset cpus = CPUSET_EMPTY;
    (void)state;
    assert_int_equal(plan_mask_cpuset(&compiled.view, compiled.view.header->main_mask, &cpus), 0);
    assert_cpus(&cpus, "1-3");
    compiled_free(&compiled);
    compiled =
        compile_text("schema = 1\n[topology]\nreserve_cpus = \"all\"\n[defaults]\nbind_to = \"cpu\"\n", "core:2");
    assert_true(was_said(&compiled.diags, "W025"));
    assert_int_equal(plan_mask_cpuset(&compiled.view, compiled.view.header->main_mask, &cpus), 0);
    assert_cpus(&cpus, "0-1");
    cpuset_free(&cpus);
    compiled_free(&compiled);
}

static void a_plan_for_4096_cpus_stays_small(void **state)
{
    struct compiled compiled =
        compile_text("schema = 1\n[defaults]\nbind_to = \"cpu\"\ndistribution = \"scatter\"\nlevel = \"cpu\"\n",
                     "pack:8 numa:1 l3:8 core:16 pu:4");
    (void)state;
    assert_int_equal(compiled.view.count[PLAN_SLOTS], 4096);
    assert_true(compiled.bytes.size < 512 * 1024);
    compiled_free(&compiled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_holds_what_the_policy_says),
        cmocka_unit_test(regions_of_a_rule),
        cmocka_unit_test(a_truncated_plan_is_refused_at_any_length),
        cmocka_unit_test(any_flipped_bit_is_noticed),
        cmocka_unit_test(a_plan_that_passes_is_safe_to_use),
        cmocka_unit_test(the_first_number_that_is_not_sound_is_refused),
        cmocka_unit_test(another_version_is_told_apart),
        cmocka_unit_test(hard_enforcement_refuses_what_soft_replaces),
        cmocka_unit_test(reserved_and_restricted_cpus_are_never_used),
        cmocka_unit_test(a_plan_for_4096_cpus_stays_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
