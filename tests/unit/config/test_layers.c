#include "fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BASE                                                                                                           \
    "schema = 1\n[defaults]\nnear = \"netdev:eth0\"\nbind_to = \"core\"\n[defaults.memory]\npolicy = \"interleave\"\n" \
    "nodes = \"all\"\n[[rules]]\nname = \"io\"\nmatch = { thread = \"io_*\" }\nexclusive = true\n"                     \
    "[[rules]]\nname = \"rest\"\nmatch = { main = false }\n"

static void rules_inherit_key_by_key(void **state)
{
    (void)state;
    struct config config;
    assert_int_equal(load_text(&config, BASE "memory = { policy = \"local\" }\nnodes = \"1\"\n"), 0);
    const struct placement *io = &find_rule(&config, "io")->placement, *rest = &find_rule(&config, "rest")->placement;
    assert_int_equal(io->bind_to, LEVEL_CORE);
    assert_true(io->exclusive);
    assert_string_equal(io->near.items[0].value, "netdev:eth0");
    assert_int_equal(io->memory.policy, MEM_INTERLEAVE);
    /* nodes drops the inherited near; memory merges per key */
    assert_int_equal(rest->near.count, 0);
    assert_string_equal(rest->nodes.items[0].value, "1");
    assert_int_equal(rest->bind_to, LEVEL_CORE);
    assert_false(rest->exclusive);
    assert_int_equal(rest->memory.policy, MEM_LOCAL);
    assert_int_equal(rest->memory.nodes.count, 1);
    assert_true(config.policy->has_defaults);
    config_free(&config);
}

static void variables_and_settings_go_over_files(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    const char *path = folder_write(&folder, "p.toml", BASE);
    const char *variables[] = {"NODEWISE_DEFAULTS__BIND_TO=l3",
                               "NODEWISE_RULES__IO__CPUS=0-1",
                               "OTHER=1",
                               "NODEWISE_POLICY=ignored-because-of-p",
                               "NODEWISE_DISABLE=1",
                               "NODEWISE_RULES__REST__MEMORY__NODES=[\"0\", \"all\"]",
                               "NODEWISE_METRICS__LABELS__TEAM=blue",
                               NULL};
    const char *settings[] = {"defaults.bind_to=cpu", "rules.io.exclusive=false", "rules.io.near=node:0", NULL};
    struct config config;
    assert_int_equal(load_layers(&config, path, variables, settings), 0);
    assert_int_equal(config.policy->defaults.bind_to, LEVEL_CPU);
    const struct placement *io = &find_rule(&config, "io")->placement, *rest = &find_rule(&config, "rest")->placement;
    assert_false(io->exclusive);
    assert_int_equal(io->cpus.count, 0); /* the later layer's near took its place */
    assert_string_equal(io->near.items[0].value, "node:0");
    assert_int_equal(rest->memory.nodes.count, 2);
    assert_string_equal(rest->near.items[0].value, "netdev:eth0");
    assert_string_equal(config.policy->metrics.labels[0].name, "team");
    assert_string_equal(config.policy->metrics.labels[0].value, "blue");
    config_free(&config);
    folder_remove(&folder);
}

static void variables_alone_are_a_policy(void **state)
{
    (void)state;
    const char *variables[] = {"NODEWISE_DEFAULTS__BIND_TO=core", "NODEWISE_RULES__IO__MATCH__THREAD=[ab]*",
                               "NODEWISE_RULES__IO__NODES=0", NULL};
    struct config config;
    assert_int_equal(load_layers(&config, NULL, variables, NULL), 0);
    assert_true(config.policy->has_defaults);
    assert_null(config.main_file);
    assert_string_equal(find_rule(&config, "io")->matches[0].thread.items[0].value, "[ab]*");
    config_free(&config);

    const char *nothing[] = {"PATH=/bin", "NODEWISE_DISABLE=0", "NODEWISE_LOG=x", NULL};
    assert_int_equal(load_layers(&config, NULL, nothing, NULL), -ENOENT);
    assert_false(config.found);
    assert_int_equal(config.diags.count, 0);
    config_free(&config);
}

static void mistakes_in_variables_and_settings_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *variable, *setting, *code, *says;
    } cases[] = {
        {"NODEWISE_DEFUALTS__BIND_TO=core", NULL, "E012", "NODEWISE_DEFAULTS__BIND_TO"},
        {"NODEWISE_DEFAULTS__BINDTO=core", NULL, "E012", "NODEWISE_DEFAULTS__BIND_TO"},
        {"NODEWISE_DEFAULTS__BIND_TO=croe", NULL, "E014", "core"},
        {"NODEWISE_DEFAULTS__BIND_TO=", NULL, "E014", NULL},
        {"NODEWISE_DEFAULTS__=x", NULL, "E012", NULL},
        {"NODEWISE_DEFAULTS__BIND_TO__X=1", NULL, "E012", NULL},
        {"NODEWISE_DEFAULTS__MEMORY=local", NULL, "E003", NULL},
        {"NODEWISE_DEFAULTS__EXCLUSIVE=yes", NULL, "E013", NULL},
        {"NODEWISE_RULES__IO=x", NULL, "E028", NULL},
        {"NODEWISE_RULES__IO__NODES=0", NULL, "E022", NULL},
        {"NODEWISE_POLCIY=x.toml", "defaults.bind_to=core", "W001", "NODEWISE_POLICY"},
        {NULL, "defaults.bind_to", "E028", NULL},
        {NULL, "=core", "E028", NULL},
        {NULL, "", "E028", NULL},
        {NULL, "defaults.bindto=core", "E012", "defaults.bind_to"},
        {NULL, "schema=2", "E012", NULL},
        {NULL, "defaults.exclusive=true\nx = 1", "E013", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *variables[] = {cases[i].variable, NULL}, *settings[] = {cases[i].setting, NULL};
        struct config config;
        int result = load_layers(&config, NULL, variables, settings);
        const struct diag *diag = find_finding(&config, cases[i].code);
        if (!diag)
            fail_msg("no %s for %s %s", cases[i].code, cases[i].variable, cases[i].setting);
        assert_int_equal(result, cases[i].code[0] == 'E' ? -EINVAL : 0);
        if (cases[i].says)
            assert_true((diag->under && strstr(diag->under, cases[i].says)) ||
                        (diag->help && strstr(diag->help, cases[i].says)));
        config_free(&config);
    }
}

static void extended_files_lie_below_and_drop_ins_above(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    folder_write(&folder, "sub/base.toml", "schema = 1\nextends = \"../ground.toml\"\n[defaults]\nlevel = \"core\"\n");
    folder_write(&folder, "ground.toml", BASE);
    folder_write(&folder, "p.toml.d/20-b.toml", "schema = 1\n[defaults]\nsmt = \"allow\"\n");
    folder_write(&folder, "p.toml.d/10-a.toml",
                 "schema = 1\n[defaults]\nsmt = \"one_per_core\"\nexclusive = true\n[[rules]]\nname = \"drop\"\n"
                 "match = { thread = \"d\" }\n");
    folder_write(&folder, "p.toml.d/.hidden.toml", "not toml");
    folder_write(&folder, "p.toml.d/note.txt", "not toml");
    const char *path = folder_write(&folder, "p.toml",
                                    "schema = 1\nextends = [\"sub/base.toml\"]\n[defaults]\nbind_to = \"node\"\n"
                                    "[[rules]]\nname = \"own\"\nmatch = { thread = \"o\" }\n"
                                    "[[rules]]\nname = \"IO\"\nbind_to = \"cpu\"\n");
    struct config config;
    assert_int_equal(load_layers(&config, path, NULL, NULL), 0);
    const struct policy *policy = config.policy;
    assert_int_equal(policy->defaults.bind_to, LEVEL_NODE);
    assert_int_equal(policy->defaults.level, LEVEL_CORE);
    assert_int_equal(policy->defaults.smt, SMT_ALLOW);
    assert_true(policy->defaults.exclusive);
    /* new rules of an upper layer first; a changed rule stays where it was */
    static const char *const order[] = {"drop", "own", "io", "rest"};
    assert_int_equal(policy->rule_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(policy->rules[i].name, order[i]);
    assert_int_equal(find_rule(&config, "io")->placement.bind_to, LEVEL_CPU);
    assert_string_equal(find_rule(&config, "io")->matches[0].thread.items[0].value, "io_*");
    config_free(&config);
    folder_remove(&folder);
}

static void circles_and_missing_files_are_errors(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    struct config config;
    const char *a = folder_write(&folder, "a.toml", "schema = 1\nextends = \"b.toml\"\n");
    folder_write(&folder, "b.toml", "schema = 1\nextends = \"./a.toml\"\n");
    assert_int_equal(load_layers(&config, a, NULL, NULL), -EINVAL);
    assert_non_null(find_finding(&config, "E005"));
    assert_non_null(strstr(find_finding(&config, "E005")->message, "extends itself")); /* not: sixteen files later */
    assert_int_equal(find_finding(&config, "E005")->span.line, 2);
    config_free(&config);

    a = folder_write(&folder, "c.toml", "schema = 1\nextends = [\"none.toml\", \"preset:none\"]\n");
    assert_int_equal(load_layers(&config, a, NULL, NULL), -EINVAL);
    assert_int_equal(find_finding(&config, "E001")->span.column, 12);
    assert_int_equal(find_finding(&config, "E006")->span.column, 25);
    config_free(&config);

    assert_int_equal(load_layers(&config, "/nonexistent/p.toml", NULL, NULL), -EINVAL);
    assert_non_null(find_finding(&config, "E001"));
    config_free(&config);
    folder_remove(&folder);
}

static void the_same_base_may_be_reached_twice(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    folder_write(&folder, "ground.toml", BASE);
    folder_write(&folder, "l.toml", "schema = 1\nextends = \"ground.toml\"\n");
    folder_write(&folder, "r.toml", "schema = 1\nextends = \"ground.toml\"\n");
    struct config config;
    assert_int_equal(load_layers(&config,
                                 folder_write(&folder, "p.toml", "schema = 1\nextends = [\"l.toml\", \"r.toml\"]\n"),
                                 NULL, NULL),
                     0);
    assert_int_equal(config.policy->rule_count, 2);
    config_free(&config);
    folder_remove(&folder);
}

static void files_that_others_could_change_are_refused(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    static const struct {
        mode_t file, directory;
        gid_t group; /* 0: the owner's own, that nobody else is in */
        bool accepted;
    } cases[] = {
        {0644, 0755, 4711, true},  {0600, 0700, 4711, true},  {0664, 0755, 4711, false}, {0646, 0755, 4711, false},
        {0644, 0775, 4711, false}, {0644, 0757, 4711, false}, {0644, 01777, 4711, true}, {0664, 0775, 0, true},
        {0666, 0755, 0, false},    {0644, 0777, 0, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char directory[128];
        snprintf(directory, sizeof(directory), "%s/d", folder.path);
        const char *path = folder_write(&folder, "d/p.toml", BASE);
        assert_int_equal(chown(path, (uid_t)-1, cases[i].group), 0);
        assert_int_equal(chown(directory, (uid_t)-1, cases[i].group), 0);
        assert_int_equal(chmod(path, cases[i].file), 0);
        assert_int_equal(chmod(directory, cases[i].directory), 0);
        struct config config;
        int result = load_layers(&config, path, NULL, NULL);
        assert_int_equal(result, cases[i].accepted ? 0 : -EINVAL);
        const struct diag *diag = find_finding(&config, "E002");
        assert_int_equal(diag == NULL, cases[i].accepted);
        if (diag)
            assert_non_null(strstr(diag->help, "chmod go-w"));
        config_free(&config);
        assert_int_equal(chmod(directory, 0755), 0);
    }
    folder_remove(&folder);
}

static void files_of_another_user_are_refused(void **state)
{
    (void)state;
    if (geteuid() != 0)
        fail_msg("only root can give a file away: run the tests as root");
    struct folder folder;
    folder_make(&folder);
    const char *path = folder_write(&folder, "p.toml", BASE);
    assert_int_equal(chown(path, 12345, 12345), 0);
    struct config config;
    assert_int_equal(load_layers(&config, path, NULL, NULL), -EINVAL);
    assert_non_null(strstr(find_finding(&config, "E002")->help, "chown root"));
    config_free(&config);
    folder_remove(&folder);
}

static void links_are_followed_into_safe_directories_alone(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    char target[256], link[256], directory[128];
    snprintf(target, sizeof(target), "%s", folder_write(&folder, "d/real.toml", BASE));
    snprintf(link, sizeof(link), "%s/link.toml", folder.path);
    snprintf(directory, sizeof(directory), "%s/d", folder.path);
    assert_int_equal(symlink(target, link), 0);
    struct config config;
    assert_int_equal(load_layers(&config, link, NULL, NULL), 0);
    config_free(&config);
    assert_int_equal(chmod(directory, 0777), 0);
    assert_int_equal(load_layers(&config, link, NULL, NULL), -EINVAL);
    assert_non_null(find_finding(&config, "E002"));
    config_free(&config);
    folder_remove(&folder);
}

static void only_regular_files_of_bounded_size_are_read(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    char path[128];
    struct config config;
    snprintf(path, sizeof(path), "%s/fifo", folder.path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(load_layers(&config, path, NULL, NULL), -EINVAL); /* and does not hang */
    assert_non_null(find_finding(&config, "E004"));
    config_free(&config);

    assert_int_equal(load_layers(&config, folder.path, NULL, NULL), -EINVAL);
    config_free(&config);

    const char *large = folder_write(&folder, "large.toml", BASE);
    assert_int_equal(truncate(large, (1 << 20) + 1), 0);
    assert_int_equal(load_layers(&config, large, NULL, NULL), -EINVAL);
    assert_non_null(find_finding(&config, "E004"));
    config_free(&config);
    folder_remove(&folder);
}

static void identity_follows_every_layer(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    const char *path = folder_write(&folder, "p.toml", BASE);
    const char *variables[] = {"NODEWISE_DEFAULTS__LEVEL=core", NULL}, *settings[] = {"defaults.level=cpu", NULL};
    struct config plain, again, variable, setting;
    load_layers(&plain, path, NULL, NULL);
    load_layers(&again, path, NULL, NULL);
    load_layers(&variable, path, variables, NULL);
    load_layers(&setting, path, NULL, settings);
    assert_true(plain.identity == again.identity);
    assert_true(plain.identity != variable.identity);
    assert_true(plain.identity != setting.identity && variable.identity != setting.identity);
    config_free(&plain);
    config_free(&again);
    config_free(&variable);
    config_free(&setting);
    folder_remove(&folder);
}

static void origins_name_the_layer_of_every_value(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    const char *path = folder_write(&folder, "p.toml", BASE);
    const char *variables[] = {"NODEWISE_DEFAULTS__LEVEL=core", NULL}, *settings[] = {"rules.io.smt=allow", NULL};
    struct config config;
    assert_int_equal(load_layers(&config, path, variables, settings), 0);
    char *text = NULL, expected[512];
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    config_show(memory, &config, true, false);
    fclose(memory);
    snprintf(expected, sizeof(expected), "# %s:4\n", path);
    assert_non_null(strstr(text, "defaults.bind_to = \"core\""));
    assert_non_null(strstr(text, expected));
    assert_non_null(strstr(text, "defaults.level = \"core\"                            # NODEWISE_DEFAULTS__LEVEL\n"));
    assert_non_null(strstr(text, "rules.io.smt = \"allow\"                             # --set rules.io.smt\n"));
    assert_non_null(strstr(text, "defaults.distribution = \"inherit\"                  # built-in\n"));
    assert_non_null(strstr(text, "rules.rest.memory.nodes = \"all\""));
    free(text);
    config_free(&config);
    folder_remove(&folder);
}

static void every_preset_is_a_policy_without_errors_or_warnings(void **state)
{
    (void)state;
    static const char *const names[] = {"auto",  "minimal", "go",     "jvm",      "memcached", "mpi",     "mysql",
                                        "nginx", "node",    "openmp", "postgres", "python",    "pytorch", "redis"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char name[64];
        snprintf(name, sizeof(name), "preset:%s", names[i]);
        struct config config;
        int result = load_layers(&config, name, NULL, NULL);
        if (result < 0 || config.diags.warnings) {
            diag_print(stderr, &config.diags, config.sources, (struct print_style){0});
            fail_msg("%s", name);
        }
        config_free(&config);
    }
    char *path;
    assert_int_equal(config_preset_path(&path, "../presets/jvm"), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_inherit_key_by_key),
        cmocka_unit_test(variables_and_settings_go_over_files),
        cmocka_unit_test(variables_alone_are_a_policy),
        cmocka_unit_test(mistakes_in_variables_and_settings_are_named),
        cmocka_unit_test(extended_files_lie_below_and_drop_ins_above),
        cmocka_unit_test(circles_and_missing_files_are_errors),
        cmocka_unit_test(the_same_base_may_be_reached_twice),
        cmocka_unit_test(files_that_others_could_change_are_refused),
        cmocka_unit_test(files_of_another_user_are_refused),
        cmocka_unit_test(links_are_followed_into_safe_directories_alone),
        cmocka_unit_test(only_regular_files_of_bounded_size_are_read),
        cmocka_unit_test(identity_follows_every_layer),
        cmocka_unit_test(origins_name_the_layer_of_every_value),
        cmocka_unit_test(every_preset_is_a_policy_without_errors_or_warnings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
