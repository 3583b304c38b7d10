/*
 * Keys that another key keeps from having an effect: every need of the key table is tried, unfulfilled and fulfilled by
 * each of its alternatives; then how values are inherited.
 */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "config/needs.h"

enum { MAX_SETTINGS = 16, SETTING_MAX = 256 };

#define BASE "schema = 1\n[defaults]\n[[rules]]\nname = \"r\"\nmatch = { thread = \"x\" }\n"

/* --- the table --- */

struct settings {
    char texts[MAX_SETTINGS][SETTING_MAX];
    const char *list[MAX_SETTINGS + 1];
    size_t count;
};

static void add(struct settings *settings, const char *path, const char *value)
{
    assert_true(settings->count < MAX_SETTINGS);
    char *text = settings->texts[settings->count];
    snprintf(text, SETTING_MAX, "%s=%s", path, value);
    settings->list[settings->count++] = text;
    settings->list[settings->count] = NULL;
}

static bool is_listed(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(*list, word) == 0)
            return true;
    return false;
}

static const char *other_than(const struct key *key, const char *const *words)
{
    if (!key->words)
        return is_listed("true", words) ? "false" : "true";
    for (unsigned i = 0; i < key->words->count; i++)
        if (key_takes_word(key, i) && !is_listed(key->words->words[i].text, words))
            return key->words->words[i].text;
    return NULL;
}

/* A value that asks for something: not the built-in one. */
static const char *sample(const struct key *key)
{
    const char *const built_in[] = {key->fallback, NULL};
    if (key->needed_for)
        return key->needed_for;
    switch (key->type) {
    case KEY_WORD:
    case KEY_BOOL:
        return other_than(key, built_in);
    case KEY_WORDS:
        return key->words->words[key->words->count - 1].text;
    case KEY_CHOICE:
        return key->words->words[0].text;
    case KEY_CPUS:
    case KEY_NODES:
        return "0";
    case KEY_NEAR:
        return "node:0";
    case KEY_SIZE:
        return "5MiB";
    case KEY_DURATION:
        return "5ms";
    case KEY_RATIO:
        return "0.5";
    case KEY_LABELS:
        return "{ team = \"x\" }";
    case KEY_REPORT_FILE:
        return "/x";
    default:
        fail_msg("no sample for `%s`", key->name);
        return NULL;
    }
}

/* The needed key, and its path beside `path`. */
static const struct key *beside(const char *path, const struct key_table *in, const char *name, char *ret_path)
{
    snprintf(ret_path, KEY_PATH_MAX, "%s", path);
    *strrchr(ret_path, '.') = '\0';
    if (strncmp(name, "..", 2) == 0) {
        name += 2;
        *strrchr(ret_path, '.') = '\0';
        in = strncmp(path, "rules.", 6) == 0        ? &key_rule
             : strncmp(path, "pools.", 6) == 0      ? &key_pool
             : strncmp(path, "exchanges.", 10) == 0 ? &key_exchange
                                                    : &key_placement;
    }
    strcat(ret_path, ".");
    strcat(ret_path, name);
    const struct key *key = key_find(in, name, NULL);
    if (!key)
        fail_msg("`%s` needs `%s`, which is no key", path, name);
    return key;
}

static void leave_unmet(struct settings *settings, const char *path, const struct key *key, const struct key_table *in)
{
    char other_path[KEY_PATH_MAX];
    for (const struct need *need = key->needs; need->key; need++) {
        const struct key *other = beside(path, in, need->key, other_path);
        if (need->is[0])
            add(settings, other_path, other_than(other, need->is));
        else if (need->is_not[0])
            add(settings, other_path, need->is_not[0]);
    }
}

/* Fulfils one alternative, with what the other key needs in turn; the others stay unmet. */
static void meet(struct settings *settings, const char *path, const struct key *key, const struct key_table *in,
                 size_t alternative)
{
    char other_path[KEY_PATH_MAX];
    const struct need *need = &key->needs[alternative];
    leave_unmet(settings, path, key, in);
    const struct key *other = beside(path, in, need->key, other_path);
    if (other->needs[0].key)
        meet(settings, other_path, other, in, 0);
    add(settings, other_path,
        need->is[0]       ? need->is[0]
        : need->is_not[0] ? other_than(other, need->is_not)
                          : sample(other));
}

/* The W008 that says so, or NULL. */
static const struct diag *finding_that_says(const struct config *config, const char *part)
{
    for (size_t i = 0; i < config->diags.count; i++)
        if (config->diags.items[i].code == DIAG_W008 && strstr(config->diags.items[i].message, part))
            return &config->diags.items[i];
    return NULL;
}

static void expect(const char *file, const struct settings *settings, const struct key *key, bool wanted)
{
    struct config config;
    int error = load_layers(&config, file, NULL, (const char *const *)settings->list);
    char said[64];
    snprintf(said, sizeof(said), "`%s` has no effect", key->name);
    const struct diag *diag = finding_that_says(&config, said);
    if (error < 0 || wanted != (diag != NULL)) {
        for (size_t i = 0; i < settings->count; i++)
            fprintf(stderr, "  --set %s\n", settings->list[i]);
        diag_print(stderr, &config.diags, config.sources, (struct print_style){0});
        fail_msg("`%s` is %s", key->name, error < 0 ? "not accepted" : wanted ? "not warned of" : "warned of");
    }
    if (diag) {
        assert_true(diag->span.line > 0);
        assert_non_null(diag->help);
    }
    config_free(&config);
}

struct trying {
    const char *file;
    size_t tried;
};

static bool try_key(void *context, const char *path, const struct key *key, const struct key_table *in)
{
    struct trying *trying = context;
    char own_path[KEY_PATH_MAX];
    const char *name = strstr(path, "NAME");
    if (!key->needs[0].key || strstr(path, ".regions."))
        return true;
    snprintf(own_path, sizeof(own_path), "%.*s%s%s", name ? (int)(name - path) : (int)strlen(path), path,
             name ? "r" : "", name ? name + 4 : "");
    struct settings settings = {.count = 0};
    leave_unmet(&settings, own_path, key, in);
    add(&settings, own_path, sample(key));
    expect(trying->file, &settings, key, true);
    for (size_t i = 0; key->needs[i].key; i++) {
        settings.count = 0;
        meet(&settings, own_path, key, in, i);
        add(&settings, own_path, sample(key));
        expect(trying->file, &settings, key, false);
    }
    trying->tried++;
    return true;
}

static void every_need_of_the_table_is_told(void **state)
{
    (void)state;
    struct folder folder;
    folder_make(&folder);
    struct trying trying = {.file = folder_write(&folder, "p.toml", BASE)};
    keys_visit(try_key, &trying);
    assert_true(trying.tried > 35);
    folder_remove(&folder);
}

static bool text_is_whole(void *context, const char *path, const struct key *key, const struct key_table *in)
{
    char text[NEEDS_TEXT_MAX];
    (void)context;
    (void)in;
    assert_int_equal(needs_text(key, text, sizeof(text)), key->needs[0].key != NULL);
    if (key->needs[0].key && strlen(text) + 1 == sizeof(text))
        fail_msg("what `%s` needs is cut: %s", path, text);
    return true;
}

static void the_words_for_a_need_fit(void **state)
{
    (void)state;
    keys_visit(text_is_whole, NULL);
}

/* --- what counts as said --- */

static const struct {
    const char *text;  /* after "schema = 1\n" */
    const char *says;  /* in the message; NULL: no such finding */
    const char *helps; /* in the help */
    unsigned line;
} cases[] = {
    {"[defaults]\nmemory = { arena = \"off\", huge_pages = \"thp\" }\n",
     "`huge_pages` has no effect while `arena` is `off`",
     "set `arena` to `node` or `core` or `process`, or leave `huge_pages` out", 3},
    {"[report]\nformats = \"html\"\n", "while `file` is not given", "give `file`", 3},
    /* what a key relies on counts, too */
    {"[report]\nfile = \"x\"\nformats = \"html\"\n", "`formats` has no effect while `at_exit` is `off`", "`full`", 4},
    {"[defaults]\nmemory = { next_touch = false, move_bytes = \"1GiB\" }\n",
     "`next_touch` is `false` and `migrate_on_move` is `false`", "set `next_touch` to `true`", 3},
    /* what holds anyway asks for nothing */
    {"[defaults]\nbind_to = \"none\"\nexclusive = false\n", NULL, NULL, 0},
    /* a default that is written down asks for something, but for "off" and its like */
    {"[process]\nlevel = \"node\"\n", "`level` has no effect while `distribution` is `ranks`",
     "set `distribution` to `compact`", 3},
    {"[defaults]\nmemory = { arena = \"off\", prefault = \"off\" }\n", NULL, NULL, 0},
    {"[defaults]\nbind_to = \"none\"\nmemory = { stack = \"thp_off\" }\n", NULL, NULL, 0},
    /* a rule counts with what it takes from [defaults] */
    {"[defaults]\nmemory = { prefault = \"touch\" }\n[[rules]]\nname = \"r\"\nmatch = { main = true }\n"
     "memory = { prefault_size = \"1MiB\" }\n",
     NULL, NULL, 0},
    {"[defaults]\nbind_to = \"none\"\n[[rules]]\nname = \"r\"\nmatch = { main = true }\nlevel = \"core\"\n",
     "`level` has no effect while `bind_to` is `none`", "`core`", 7},
    /* [defaults] count with the rules that take from them */
    {"[defaults]\nbind_to = \"none\"\nlevel = \"core\"\n[[rules]]\nname = \"r\"\nmatch = { main = true }\n"
     "bind_to = \"core\"\n",
     NULL, NULL, 0},
    {"[defaults]\nbind_to = \"none\"\nlevel = \"core\"\n[[rules]]\nname = \"r\"\nmatch = { main = true }\n"
     "bind_to = \"core\"\nlevel = \"l3\"\n",
     "`level` has no effect", NULL, 4},
    {"[defaults]\nmemory = { prefault_size = \"1MiB\" }\n[[rules]]\nname = \"r\"\nmatch = { main = true }\n"
     "[rules.memory]\nprefault = \"touch\"\n",
     NULL, NULL, 0},
    /* a set of its own gives an exclusive thread a place without bind_to */
    {"[defaults]\nbind_to = \"none\"\n[[rules]]\nname = \"r\"\nmatch = { main = true }\nexclusive = true\ncpus = \"0\"\n",
     NULL, NULL, 0},
    /* mapping rules */
    {"[defaults.memory]\nregions = [{ name = \"m\", nodes = \"0\" }]\n",
     "`nodes` has no effect while `policy` is `default`", "`interleave`", 3},
    {"[defaults.memory]\nregions = [{ name = \"m\", policy = \"bind\", nodes = \"0\" }]\n", NULL, NULL, 0},
    {"[defaults.memory]\nregions = [{ name = \"m\", kind = \"file\", prefault = \"touch\" }]\n",
     "`prefault` has no effect while `kind` is `file`", "`anonymous`", 3},
    {"[defaults.memory]\nregions = [{ name = \"m\", prefault = \"touch\" }]\n", NULL, NULL, 0},
};

static void values_count_as_they_hold_in_the_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[1024];
        snprintf(text, sizeof(text), "schema = 1\n%s", cases[i].text);
        struct config config;
        assert_int_equal(load_text(&config, text), 0);
        const struct diag *diag = finding_that_says(&config, cases[i].says ? cases[i].says : "");
        if (!cases[i].says != !diag)
            fail_msg("%s in: %s", diag ? diag->message : "no such finding", text);
        if (diag && diag->span.line != cases[i].line)
            fail_msg("in line %u, not %u: %s", diag->span.line, cases[i].line, text);
        if (diag && cases[i].helps && !strstr(diag->help, cases[i].helps))
            fail_msg("%s (%s) in: %s", diag->message, diag->help, text);
        config_free(&config);
    }
}

static void a_presets_keys_that_others_make_void_are_nobodys_mistake(void **state)
{
    (void)state;
    static const char *const no_places[] = {"defaults.bind_to=none", NULL}, *const own[] = {"defaults.bind_to=none",
                                                                                            "defaults.level=core",
                                                                                            NULL};
    struct config config;
    assert_int_equal(load_layers(&config, "preset:auto", NULL, no_places), 0);
    assert_null(finding_that_says(&config, ""));
    config_free(&config);
    assert_int_equal(load_layers(&config, "preset:auto", NULL, own), 0);
    assert_non_null(finding_that_says(&config, "`level` has no effect"));
    config_free(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_need_of_the_table_is_told),
        cmocka_unit_test(the_words_for_a_need_fit),
        cmocka_unit_test(values_count_as_they_hold_in_the_end),
        cmocka_unit_test(a_presets_keys_that_others_make_void_are_nobodys_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
