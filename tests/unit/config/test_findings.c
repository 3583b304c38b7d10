/* Each mistake gets its code, at the exact place, with the name that was meant. */
#include "fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RULE "[[rules]]\nname = \"r\"\nmatch = { thread = \"x\" }\n"

struct mistake {
    const char *text; /* after "schema = 1\n", so its first line is line 2 */
    const char *code;
    unsigned line, column, length;
    const char *says; /* in the message, behind the caret or in the help; NULL: not looked at */
};

static const struct mistake mistakes[] = {
    /* keys */
    {"[defaults]\ndistribtion = \"compact\"\n", "E012", 3, 1, 11, "did you mean `distribution`?"},
    {"extend = \"x\"\n", "E012", 2, 1, 6, "did you mean `extends`?"},
    {"[defalts]\n", "E012", 2, 2, 7, "did you mean `defaults`?"},
    {"[defaults]\npolicy = \"bind\"\n", "E012", 3, 1, 6, "`memory.policy`"},
    {"[defaults]\ncpulist = \"0\"\n", "E012", 3, 1, 7, "is called `cpus` here"},
    {"[defaults]\nproc_bind = \"close\"\n", "E012", 3, 1, 9, "is called `distribution` here"},
    {RULE "[rules.memory]\npolcy = \"bind\"\n", "E012", 6, 1, 5, "[rules.memory]"},
    {"[[rules]]\nname = \"r\"\nmatch = { thraed = \"x\" }\n", "E012", 4, 11, 6, "did you mean `thread`?"},
    {"[defaults]\nqqqqq = 1\n", "E012", 3, 1, 5, "in [defaults]"},
    /* words */
    {"[defaults]\nbind_to = \"numa\"\n", "E014", 3, 11, 6, "is called `node` here"},
    {"[defaults]\nbind_to = \"package\"\n", "E014", 3, 11, 9, "is called `socket` here"},
    {"[defaults]\nlevel = \"llc\"\n", "E014", 3, 9, 5, "is called `l3` here"},
    {"[defaults]\nlevel = \"threads\"\n", "E014", 3, 9, 9, "is called `cpu` here"},
    {"[defaults]\nlevel = \"cores\"\n", "E014", 3, 9, 7, "is called `core` here"},
    {"[defaults]\nlevel = \"none\"\n", "E014", 3, 9, 6, NULL},
    {"[defaults]\ndistribution = \"close\"\n", "E014", 3, 16, 7, "is called `compact` here"},
    {"[defaults]\ndistribution = \"spread\"\n", "E014", 3, 16, 8, "is called `scatter` here"},
    {"[defaults]\ndistribution = \"master\"\n", "E014", 3, 16, 8, "is called `primary` here"},
    {"[defaults]\ndistribution = \"round-robin\"\n", "E014", 3, 16, 13, "did you mean `round_robin`?"},
    {"[process]\nlevel = \"cpu\"\n", "E014", 3, 9, 5, "one of node, socket, l3, core"},
    {"[report]\nformats = [\"json\", \"jsno\"]\n", "E014", 3, 20, 6, "did you mean `json`?"},
    /* types and ranges */
    {"[defaults]\nbind_to = 1\n", "E013", 3, 11, 1, "takes one word, not an integer"},
    {"[defaults]\nnodes = 3\n", "E013", 3, 9, 1, "nodes = \"3\""},
    {"[defaults]\nexclusive = \"true\"\n", "E013", 3, 13, 6, "without quotes"},
    {"[defaults]\nmemory = \"bind\"\n", "E013", 3, 10, 6, "a table"},
    {"rules = { name = \"r\" }\n", "E013", 2, 9, 14, NULL},
    {"[target]\ncomm = [\"a\", 1]\n", "E013", 3, 14, 1, NULL},
    {"[defaults]\nmemory = { weights = { 0 = 3 } }\n", "E012", 3, 12, 7,
     "/sys/kernel/mm/mempolicy/weighted_interleave/nodeN"},
    {"[log]\nlevel = \"info\"\n", "E012", 2, 2, 3, "NODEWISE_LOG=FILE"},
    {"[defaults]\nrebalance = { imbalance = 2 }\n", "E015", 3, 27, 1, "from 0 to 1"},
    {"[cpu_count]\nreport = 0\n", "E015", 3, 10, 1, NULL},
    {"[process]\nmatch_delay = \"50\"\n", "E016", 3, 15, 4, "\"50ms\""},
    {"[process]\nmatch_delay = 50\n", "E016", 3, 15, 2, "without a unit"},
    {"[process]\nmatch_delay = \"99999999h\"\n", "E015", 3, 15, 11, NULL},
    {"[defaults]\nmemory = { prefault_size = \"1GB\" }\n", "E017", 3, 28, 5, "GiB"},
    {"[[rules]]\nname = \"r\"\nmatch = { index = \"0-3,x\" }\n", "E019", 4, 24, 1, NULL},
    {"[[rules]]\nname = \"r\"\nmatch = { index = -1 }\n", "E015", 4, 19, 2, NULL},
    {"[defaults]\nrename = \"\xc3\xa9{x}\"\n", "E026", 3, 12, 3, "known are {n} and {rule}"},
    {"[report]\nfile = \"{date}.json\"\n", "E026", 3, 9, 6, "{hostname}"},
    {"[cpu_count]\nexport = [\"OMP NUM\"]\n", "E027", 3, 11, 9, NULL},
    {"[cpu_count]\nexport = { \"OMP NUM\" = \"process\" }\n", "E027", 3, 12, 9, NULL},
    {"[cpu_count]\nexport = { A = 4 }\n", "E013", 3, 16, 1, "\"rule:RULE\""},
    {"[cpu_count]\nexport = { A = \"\" }\n", "E018", 3, 16, 2, NULL},
    {RULE "[cpu_count]\nexport = { A = \"rule:s\" }\n", "E029", 6, 22, 1, NULL},
    {"[[rules]]\nname = \"worker\"\nmatch = { main = true }\n[cpu_count]\nexport = { A = \"rule:wroker\" }\n", "E029",
     6, 22, 6, "did you mean `rule:worker`?"},
    {"[[rules]]\nname = \"worker\"\nmatch = { main = true }\n[cpu_count]\nexport = { A = \"worker\" }\n", "E014", 6, 16,
     8, "did you mean `rule:worker`?"},
    {RULE "[cpu_count]\nexport = { A = \"rule:\" }\n", "E014", 6, 16, 7, "`process`, or `rule:NAME`"},
    {RULE "threads = \"at_least:8\"\n", "E015", 5, 11, 12, "`auto`, `exactly:N` or `at_most:N`"},
    {RULE "threads = \"at_most:0\"\n", "E015", 5, 11, 11, NULL},
    {RULE "threads = 8\n", "E013", 5, 11, 1, "`auto`, `exactly:N` or `at_most:N`"},
    {"[defaults]\nthreads = \"auto\"\n", "E012", 3, 1, 7, NULL},
    {"[metrics]\nlabels = { \"a b\" = \"x\" }\n", "E027", 3, 12, 5, NULL},
    /* nothing in it */
    {"description = \"\"\n", "E018", 2, 15, 2, NULL},
    {"[target]\nexe = []\n", "E018", 3, 7, 2, NULL},
    {"[target]\nexe = [\"\"]\n", "E018", 3, 8, 2, NULL},
    {"[[rules]]\nname = \"r\"\nmatch = {}\n", "E018", 4, 9, 2, "[defaults]"},
    {"[[rules]]\nname = \"r\"\nmatch = []\n", "E018", 4, 9, 2, NULL},
    {"[defaults]\nnodes = []\n", "E018", 3, 9, 2, NULL},
    {"[report]\nformats = []\n", "E018", 3, 11, 2, NULL},
    /* rules */
    {"[[rules]]\nmatch = { main = true }\n", "E023", 2, 1, 9, NULL},
    {"[[rules]]\nname = \"r\"\n", "E022", 3, 8, 3, "no `match`"},
    {RULE RULE, "E021", 6, 8, 3, "first used in line 3"},
    {"[[pools]]\nthreads = \"auto\"\n", "E023", 2, 1, 9, NULL},
    {"[[pools]]\nname = \"r\"\n" RULE, "E021", 3, 8, 3, "a rule is named `r`, too"},
    {"[[pools]]\nname = \"p\"\nthreads = \"exactly:0\"\n", "E015", 4, 11, 11, NULL},
    {"[[pools]]\nname = \"p\"\nthreads = 8\n", "E013", 4, 11, 1, "`auto`, `exactly:N` or `at_most:N`"},
    {"[[pools]]\nname = \"p\"\nbacklog = 0\n", "E015", 4, 11, 1, "from 1 to 16777216"},
    {"[[pools]]\nname = \"p\"\nworkers = 8\n", "E012", 4, 1, 7, "in [[pools]]"},
    {"[[exchanges]]\nring = \"1MiB\"\n", "E023", 2, 1, 13, NULL},
    {"[[exchanges]]\nname = \"r\"\n" RULE, "E021", 3, 8, 3, "a rule is named `r`, too"},
    {"[[pools]]\nname = \"p\"\n[[exchanges]]\nname = \"P\"\n", "E021", 5, 8, 3, "a pool is named `P`, too"},
    {"[[exchanges]]\nname = \"p\"\n[[exchanges]]\nname = \"p\"\n", "E021", 5, 8, 3, "a second exchange"},
    {"[[exchanges]]\nname = \"p\"\nring = \"2GiB\"\n", "E015", 4, 8, 6, "at most 1GiB"},
    {"[[exchanges]]\nname = \"p\"\nnames = []\n", "E018", 4, 9, 2, NULL},
    {"[[exchanges]]\nname = \"p\"\npeers = 8\n", "E012", 4, 1, 5, "in [[exchanges]]"},
    {RULE "[[rules]]\nname = \"R\"\nmatch = { main = true }\n", "E021", 6, 8, 3, NULL},
    {"[[rules]]\nname = \"a b\"\nmatch = { main = true }\n", "E020", 3, 8, 5, NULL},
    {"[defaults]\nnodes = \"0\"\ncpus = \"1\"\n", "E024", 4, 1, 4, "exclude each other"},
    {RULE "near = \"node:0\"\nnodes = \"0\"\n", "E024", 6, 1, 5, NULL},
    {RULE "near = \"rule:s\"\n", "E029", 5, 14, 1, NULL},
    {"[[rules]]\nname = \"worker\"\nmatch = { main = true }\n[[rules]]\nname = \"b\"\nmatch = { thread = \"x\" }\n"
     "near = [\"all\", \"rule:wroker\"]\n",
     "E029", 8, 22, 6, "did you mean `rule:worker`?"},
    /* conditions */
    {"[[rules]]\nname = \"r\"\nmatch = { unnamed = true, thread = \"x\" }\n", "E025", 4, 36, 3, NULL},
    {"[[rules]]\nname = \"r\"\nmatch = { main = true, start_library = \"x\" }\n", "E025", 4, 40, 3, NULL},
    {"[[rules]]\nname = \"r\"\nmatch = { main = true, index = \"1-\" }\n", "E025", 4, 9, 29, NULL},
    {"[[rules]]\nname = \"r\"\nmatch = { main = false, index = 0 }\n", "E025", 4, 9, 27, NULL},
    /* sets, at the place inside the text */
    {"[defaults]\nnodes = \"numa:0\"\n", "E050", 3, 10, 6, "not a word of sets"},
    {"[defaults]\nnodes = \"0,\"\n", "E050", 3, 12, 1, "ends where a member is expected"},
    {"[defaults]\ncpus = \"0-7:0\"\n", "E051", 3, 12, 2, NULL},
    {"[defaults]\ncpus = \"5-3\"\n", "E051", 3, 10, 2, "A <= B"},
    {"[defaults]\ncpus = \"node-of(0\"\n", "E052", 3, 16, 1, "')' is missing"},
    {"[defaults]\ncpus = \"0 1\"\n", "E052", 3, 11, 1, "should end before this"},
    {"[defaults]\ncpus = \"0,!2\"\n", "E053", 3, 11, 2, "write \"!0,2\""},
    /* without effect */
    {"[defaults]\nmemory = { policy = \"local\", nodes = \"0\" }\n", "W008", 3, 30, 5, "preferred"},
    {"description = \"x\"\n", "W002", 0, 0, 1, NULL},
    /* syntax */
    {"[defaults\n", "E003", 2, 10, 1, NULL},
};

static bool contains(const char *text, const char *part)
{
    return text && strstr(text, part);
}

static void every_mistake_is_found_at_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        const struct mistake *mistake = &mistakes[i];
        char text[1024];
        snprintf(text, sizeof(text), "schema = 1\n%s", mistake->text);
        struct config config;
        int result = load_text(&config, text);
        const struct diag *diag = find_finding(&config, mistake->code);
        if (!diag) {
            diag_print(stderr, &config.diags, config.sources, (struct print_style){0});
            fail_msg("no %s in: %s", mistake->code, mistake->text);
        }
        assert_int_equal(result, mistake->code[0] == 'E' ? -EINVAL : 0);
        if (diag->span.line != mistake->line || diag->span.column != mistake->column ||
            diag->span.length != mistake->length)
            fail_msg("%s at %u:%u+%u, not %u:%u+%u, in: %s", mistake->code, diag->span.line, diag->span.column,
                     diag->span.length, mistake->line, mistake->column, mistake->length, mistake->text);
        if (mistake->says && !contains(diag->message, mistake->says) && !contains(diag->under, mistake->says) &&
            !contains(diag->help, mistake->says))
            fail_msg("%s does not say \"%s\": %s", mistake->code, mistake->says, diag->message);
        config_free(&config);
    }
}

static void a_file_says_its_version(void **state)
{
    (void)state;
    struct config config;
    assert_int_equal(load_text(&config, "[defaults]\nbind_to = \"core\"\n"), -EINVAL);
    assert_non_null(find_finding(&config, "E010"));
    config_free(&config);

    /* another version: nothing else of the file is judged */
    assert_int_equal(load_text(&config, "schema = 2\nnew_key = 1\n"), -EINVAL);
    assert_non_null(find_finding(&config, "E011"));
    assert_int_equal(config.diags.errors, 1);
    config_free(&config);
}

static void all_findings_come_at_once_in_the_order_of_the_file(void **state)
{
    (void)state;
    struct config config;
    assert_int_equal(load_text(&config, "schema = 1\n[zzzz]\n[defaults]\nlevel = \"llc\"\nbind_to = 1\n[[rules]]\n"
                                        "name = \"r\"\n"),
                     -EINVAL);
    static const char *const codes[] = {"E012", "E014", "E013", "E022"};
    assert_int_equal(config.diags.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(diag_code_name(config.diags.items[i].code), codes[i]);
    assert_null(config.policy);
    config_free(&config);
}

static void set_syntax_is_checked_where_it_stands(void **state)
{
    (void)state;
    struct config config;
    assert_int_equal(load_text(&config, "schema = 1\n[defaults]\nnodes = [\"0\", \"0-x\"]\n"), -EINVAL);
    assert_true(config.diags.errors >= 1);
    assert_int_equal(config.diags.items[0].span.line, 3);
    assert_true(config.diags.items[0].span.column > 14);
    config_free(&config);
}

static void findings_read_like_a_compilers(void **state)
{
    (void)state;
    static const char text[] = "schema = 1\n[defaults]\ndistribtion = \"compact\"\n\tlevel = \"llc\" # ok\n";
    struct folder folder;
    folder_make(&folder);
    const char *path = folder_write(&folder, "p.toml", text);
    struct config config;
    load_layers(&config, path, NULL, NULL);

    char *printed = NULL, expected[1024];
    size_t size;
    FILE *memory = open_memstream(&printed, &size);
    diag_print(memory, &config.diags, config.sources, (struct print_style){0});
    fclose(memory);
    snprintf(expected, sizeof(expected),
             "%s:3:1: error[E012]: unknown key `distribtion` in [defaults]\n"
             "  |\n"
             "3 | distribtion = \"compact\"\n"
             "  | ^^^^^^^^^^^ did you mean `distribution`?\n"
             "%s:4:10: error[E014]: `level` does not know the word `llc`\n"
             "  |\n"
             "4 | \tlevel = \"llc\" # ok\n"
             "  | \t        ^^^^^ is called `l3` here\n"
             "  = help: one of node, socket, l3, core, cpu\n"
             "2 errors\n",
             path, path);
    assert_string_equal(printed, expected);
    free(printed);
    config_free(&config);
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mistake_is_found_at_its_place),
        cmocka_unit_test(a_file_says_its_version),
        cmocka_unit_test(all_findings_come_at_once_in_the_order_of_the_file),
        cmocka_unit_test(set_syntax_is_checked_where_it_stands),
        cmocka_unit_test(findings_read_like_a_compilers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
