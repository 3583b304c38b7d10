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

/* The checksum keeps damage out, not a program that writes a plan: with a right one, what passes is safe to use. */
static void any_flipped_bit_under_a_right_checksum_is_refused_or_safe(void **state)
{
    struct compiled compiled = good_plan();
    struct plan_view view;
    unsigned char *bytes = compiled.bytes.data;
    struct plan_header *header = compiled.bytes.data;
    size_t refused = 0, passed = 0;
    (void)state;
    for (size_t bit = 0; bit < compiled.bytes.size * 8; bit += 3) {
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        header->checksum = plan_checksum(bytes, compiled.bytes.size);
        if (check(bytes, compiled.bytes.size, &view) == 0) {
            walk_plan(&view);
            passed++;
        } else {
            refused++;
        }
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    assert_true(refused > 100 && passed > 100);
    compiled_free(&compiled);
}

/* One field of the first record of a section (SECTIONS: of the header), and what the check says of its value. */
static const struct {
    unsigned section;
    size_t at, size;
    uint32_t value;
    const char *what;
} damages[] = {
#define FIELD(type, member) offsetof(struct type, member), sizeof(((struct type *)0)->member)
#define HEADER              PLAN_SECTION_COUNT
    {HEADER, FIELD(plan_header, magic), 0, "the magic number"},
    {HEADER, FIELD(plan_header, total_size), 8, "the size"},
    {HEADER, FIELD(plan_header, sections[PLAN_RULES].offset), 0, "the sections"},
    {HEADER, FIELD(plan_header, sections[PLAN_RULES].offset), 0x7ffffff8, "the sections"},
    {HEADER, FIELD(plan_header, sections[PLAN_SLOTS].count), 0xffffffff, "the sections"},
    {HEADER, FIELD(plan_header, sections[PLAN_STRINGS].count), 0, "the texts"},
    {HEADER, FIELD(plan_header, sections[PLAN_CPUS].count), 0, "the machine"},
    {HEADER, FIELD(plan_header, sections[PLAN_DISTANCES].count), 1, "the machine"},
    {HEADER, FIELD(plan_header, default_rule), 0, "the header"},
    {HEADER, FIELD(plan_header, main_mask), 0xffff, "the header"},
    {HEADER, FIELD(plan_header, main_mask), 0, "the header"},   /* the empty mask: no CPU for the main thread */
    {HEADER, FIELD(plan_header, main_memory), 3, "the header"}, /* behind the rules */
    {HEADER, FIELD(plan_header, allowed_mask), 0xffff, "the header"},
    {HEADER, FIELD(plan_header, groups), 0xffff, "the header"},
    {HEADER, FIELD(plan_header, source), 0xffffff, "the header"},
    {HEADER, FIELD(plan_header, report_file), 0xffffff, "the header"},
    {HEADER, FIELD(plan_header, children), 99, "the header"},
    {HEADER, FIELD(plan_header, at_exit), 99, "the header"},
    {HEADER, FIELD(plan_header, cpu_report), 99, "the header"},
    {HEADER, FIELD(plan_header, process_distribution), 99, "the header"},
    {HEADER, FIELD(plan_header, process_shares), 0xffff, "the header"},
    {PLAN_STRINGS, 0, 1, 'x', "the texts"},
    {PLAN_MASKS, FIELD(plan_mask, word_count), 1, "the CPU and node masks"}, /* mask 0 is the empty one */
    {PLAN_WORDS, 0, 1, 0xf1, "the CPU and node masks"},                      /* other bits than the mask's weight */
    {PLAN_CPUS, FIELD(plan_cpu, node), 5000, "the machine"},
    {PLAN_CPUS, FIELD(plan_cpu, mem_node), 5000, "the machine"},
    {PLAN_CPUS, FIELD(plan_cpu, group), 1, "the machine"}, /* a later CPU */
    {PLAN_CPUS, FIELD(plan_cpu, group_size), 0xffffff, "the machine"},
    {PLAN_NODES, FIELD(plan_node, id), 5000, "the machine"},
    {PLAN_NODES, FIELD(plan_node, id), 1, "the machine"}, /* ids ascend */
    {PLAN_NODES, FIELD(plan_node, cpus), 0xffff, "the machine"},
    {PLAN_PATTERNS, 0, 4, 0xffffff, "the conditions"},
    {PLAN_CONDITIONS, FIELD(plan_condition, key), PLAN_KEY_COUNT, "the conditions"},
    {PLAN_CONDITIONS, FIELD(plan_condition, value), 2, "the conditions"},
    {PLAN_CLAUSES, FIELD(plan_clause, condition_count), 0, "the conditions"},
    {PLAN_CLAUSES, FIELD(plan_clause, condition_first), 0xffffffff, "the conditions"},
    {PLAN_TARGETS, FIELD(plan_target, condition.first), 0xffffffff, "the conditions"},
    {PLAN_SLOTS, FIELD(plan_slot, mask), 0, "the slots"},
    {PLAN_SLOTS, FIELD(plan_slot, claim_mask), 0xffff, "the slots"},
    {PLAN_SLOTS, FIELD(plan_slot, mem_mask), 0xffff, "the slots"},
    {PLAN_SLOTS, FIELD(plan_slot, home_node), 5000, "the slots"},
    {PLAN_SLOTS, FIELD(plan_slot, capacity), 0, "the slots"},
    {PLAN_SLOTS, FIELD(plan_slot, core_mask), 0, "the slots"},
    {PLAN_SLOTS, FIELD(plan_slot, core_count), 0, "the slots"},
    {PLAN_SLOTS, FIELD(plan_slot, around), 0xffff, "the slots"},
    {PLAN_SLOTS, FIELD(plan_slot, around_cores), 0xffffff, "the slots"},
    {PLAN_RULES, FIELD(plan_rule, name), 0xffffff, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, origin), 0xffffff, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, rename), 0xffffff, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, asked), 0xffffff, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, clause_first), 0xffffffff, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, clause_count), 0, "the rules"}, /* only the catch-all has none */
    {PLAN_RULES, FIELD(plan_rule, slot_first), 0xffffffff, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, slot_count), 0, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, set_mask), 0, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, flags), PLAN_RULE_CATCH_ALL, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, mapping_rules_first), 0xffffffff, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, distribution), DIST_COUNT, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, level), LEVEL_COUNT, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, bind_to), LEVEL_COUNT, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, smt), SMT_COUNT, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, enforcement), ENFORCE_COUNT, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, on_app_affinity), APP_COUNT, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, mem_policy), MEM_COUNT, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, arena), ARENA_COUNT, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, huge_pages), HUGE_COUNT, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, prefault), PREFAULT_COUNT, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, stack), STACK_COUNT, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, steal), STEAL_COUNT, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, set_reason), REASON_COUNT, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, mem_reason), REASON_COUNT, "the rules"},
    {PLAN_RULES, FIELD(plan_rule, node_ids), NODE_IDS_COUNT, "the rules"},
    {PLAN_MAPPING_RULES, FIELD(plan_mapping_rule, name), 0xffffff, "the mapping rules"},
    {PLAN_MAPPING_RULES, FIELD(plan_mapping_rule, mem_mask), 0xffff, "the mapping rules"},
    {PLAN_MAPPING_RULES, FIELD(plan_mapping_rule, library.count), 0xffff, "the mapping rules"},
    {PLAN_MAPPING_RULES, FIELD(plan_mapping_rule, function.first), 0xffff, "the mapping rules"},
    {PLAN_MAPPING_RULES, FIELD(plan_mapping_rule, kind), MAPPING_COUNT + 1, "the mapping rules"},
    {PLAN_MAPPING_RULES, FIELD(plan_mapping_rule, mem_policy), MEM_COUNT, "the mapping rules"},
    {PLAN_MAPPING_RULES, FIELD(plan_mapping_rule, huge_pages), HUGE_COUNT, "the mapping rules"},
    {PLAN_MAPPING_RULES, FIELD(plan_mapping_rule, prefault), PREFAULT_COUNT, "the mapping rules"},
    {PLAN_MAPPING_RULES, FIELD(plan_mapping_rule, mem_reason), REASON_COUNT, "the mapping rules"},
#undef HEADER
#undef FIELD
};

static void each_check_refuses_what_it_is_for(void **state)
{
    struct compiled compiled = good_plan();
    const struct plan_header *good = compiled.bytes.data;
    (void)state;
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        bool in_header = damages[i].section == PLAN_SECTION_COUNT;
        size_t at = damages[i].at + (in_header ? 0 : good->sections[damages[i].section].offset);
        uint64_t value = damages[i].value;
        const char *what = NULL;
        struct plan_view view;
        char *copy = malloc(compiled.bytes.size);
        assert_non_null(copy);
        assert_true(in_header || good->sections[damages[i].section].count > 0);
        memcpy(copy, compiled.bytes.data, compiled.bytes.size);
        memcpy(copy + at, &value, damages[i].size);
        ((struct plan_header *)copy)->checksum = plan_checksum(copy, compiled.bytes.size);
        int error = plan_check(&view, copy, compiled.bytes.size, &what);
        if (error != -EINVAL || strcmp(what, damages[i].what) != 0)
            fail_msg("case %zu: %d, %s instead of %s", i, error, what ? what : "nothing", damages[i].what);
        free(copy);
    }
    compiled_free(&compiled);
}

static void memory_keys_come_into_the_plan(void **state)
{
    struct compiled compiled = compile_text(
        "schema = 1\n[defaults]\nmemory = { migrate_on_move = true, move_bytes = \"3MiB\", move_time = \"70ms\" }\n"
        "[[rules]]\nname = \"off\"\nmatch = { thread = \"x\" }\nmemory = { stack = \"thp_off\", next_touch = false }\n"
        "[[rules]]\nname = \"least\"\nmatch = { thread = \"y\" }\n"
        "memory = { move_bytes = \"0B\", move_time = \"0ms\" }\n",
        "core:4");
    const struct plan_rule *rules = compiled.view.rules;
    (void)state;
    assert_int_equal(compiled.result, 0);
    assert_int_equal(rules[2].move_bytes, 3 << 20);
    assert_int_equal(rules[2].move_ms, 70);
    assert_int_equal(rules[2].stack, STACK_DEFAULT);
    assert_true(rules[2].flags & PLAN_RULE_MIGRATE && rules[2].flags & PLAN_RULE_NEXT_TOUCH);
    assert_int_equal(rules[0].stack, STACK_THP_OFF);
    assert_int_equal(rules[0].move_bytes, 3 << 20); /* as [defaults] */
    assert_false(rules[0].flags & PLAN_RULE_NEXT_TOUCH);
    assert_int_equal(rules[1].move_bytes, 1); /* none: the least, a batch a second */
    assert_int_equal(rules[1].move_ms, 1);
    assert_true(compiled.view.header->features & PLAN_HAS_STACKS && compiled.view.header->features & PLAN_HAS_MIGRATE);
    compiled_free(&compiled);
}

static void who_is_not_observed_comes_into_the_plan(void **state)
{
    struct compiled compiled = compile_text("schema = 1\n[defaults]\nbind_to = \"core\"\n[[rules]]\nname = \"quiet\"\n"
                                            "match = { thread = \"x\" }\nexclusive = true\ncpus = \"all\"\n"
                                            "observe = \"off\"\n",
                                            "core:4");
    (void)state;
    assert_int_equal(compiled.result, 0);
    assert_true(compiled.view.rules[0].flags & PLAN_RULE_UNOBSERVED);
    assert_false(compiled.view.rules[1].flags & PLAN_RULE_UNOBSERVED);
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
        {&plan->header->main_memory, plan->count[PLAN_RULES], "a memory policy of a rule behind the rules"},
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

/* Masks have whole words, and the machine's CPUs may end within one: code counts on each bit being a CPU. */
static void a_mask_with_cpus_behind_the_last_one_is_refused(void **state)
{
    struct compiled compiled = good_plan();
    const struct plan_view *plan = &compiled.view;
    const uint32_t masks[] = {plan->header->main_mask, plan->header->allowed_mask, plan->nodes[0].cpus,
                              plan->slots[0].mask, plan->rules[0].set_mask};
    (void)state;
    assert_true(plan->count[PLAN_CPUS] < 32);
    for (size_t i = 0; i < sizeof(masks) / sizeof(*masks); i++) {
        const uint64_t *word = &plan->words[plan->masks[masks[i]].word_first];
        uint32_t low = (uint32_t)*word;
        struct plan_view view;
        void *copy;
        /* as many as before: the lowest one gives way to a CPU that is not there */
        uint32_t moved = (low & (low - 1)) | UINT32_C(1) << 31;
        size_t at = (size_t)((const char *)word - (const char *)compiled.bytes.data);
        if (check_changed(&compiled, at, moved, &view, &copy) != -EINVAL)
            fail_msg("mask %zu passed", i);
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
        cmocka_unit_test(any_flipped_bit_under_a_right_checksum_is_refused_or_safe),
        cmocka_unit_test(each_check_refuses_what_it_is_for),
        cmocka_unit_test(memory_keys_come_into_the_plan),
        cmocka_unit_test(who_is_not_observed_comes_into_the_plan),
        cmocka_unit_test(a_plan_that_passes_is_safe_to_use),
        cmocka_unit_test(the_first_number_that_is_not_sound_is_refused),
        cmocka_unit_test(a_mask_with_cpus_behind_the_last_one_is_refused),
        cmocka_unit_test(another_version_is_told_apart),
        cmocka_unit_test(hard_enforcement_refuses_what_soft_replaces),
        cmocka_unit_test(reserved_and_restricted_cpus_are_never_used),
        cmocka_unit_test(a_plan_for_4096_cpus_stays_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
