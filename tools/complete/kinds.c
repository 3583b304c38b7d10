#include "tools/complete/kinds.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "policy/diag.h"
#include "policy/reason.h"
#include "tools/complete/key_values.h"
#include "tools/complete/machine.h"
#include "tools/complete/processes.h"
#include "tools/report/view_words.h"
#include "tools/tune/candidate.h"

#define NAME_MOST 32u /* of a kind, with its NUL */

typedef void completer(struct answer *answer, const struct kind_request *request);

/* --- files --- */

static void files(struct answer *answer, const struct kind_request *request)
{
    (void)request;
    answer_files(answer, "*");
}

static void reports(struct answer *answer, const struct kind_request *request)
{
    (void)request;
    answer_files(answer, "json");
}

static void topologies(struct answer *answer, const struct kind_request *request)
{
    (void)request;
    answer_files(answer, "xml");
}

static void plans(struct answer *answer, const struct kind_request *request)
{
    (void)request;
    answer_files(answer, "plan");
}

/* The preset's own description, between the quotes of its line. */
static void describe(const char *path, char *ret_text, size_t size)
{
    char line[256];
    FILE *file = fopen(path, "re");
    *ret_text = '\0';
    while (file && !*ret_text && fgets(line, sizeof(line), file)) {
        char *quote = strncmp(line, "description = \"", 15) == 0 ? strrchr(line, '"') : NULL;
        if (quote && quote >= line + 15)
            snprintf(ret_text, size, "%.*s", (int)(quote - line - 15), line + 15);
    }
    if (file)
        fclose(file);
}

struct presets {
    struct answer *answer;
    const char *prefix;
};

static void add_preset(const char *name, void *context)
{
    const struct presets *presets = context;
    char text[256] = "", *path, *word = NULL;
    if (asprintf(&word, "%s%s", presets->prefix, name) < 0)
        return;
    if (config_preset_path(&path, name) == 0) {
        describe(path, text, sizeof(text));
        free(path);
    }
    answer_add(presets->answer, word, text);
    free(word);
}

static void preset_names(struct answer *answer, const struct kind_request *request)
{
    (void)request;
    config_presets(add_preset, &(struct presets){answer, ""});
}

static void policies(struct answer *answer, const struct kind_request *request)
{
    (void)request;
    answer_files(answer, "toml");
    config_presets(add_preset, &(struct presets){answer, "preset:"});
}

/* What `tune` may try: words, presets and files, separated by commas. The last one is completed. */
static void candidate_list(struct answer *answer, const struct kind_request *request)
{
    const char *comma = strrchr(request->word, ',');
    size_t before = comma ? (size_t)(comma + 1 - request->word) : 0;
    char *prefix = NULL;
    if (asprintf(&prefix, "%.*spreset:", (int)before, request->word) < 0)
        return;
    for (const char *const *word = candidate_words; *word; word++) {
        char *candidate = NULL;
        if (asprintf(&candidate, "%.*s%s", (int)before, request->word, *word) >= 0)
            answer_add(answer, candidate, NULL);
        free(candidate);
    }
    config_presets(add_preset, &(struct presets){answer, prefix});
    if (!before)
        answer_files(answer, "toml");
    free(prefix);
}

/* --- processes --- */

static void processes(struct answer *answer, const struct kind_request *request)
{
    processes_add(answer, request->any_process);
}

static void compared(struct answer *answer, const struct kind_request *request)
{
    reports(answer, request);
    processes(answer, request);
}

static void threads(struct answer *answer, const struct kind_request *request)
{
    if (strchr(request->word, '/'))
        processes_add_threads(answer, request->word);
    else
        processes_add(answer, request->any_process);
}

/* --- what `explain` knows --- */

static void codes(struct answer *answer, const struct kind_request *request)
{
    (void)request;
    for (unsigned code = 0; code < DIAG_CODE_COUNT; code++)
        answer_add(answer, diag_code_name(code), diag_code_title(code));
}

static void reasons(struct answer *answer, const struct kind_request *request)
{
    (void)request;
    for (unsigned reason = 0; reason < REASON_COUNT; reason++)
        answer_add(answer, reason_word(reason), reason_text(reason));
}

static void add_view_word(void *context, const char *word, const char *text)
{
    answer_add(context, word, text);
}

static void view_words(struct answer *answer, const struct kind_request *request)
{
    (void)request;
    view_words_each(add_view_word, answer);
}

static void key_names(struct answer *answer, const struct kind_request *request)
{
    (void)request;
    key_values_add_keys(answer);
}

static void settings(struct answer *answer, const struct kind_request *request)
{
    key_values_add_settings(answer, request->word);
}

/* --- what one line says in place of a policy --- */

static void levels(struct answer *answer, const struct kind_request *request)
{
    (void)request;
    key_values_add_words(answer, "defaults.bind_to", "");
}

static void distributions(struct answer *answer, const struct kind_request *request)
{
    (void)request;
    key_values_add_words(answer, "defaults.distribution", "");
}

static void cpu_sets(struct answer *answer, const struct kind_request *request)
{
    (void)request;
    machine_add_sets(answer);
}

static void node_sets(struct answer *answer, const struct kind_request *request)
{
    (void)request;
    machine_add_nodes(answer, "");
}

static void memory(struct answer *answer, const struct kind_request *request)
{
    const char *colon = strchr(request->word, ':');
    char prefix[32];
    snprintf(prefix, sizeof(prefix), "%.*s", colon ? (int)(colon + 1 - request->word) : 0, request->word);
    machine_add_nodes(answer, prefix);
    if (!colon)
        key_values_add_words(answer, "defaults.memory.policy", "");
}

/* What the user makes up: a number, a pattern, an address. */
static void nothing(struct answer *answer, const struct kind_request *request)
{
    (void)answer;
    (void)request;
}

static const struct {
    const char *name;
    completer *complete;
} kinds[] = {
    {"FILE", files},
    {"PATH", files},
    {"POLICY", policies},
    {"LIST", candidate_list},
    {"PRESET", preset_names},
    {"REPORT", reports},
    {"T", topologies},
    {"PLAN", plans},
    {"A", compared},
    {"B", compared},
    {"PID", processes},
    {"PROCESS", threads},
    {"PROCESS[/THREAD]", threads},
    {"THREAD", nothing}, /* as one of several: the processes are offered, and a thread behind PID/ */
    {"CODE", codes},
    {"KEY", key_names},
    {"REASON", reasons},
    {"WORD", view_words},
    {"KEY=VALUE", settings},
    {"LEVEL", levels},
    {"HOW", distributions},
    {"SET", cpu_sets},
    {"NODES", node_sets},
    {"[POLICY:]NODES", memory},
    {"N", nothing},
    {"R", nothing},
    {"S", nothing},
    {"SECONDS", nothing},
    {"TIME", nothing},
    {"PERCENT", nothing},
    {"REGEX", nothing},
    {"COMMAND", nothing}, /* a line for sh, in one word */
    {"MIB", nothing},
    {"SPEC", nothing},
    {"NAME", nothing},
    {"TEXT", nothing},
    {"WHERE", nothing},
    {"NAME:CHANGE", nothing},
};

static bool is_word_itself(const char *name)
{
    return islower((unsigned char)*name) != 0;
}

static bool complete_one(struct answer *answer, const char *name, const struct kind_request *request)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strcmp(kinds[i].name, name) == 0) {
            kinds[i].complete(answer, request);
            return true;
        }
    if (is_word_itself(name))
        answer_add(answer, name, NULL);
    return is_word_itself(name);
}

void kinds_complete(struct answer *answer, const char *alternatives, size_t length, const struct kind_request *request)
{
    while (length > 0) {
        size_t part = 0;
        char name[NAME_MOST];
        while (part < length && alternatives[part] != '|')
            part++;
        snprintf(name, sizeof(name), "%.*s", (int)part, alternatives);
        if (!complete_one(answer, name, request))
            answer->more = ANSWER_UNKNOWN;
        part += part < length;
        alternatives += part;
        length -= part;
    }
}
