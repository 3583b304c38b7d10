/* The reader, the schema, explain, the manual and the names of variables all know the same keys. */
#include "fixture.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"

static char *text_written_by(int (*schema)(FILE *), void (*manual)(FILE *))
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    assert_non_null(memory);
    if (schema)
        assert_int_equal(schema(memory), 0);
    else
        manual(memory);
    fclose(memory);
    return text;
}

/* --- schema --- */

static json_t *schema_root;

static json_t *dereferenced(json_t *schema)
{
    json_t *all = json_object_get(schema, "allOf"), *one = json_object_get(schema, "oneOf");
    if (all)
        schema = json_array_get(all, 0);
    if (one)
        schema = json_array_get(one, 0);
    if (json_object_get(schema, "items"))
        schema = json_object_get(schema, "items");
    const char *reference = json_string_value(json_object_get(schema, "$ref"));
    if (reference)
        schema = json_object_get(json_object_get(schema_root, "definitions"), strrchr(reference, '/') + 1);
    return schema;
}

static bool is_in_schema(void *context, const char *path, const struct key *key, const struct key_table *in)
{
    (void)context;
    (void)in;
    char copy[KEY_PATH_MAX], *rest = copy, *piece;
    snprintf(copy, sizeof(copy), "%s", path);
    json_t *schema = schema_root;
    while ((piece = strsep(&rest, "."))) {
        if (strcmp(piece, "NAME") == 0)
            continue;
        schema = json_object_get(json_object_get(dereferenced(schema), "properties"), piece);
        if (!schema)
            fail_msg("%s is not in the schema", path);
    }
    assert_non_null(strstr(json_string_value(json_object_get(schema, "description")), key->summary));
    assert_int_equal(json_object_get(schema, "default") != NULL, key->fallback != NULL);
    return true;
}

static size_t count_properties(json_t *schema)
{
    return json_object_size(json_object_get(schema, "properties"));
}

static size_t count_keys(const struct key_table *table)
{
    size_t n = 0;
    while (key_at(table, n))
        n++;
    return n;
}

static void the_schema_has_every_key_and_no_other(void **state)
{
    (void)state;
    char *text = text_written_by(config_schema, NULL);
    schema_root = json_loads(text, 0, NULL);
    assert_non_null(schema_root);
    keys_visit(is_in_schema, NULL);
    assert_int_equal(count_properties(schema_root), count_keys(&key_root));
    json_t *definitions = json_object_get(schema_root, "definitions");
    assert_int_equal(count_properties(json_object_get(definitions, "memory")), count_keys(&key_memory));
    assert_int_equal(count_properties(json_object_get(definitions, "match")), count_keys(&key_match));
    json_decref(schema_root);
    free(text);
}

/* --- explain, manual --- */

static bool is_explained(void *context, const char *path, const struct key *key, const struct key_table *in)
{
    (void)context;
    (void)in;
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (!config_explain(memory, path, false))
        fail_msg("%s is not explained", path);
    fclose(memory);
    assert_non_null(strstr(text, key->summary));
    char variable[2 * KEY_PATH_MAX];
    if (key_environment_name(key, path, variable, sizeof(variable)))
        assert_non_null(strstr(text, variable));
    free(text);
    return true;
}

static void every_key_is_explained(void **state)
{
    (void)state;
    keys_visit(is_explained, NULL);
    FILE *nowhere = fopen("/dev/null", "w");
    static const char *const known[] = {"bind_to",
                                        "rules.io.nodes",
                                        "NODEWISE_DEFAULTS__BIND_TO",
                                        "scatter",
                                        "rules",
                                        "rules.io",
                                        "rules.match.thread",
                                        "match.thread",
                                        "pools.io.threads",
                                        "pools.backlog",
                                        "exchanges.sort.ring",
                                        "exchanges.names"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        assert_true(config_explain(nowhere, known[i], i % 2));
    assert_false(config_explain(nowhere, "nonsense", false));
    assert_false(config_explain(nowhere, "", false));
    fclose(nowhere);
}

/* The key's name as the manual writes it: with "\-" for '-'. */
static bool is_in_manual(void *context, const char *path, const struct key *key, const struct key_table *in)
{
    (void)in;
    char entry[64];
    snprintf(entry, sizeof(entry), ".TP\n.B %s\n", key->name);
    if (!strstr(context, entry))
        fail_msg("%s is not in the manual", path);
    return true;
}

static void the_manual_has_every_key(void **state)
{
    (void)state;
    char *text = text_written_by(NULL, config_manual);
    keys_visit(is_in_manual, text);
    free(text);
}

/* --- reader --- */

static const char *sample(const struct key *key)
{
    switch (key->type) {
    case KEY_TABLE:
        return NULL;
    case KEY_RULES:
        return "[{ name = \"r\", match = { main = true } }]";
    case KEY_POOLS:
    case KEY_EXCHANGES:
        return "[{ name = \"p\" }]";
    case KEY_THREADS:
        return "at_most:3";
    case KEY_NUMBER:
        return "3";
    case KEY_MATCH:
        return "{ main = true }";
    case KEY_MAPPING_RULES:
        return "[{ name = \"r\" }]";
    case KEY_VERSION:
        return "1";
    case KEY_RATIO:
        return "0.5";
    case KEY_DURATION:
        return "5ms";
    case KEY_SIZE:
        return "5MiB";
    case KEY_INDEX:
        return "0-3,8-";
    case KEY_BOOL:
    case KEY_TRI:
        return "true";
    case KEY_WORD:
    case KEY_WORDS:
    case KEY_CPU_COUNT:
    case KEY_CHOICE:
        for (unsigned i = 0; i < key->words->count; i++)
            if (key_takes_word(key, i))
                return key->words->words[i].text;
        return NULL;
    case KEY_CPUS:
    case KEY_NODES:
        return "0";
    case KEY_NEAR:
        return "node:0";
    case KEY_LABELS:
        return "{ team = \"x\" }";
    default:
        return "x";
    }
}

static void assert_accepted(struct config *config, int result, const char *path)
{
    if (result < 0) {
        diag_print(stderr, &config->diags, config->sources, (struct print_style){0});
        fail_msg("%s is not accepted", path);
    }
    config_free(config);
}

static bool is_read(void *context, const char *path, const struct key *key, const struct key_table *in)
{
    (void)context;
    if (!sample(key) || key->file_only || key->type == KEY_RULE_NAME)
        return true; /* tables as such, what only a file says, what is a part of the path */
    char variable[2 * KEY_PATH_MAX], text[2 * KEY_PATH_MAX + 128], setting[2 * KEY_PATH_MAX];
    struct config config;
    if (!key_environment_name(key, path, variable, sizeof(variable))) { /* memory.regions: only from a file */
        assert_ptr_equal(in, &key_mapping_rule);
        bool bare = key->type == KEY_BOOL || key->type == KEY_RATIO;
        snprintf(text, sizeof(text), "schema = 1\n[[defaults.memory.regions]]\n%s = %s%s%s\n", key->name,
                 bare ? "" : "\"", sample(key), bare ? "" : "\"");
        assert_accepted(&config, load_text(&config, text), path);
        return true;
    }
    snprintf(text, sizeof(text), "%s=%s", variable, sample(key));
    bool of_rule = strncmp(path, "rules.NAME", 10) == 0;
    const char *variables[] = {text, of_rule ? "NODEWISE_RULES__NAME__MATCH__FORKED=true" : NULL, NULL};
    if (of_rule && (strcmp(path, "rules.NAME.match.forked") == 0 || key->type == KEY_MATCH))
        variables[1] = NULL;
    assert_accepted(&config, load_layers(&config, NULL, variables, NULL), path);

    snprintf(setting, sizeof(setting), "%s=%s", path, sample(key));
    const char *settings[] = {of_rule ? "rules.NAME.match.forked=true" : "description=x", setting, NULL};
    assert_accepted(&config, load_layers(&config, NULL, NULL, settings), path);
    return true;
}

static void every_key_is_read_from_variables_and_settings(void **state)
{
    (void)state;
    keys_visit(is_read, NULL);
}

static void built_in_values_are_what_the_table_says(void **state)
{
    (void)state;
    struct config config;
    assert_int_equal(load_text(&config, "schema = 1\n[defaults]\nbind_to = \"core\"\n"), 0);
    const struct policy *p = config.policy;
    assert_int_equal(p->target.children, CHILDREN_MATCH);
    assert_int_equal(p->defaults.bind_to, LEVEL_CORE);
    assert_int_equal(p->defaults.distribution, DIST_INHERIT);
    assert_int_equal(p->defaults.level, LEVEL_NODE);
    assert_int_equal(p->defaults.smt, SMT_CORES_FIRST);
    assert_false(p->defaults.exclusive);
    assert_int_equal(p->defaults.enforcement, ENFORCE_SOFT);
    assert_int_equal(p->defaults.on_app_affinity, APP_CLAMP);
    assert_int_equal(p->defaults.memory.policy, MEM_DEFAULT);
    assert_int_equal(p->defaults.rebalance.interval_us, 1000000);
    assert_int_equal(p->cpu_count.apis, 1u << CPU_API_SYSCONF | 1u << CPU_API_GET_NPROCS |
                                            1u << CPU_API_SCHED_GETAFFINITY | 1u << CPU_API_SYSFS |
                                            1u << CPU_API_CPUINFO);
    assert_int_equal(p->report.formats, 1u << FORMAT_JSON);
    assert_true(p->metrics.enabled);
    config_free(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_schema_has_every_key_and_no_other),
        cmocka_unit_test(every_key_is_explained),
        cmocka_unit_test(the_manual_has_every_key),
        cmocka_unit_test(every_key_is_read_from_variables_and_settings),
        cmocka_unit_test(built_in_values_are_what_the_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
