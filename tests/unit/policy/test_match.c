#include <stdio.h>
#include <string.h>

#include "tests/unit/policy/fixture.h"

static void globs_match_as_fnmatch_does(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "abc", true},
        {"a*c", "abbc", true},
        {"a*c", "abbd", false},
        {"io_thd_*", "io_thd_1", true},
        {"io_thd_*", "io_thd", false},
        {"?", "a", true},
        {"?", "", false},
        {"a?c", "abc", true},
        {"[a-c]x", "bx", true},
        {"[a-c]x", "dx", false},
        {"[!a-c]x", "dx", true},
        {"[]]", "]", true},
        {"[", "[", true},
        {"[a", "[a", true},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"**b**", "abc", true},
        {"*.so*", "libgomp.so.1", true},
        {"C? CompilerThre*", "C2 CompilerThre", true},
        {"a*b*c", "aXbYbZc", true},
        {"a*b*c", "aXbYbZ", false},
        {"\\", "\\", true},
        {"[a-]", "-", true},
        {"ü*", "über", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        if (glob_match(cases[i].pattern, cases[i].text) != cases[i].matches)
            fail_msg("%s on %s", cases[i].pattern, cases[i].text);
}

static void a_hostile_pattern_takes_no_exponential_time(void **state)
{
    char pattern[201], text[2001];
    (void)state;
    for (int i = 0; i < 200; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[199] = 'b';
    pattern[200] = '\0';
    memset(text, 'a', 2000);
    text[2000] = '\0';
    for (int i = 0; i < 100; i++) /* would not end for years if every star were tried everywhere */
        assert_false(glob_match(pattern, text));
}

#define POLICY                                                                                                         \
    "schema = 1\n[defaults]\nbind_to = \"node\"\n"                                                                     \
    "[[rules]]\nname = \"main\"\nmatch = { main = true, forked = false }\nbind_to = \"core\"\n"                        \
    "[[rules]]\nname = \"io\"\nmatch = { thread = [\"io_*\", \"net-?\"] }\n"                                           \
    "[[rules]]\nname = \"omp\"\nmatch = { start_library = \"libgomp*.so*\", unnamed = true }\n"                        \
    "[[rules]]\nname = \"path\"\nmatch = { creator_library = \"/opt/*/libx.so\" }\n"                                   \
    "[[rules]]\nname = \"some\"\nmatch = [{ index = \"5-6,9-\" }, { start_function = \"worker*\" }]\n"                 \
    "[[rules]]\nname = \"child\"\nmatch = { forked = true }\n"

static void the_first_rule_that_matches_decides(void **state)
{
    struct compiled compiled = compile_text(POLICY, "core:4");
    const struct plan_view *plan = &compiled.view;
    struct process_facts process = {.exe = "/bin/x", .comm = "x", .argv = "x", .index = PLAN_NONE};
    struct process_facts child = process;
    child.forked = true;
    const struct {
        const char *what;
        struct thread_facts facts;
        const char *rule; /* NULL: none */
    } cases[] = {
        {"main", {.name = "x", .main = true, .process = &process}, "main"},
        {"main of a forked child", {.name = "x", .main = true, .process = &child}, "child"},
        {"a name", {.name = "io_1", .index = 1, .process = &process}, "io"},
        {"the second pattern", {.name = "net-7", .index = 1, .process = &process}, "io"},
        {"an inherited name is none", {.name = "io_1", .unnamed = true, .index = 1, .process = &process}, "defaults"},
        {"a library by its base name",
         {.unnamed = true, .index = 1, .start_library = "/usr/lib/libgomp.so.1", .process = &process},
         "omp"},
        {"all conditions must hold",
         {.name = "n", .index = 1, .start_library = "/usr/lib/libgomp.so.1", .process = &process},
         "defaults"},
        {"a pattern with a slash is about the path",
         {.unnamed = true, .index = 1, .creator_library = "/opt/a/libx.so", .process = &process},
         "path"},
        {"and does not fit another path",
         {.unnamed = true, .index = 1, .creator_library = "/usr/libx.so", .process = &process},
         "defaults"},
        {"an index", {.unnamed = true, .index = 6, .process = &process}, "some"},
        {"an open range", {.unnamed = true, .index = 4000, .process = &process}, "some"},
        {"one of several tables",
         {.unnamed = true, .index = 1, .start_function = "worker_main", .process = &process},
         "some"},
        {"the catch-all", {.unnamed = true, .index = 1, .process = &process}, "defaults"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint32_t rule = match_rule(plan, &cases[i].facts);
        const char *name = rule == PLAN_NONE ? "none" : plan_text(plan, plan->rules[rule].name);
        if (strcmp(name, cases[i].rule) != 0)
            fail_msg("%s: rule %s instead of %s", cases[i].what, name, cases[i].rule);
    }
    compiled_free(&compiled);
}

/* What is said of the process, each with its neighbour that does not fit. */
static void rules_match_the_process(void **state)
{
    static const char policy[] = "schema = 1\n[defaults]\nbind_to = \"node\"\n"
                                 "[[rules]]\nname = \"exe\"\nmatch = { process_exe = \"/opt/*/bin/server\" }\n"
                                 "[[rules]]\nname = \"comm\"\nmatch = { process_comm = [\"first\", \"second*\"] }\n"
                                 "[[rules]]\nname = \"argv\"\nmatch = { process_argv = \"*--mode batch*\" }\n"
                                 "[[rules]]\nname = \"parent\"\nmatch = { parent_comm = \"supervis?r\" }\n"
                                 "[[rules]]\nname = \"number\"\nmatch = { process_index = \"2-3\" }\n";
#define PROCESS(path, name, line, parent, number)                                                                      \
    {                                                                                                                  \
        .exe = path, .comm = name, .argv = line, .parent_comm = parent, .index = number                                \
    }
    static const struct {
        struct process_facts process;
        const char *rule;
    } cases[] = {
        {PROCESS("/opt/a/bin/server", "x", "x", "sh", 9), "exe"},
        {PROCESS("/usr/bin/server", "x", "x", "sh", 9), "defaults"},
        {PROCESS("/opt/a/bin/server2", "x", "x", "sh", 9), "defaults"},
        {PROCESS("/bin/x", "second-1", "x", "sh", 9), "comm"},
        {PROCESS("/bin/x", "first-1", "x", "sh", 9), "defaults"},
        {PROCESS("/bin/x", "x", "x --mode batch -v", "sh", 9), "argv"},
        {PROCESS("/bin/x", "x", "x --mode web", "sh", 9), "defaults"},
        {PROCESS("/bin/x", "x", "x", "supervisor", 9), "parent"},
        {PROCESS("/bin/x", "x", "x", "supervisors", 9), "defaults"},
        {PROCESS("/bin/x", "supervisor", "x", "sh", 9), "defaults"}, /* the parent's name alone */
        {PROCESS("/bin/x", "x", "x", "sh", 2), "number"},
        {PROCESS("/bin/x", "x", "x", "sh", 4), "defaults"},
        {PROCESS("/bin/x", "x", "x", "sh", PLAN_NONE), "defaults"},
    };
#undef PROCESS
    struct compiled compiled = compile_text(policy, "core:4");
    const struct plan_view *plan = &compiled.view;
    (void)state;
    assert_true(plan->header->features & PLAN_NEEDS_PARENT);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct thread_facts facts = {.unnamed = true, .index = 1, .process = &cases[i].process};
        uint32_t rule = match_rule(plan, &facts);
        const char *name = rule == PLAN_NONE ? "none" : plan_text(plan, plan->rules[rule].name);
        if (strcmp(name, cases[i].rule) != 0)
            fail_msg("case %zu: rule %s instead of %s", i, name, cases[i].rule);
    }
    compiled_free(&compiled);
}

static void main_keeps_the_union_unless_a_rule_names_it(void **state)
{
    struct compiled compiled = compile_text(
        "schema = 1\n[defaults]\nbind_to = \"cpu\"\n[[rules]]\nname = \"a\"\nmatch = { index = \"0-\" }\n", "core:4");
    struct process_facts process = {.exe = "/bin/x", .comm = "x", .argv = "x", .index = PLAN_NONE};
    struct sim_thread threads[2] = {{.facts = {.name = "x", .main = true, .process = &process}},
                                    {.facts = {.unnamed = true, .index = 1, .process = &process}}};
    (void)state;
    assert_int_equal(plan_simulate(&compiled.view, threads, 2), 0);
    assert_true(threads[0].main_union);
    assert_cpus(&threads[0].cpus, "0-3");
    assert_false(threads[1].main_union);
    cpuset_free(&threads[0].cpus);
    cpuset_free(&threads[1].cpus);
    compiled_free(&compiled);
}

static void why_names_the_condition_that_failed(void **state)
{
    struct compiled compiled = compile_text(POLICY, "core:4");
    struct process_facts process = {.exe = "/bin/x", .comm = "x", .argv = "x", .index = PLAN_NONE};
    struct thread_facts facts = {
        .name = "n", .index = 1, .start_library = "/usr/lib/libgomp.so.1", .process = &process};
    struct thread_facts main_thread = {.name = "io_1", .main = true, .process = &process};
    const struct plan_condition *failed = NULL;
    (void)state;
    assert_false(match_one(&compiled.view, 0, &facts, &failed));
    assert_int_equal(failed->key, PLAN_KEY_MAIN);
    assert_false(match_one(&compiled.view, 1, &facts, &failed));
    assert_int_equal(failed->key, PLAN_KEY_THREAD);
    assert_false(match_one(&compiled.view, 2, &facts, &failed));
    assert_int_equal(failed->key, PLAN_KEY_UNNAMED);
    assert_false(match_one(&compiled.view, compiled.view.count[PLAN_RULES] - 1, &main_thread, &failed));
    assert_null(failed); /* the catch-all has no condition, and does not take main */
    compiled_free(&compiled);
}

/* --- what check says --- */

static void lint_finds_what_can_never_match(void **state)
{
    static const struct {
        const char *rules, *code;
        bool said;
    } cases[] = {
        {"[[rules]]\nname = \"a\"\nmatch = { thread = \"C2 CompilerThread*\" }\n", "W007", true},
        {"[[rules]]\nname = \"a\"\nmatch = { thread = \"C2 CompilerThre*\" }\n", "W007", false},
        {"[[rules]]\nname = \"a\"\nmatch = { thread = \"*\" }\n[[rules]]\nname = \"b\"\nmatch = { thread = \"io\" }\n",
         "W022", true},
        {"[[rules]]\nname = \"a\"\nmatch = { thread = \"io_*\" }\n[[rules]]\nname = \"b\"\nmatch = { thread = "
         "\"io_thd_*\" }\n",
         "W022", true},
        {"[[rules]]\nname = \"a\"\nmatch = { thread = \"io_thd_*\" }\n[[rules]]\nname = \"b\"\nmatch = { thread = "
         "\"io_*\" }\n",
         "W022", false},
        {"[[rules]]\nname = \"a\"\nmatch = { unnamed = true }\n[[rules]]\nname = \"b\"\nmatch = { main = true }\n",
         "W022", false},
        {"[[rules]]\nname = \"a\"\nmatch = { index = \"0-9\" }\n[[rules]]\nname = \"b\"\nmatch = { index = \"3\" }\n",
         "W022", true},
        {"[[rules]]\nname = \"a\"\nmatch = { main = true }\nmemory = { policy = \"bind\" }\n", "W023", true},
        {"[[rules]]\nname = \"a\"\nmatch = { main = true }\nmemory = { policy = \"preferred\" }\n", "W023", false},
        {"[[rules]]\nname = \"a\"\nmatch = { main = true }\nlevel = \"l3\"\nbind_to = \"node\"\n", "W024", true},
        {"[[rules]]\nname = \"a\"\nmatch = { main = true }\nnodes = \"7\"\n", "W020", true},
        {"[[rules]]\nname = \"a\"\nmatch = { main = true }\nnodes = [\"7\", \"all\"]\n", "W020", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[600];
        snprintf(text, sizeof(text), "schema = 1\n%s", cases[i].rules);
        struct compiled compiled = compile_text(text, "numa:1 l3:2 core:2 pu:1");
        if (was_said(&compiled.diags, cases[i].code) != cases[i].said)
            fail_msg("%s %s for\n%s", cases[i].code, cases[i].said ? "is missing" : "was said", cases[i].rules);
        compiled_free(&compiled);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(globs_match_as_fnmatch_does),
        cmocka_unit_test(a_hostile_pattern_takes_no_exponential_time),
        cmocka_unit_test(the_first_rule_that_matches_decides),
        cmocka_unit_test(rules_match_the_process),
        cmocka_unit_test(main_keeps_the_union_unless_a_rule_names_it),
        cmocka_unit_test(why_names_the_condition_that_failed),
        cmocka_unit_test(lint_finds_what_can_never_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
