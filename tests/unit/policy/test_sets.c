#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/setexpr.h"
#include "tests/unit/policy/fixture.h"

/* --- cpuset --- */

static void lists_are_read_as_the_kernel_writes_them(void **state)
{
    static const struct {
        const char *text, *normal;
        int result;
    } cases[] = {
        {"", "", 0},
        {"0", "0", 0},
        {"0-3,8", "0-3,8", 0},
        {"8,0-3", "0-3,8", 0},
        {"0-7:2", "0,2,4,6", 0},
        {"5,5,5", "5", 0},
        {"63-65", "63-65", 0},
        {"4095", "4095", 0},
        {"3-1", NULL, -EINVAL},
        {"0-", NULL, -EINVAL},
        {"-3", NULL, -EINVAL},
        {"0,", NULL, -EINVAL},
        {",0", NULL, -EINVAL},
        {"0 1", NULL, -EINVAL},
        {"0-7:0", NULL, -EINVAL},
        {"x", NULL, -EINVAL},
        {"131072", NULL, -ERANGE},
        {"99999999999999999999", NULL, -ERANGE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct cpuset set = CPUSET_EMPTY;
        assert_int_equal(cpuset_parse_list(&set, cases[i].text, NULL), cases[i].result);
        if (cases[i].result == 0)
            assert_cpus(&set, cases[i].normal);
        cpuset_free(&set);
    }
}

static void sets_of_any_size_compute_alike(void **state)
{
    struct cpuset small = CPUSET_EMPTY, large = CPUSET_EMPTY, copy = CPUSET_EMPTY;
    (void)state;
    cpuset_add_range(&small, 0, 3);
    cpuset_add_range(&large, 2, 4000);
    assert_true(cpuset_intersects(&small, &large) && cpuset_intersects(&large, &small));
    assert_false(cpuset_is_subset(&small, &large));
    cpuset_copy(&copy, &large);
    assert_true(cpuset_equal(&copy, &large));
    cpuset_and(&copy, &small);
    assert_cpus(&copy, "2-3");
    assert_true(cpuset_is_subset(&copy, &small) && cpuset_is_subset(&copy, &large));
    cpuset_andnot(&large, &small);
    assert_int_equal(cpuset_first(&large), 4);
    assert_int_equal(cpuset_last(&large), 4000);
    assert_int_equal(cpuset_weight(&large), 3997);
    cpuset_clear(&large);
    assert_true(cpuset_is_empty(&large) && cpuset_equal(&large, &CPUSET_EMPTY));
    assert_int_equal(cpuset_add(&small, CPUSET_MAX_ID + 1), -ERANGE);
    cpuset_free(&small);
    cpuset_free(&large);
    cpuset_free(&copy);
}

static void a_short_buffer_gets_a_beginning_and_the_whole_length(void **state)
{
    struct cpuset set = CPUSET_EMPTY;
    char text[6];
    (void)state;
    cpuset_add_range(&set, 10, 12);
    cpuset_add(&set, 20);
    assert_int_equal(cpuset_format(&set, text, sizeof(text)), strlen("10-12,20"));
    assert_string_equal(text, "10-12");
    cpuset_free(&set);
}

/* --- the set grammar --- */

static int answer_rule(void *context, const char *name, struct cpuset *ret_cpus)
{
    (void)context;
    if (strcmp(name, "io") == 0)
        return cpuset_add_range(ret_cpus, 4, 5);
    return strcmp(name, "self") == 0 ? -ELOOP : -ENOENT;
}

/* CPUs that the list of alternatives gives on the machine, "-" when all are empty, "!" for an error. */
static char *resolve(const char *topology_text, enum set_unit unit, const char *const *items, size_t count)
{
    struct topology *topology = load_topology(topology_text);
    struct set_scope scope = {.topology = topology, .limit = &topology->allowed, .rule_cpus = answer_rule, .gpu = -1};
    struct diag_list diags = {0};
    struct text texts[4];
    for (size_t i = 0; i < count; i++)
        texts[i] = (struct text){items[i], {.source = "t", .line = 1, .column = 1, .length = 1}};
    struct set_list list = {texts, count};
    struct set_result result = {0};
    char *text = NULL;
    if (setexpr_resolve(&list, unit, &scope, &result, &diags) < 0) {
        assert_true(diags.errors > 0);
        text = strdup("!");
    } else {
        text = cpuset_is_empty(&result.cpus) ? strdup("-") : cpuset_to_string(&result.cpus);
        assert_true(cpuset_is_subset(&result.cpus, scope.limit));
    }
    set_result_free(&result);
    diag_list_free(&diags);
    topology_free(topology);
    return text;
}

#define FOUR_NODES "pack:2 numa:2 l3:1 core:2 pu:2" /* 16 CPUs: node n has 4n .. 4n+3 */

static void every_word_means_what_the_manual_says(void **state)
{
    static const struct {
        enum set_unit unit;
        const char *text, *cpus;
    } cases[] = {
        {SET_CPUS, "0-3,8", "0-3,8"},
        {SET_CPUS, "0-7:2", "0,2,4,6"},
        {SET_CPUS, "!0", "1-15"},
        {SET_CPUS, "!0,2", "1,3-15"},
        {SET_CPUS, "+0-1", "0-1"},
        {SET_CPUS, "all", "0-15"},
        {SET_CPUS, "none", "-"},
        {SET_CPUS, "99", "-"},
        {SET_NODES, "1", "4-7"},
        {SET_NODES, "0,3", "0-3,12-15"},
        {SET_NODES, "!0", "4-15"},
        {SET_NODES, "+1", "4-7"},
        {SET_NODES, "all", "0-15"},
        {SET_NODES, "local", "0-15"},
        {SET_NODES, "7", "-"},
        {SET_NODES, "2-9", "8-15"},
        {SET_CPUS, "node:2", "8-11"},
        {SET_CPUS, "socket:1", "8-15"},
        {SET_CPUS, "l3:3", "12-15"},
        {SET_CPUS, "core:1-2", "2-5"},
        {SET_CPUS, "cpu:5", "5"},
        {SET_CPUS, "rule:io", "4-5"},
        {SET_NEAR, "node-of(rule:io)", "4-7"},
        {SET_NEAR, "socket-of(cpu:9)", "8-15"},
        {SET_NEAR, "l3-of(core-of(cpu:3))", "0-3"},
        {SET_NEAR, "node:1", "4-7"},
        {SET_CPUS, "perf", "0-15"},
        {SET_CPUS, "eff", "-"},
        {SET_CPUS, " 1 , 2 ", "1-2"},
        {SET_NEAR, "netdev:eth9", "-"},
        {SET_NEAR, "gpu:auto", "-"},
        {SET_NEAR, "file:/x", "-"},
        {SET_CPUS, "socket:0 & 3-9", "3-7"},
        {SET_CPUS, "0-7 & !2", "0-1,3-7"},
        {SET_CPUS, "0-7&!2&!3", "0-1,4-7"},
        {SET_CPUS, "15,0-7 & 4-9", "4-7,15"}, /* '&' binds closer */
        {SET_CPUS, "(15,0-7) & 4-15", "4-7,15"},
        {SET_CPUS, "node:1 & !(core:2,cpu:6)", "7"},
        {SET_CPUS, "!(0-3,8)", "4-7,9-15"},
        {SET_CPUS, "(!0-3) & socket:0", "4-7"},
        {SET_CPUS, "!0-3 & 2-9", "0-1,4-15"}, /* about the whole set */
        {SET_CPUS, "+0-7 & !2", "0-1,3-7"},
        {SET_CPUS, "node-of(rule:io & cpu:4) & !rule:io", "6-7"},
        {SET_CPUS, "core:0 & core:1", "-"},
        {SET_CPUS, "all & !all", "-"},
        {SET_NODES, "node:0 & core:1", "2-3"},
        {SET_NODES, "all & !core:0", "2-15"},
        {SET_NODES, "core:0 & core:1", "-"},
        {SET_NEAR, "netdev:a&b , node:1", "4-7"}, /* without a blank it belongs to the name */
        {SET_NEAR, "netdev:eth9 & node:1", "-"},
        /* mistakes */
        {SET_CPUS, "0 &", "!"},
        {SET_CPUS, "& 0", "!"},
        {SET_CPUS, "0 && 1", "!"},
        {SET_CPUS, "0 & !!1", "!"},
        {SET_CPUS, "0 & +1", "!"},
        {SET_CPUS, "(0", "!"},
        {SET_CPUS, "()", "!"},
        {SET_CPUS, "0 & (1", "!"},
        {SET_CPUS, "((((((((((1))))))))))", "!"},
        {SET_CPUS, "", "!"},
        {SET_CPUS, "0,,1", "!"},
        {SET_CPUS, "3-1", "!"},
        {SET_CPUS, "1,!2", "!"},
        {SET_CPUS, "numa:0", "!"},
        {SET_CPUS, "l3-of(cpu:1", "!"},
        {SET_CPUS, "1)", "!"},
        {SET_CPUS, "rule:nobody", "!"},
        {SET_CPUS, "rule:self", "!"},
        {SET_CPUS, "node:", "!"},
        {SET_CPUS, "node:x", "!"},
        {SET_CPUS, "netdev:", "!"},
        {SET_CPUS, "allx", "!"},
        {SET_CPUS, "999999999", "!"},
        {SET_CPUS, "l3-of(l3-of(l3-of(l3-of(l3-of(l3-of(l3-of(l3-of(l3-of(l3-of(cpu:1))))))))))", "!"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *got = resolve(FOUR_NODES, cases[i].unit, &cases[i].text, 1);
        if (strcmp(got, cases[i].cpus) != 0)
            fail_msg("\"%s\" gave %s, not %s", cases[i].text, got, cases[i].cpus);
        free(got);
    }
}

static void the_first_alternative_that_is_not_empty_is_taken(void **state)
{
    static const char *const items[] = {"netdev:eth9", "node:99", "node:2", "all"};
    (void)state;
    char *got = resolve(FOUR_NODES, SET_NEAR, items, 4);
    assert_string_equal(got, "8-11");
    free(got);
}

static void sets_stay_inside_what_is_allowed(void **state)
{
    static const char *const everything[] = {"all"}, *const first[] = {"+0-1"}, *const inverted[] = {"!0"};
    static const char restricted[] = FOUR_NODES "; allowed=5-9; mems=1-2";
    (void)state;
    char *got = resolve(restricted, SET_CPUS, everything, 1);
    assert_string_equal(got, "5-9");
    free(got);
    got = resolve(restricted, SET_CPUS, first, 1);
    assert_string_equal(got, "5-6");
    free(got);
    got = resolve(restricted, SET_NODES, inverted, 1);
    assert_string_equal(got, "5-9");
    free(got);
}

static void an_error_points_at_the_character(void **state)
{
    struct text item = {"0-3,x9", {.source = "f", .line = 7, .column = 9, .length = 8}};
    struct diag_list diags = {0};
    (void)state;
    assert_int_equal(setexpr_check(&item, SET_CPUS, &diags), -EINVAL);
    assert_int_equal(diags.count, 1);
    assert_int_equal(diags.items[0].span.line, 7);
    assert_int_equal(diags.items[0].span.column, 9 + 1 + 4); /* the quote, then "0-3," */
    assert_int_equal(diags.items[0].span.length, 2);
    diag_list_free(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_read_as_the_kernel_writes_them),
        cmocka_unit_test(sets_of_any_size_compute_alike),
        cmocka_unit_test(a_short_buffer_gets_a_beginning_and_the_whole_length),
        cmocka_unit_test(every_word_means_what_the_manual_says),
        cmocka_unit_test(the_first_alternative_that_is_not_empty_is_taken),
        cmocka_unit_test(sets_stay_inside_what_is_allowed),
        cmocka_unit_test(an_error_points_at_the_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
