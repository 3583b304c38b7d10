#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "policy/diag.h"
#include "policy/reason.h"
#include "tools/common/cli.h"
#include "tools/prepare/options.h"
#include "tools/report/view_words.h"
#include "tools/verbs/verbs.h"

static bool explain_code(const char *name, bool json)
{
    static const char *const severities[] = {"error", "warning", "note"};
    int status = diag_code_find(name);
    if (status < 0)
        return false;
    enum diag_code found = (enum diag_code)status;
    const char *severity = severities[diag_code_severity(found)];
    if (json)
        print_json(stdout, json_pack("{s:s, s:s, s:s, s:s}", "code", diag_code_name(found), "severity", severity,
                                     "title", diag_code_title(found), "text", diag_code_text(found)));
    else
        printf("%s (%s): %s\n\n%s\n", diag_code_name(found), severity, diag_code_title(found), diag_code_text(found));
    return true;
}

static bool explain_reason(const char *word, bool json)
{
    for (unsigned reason = 0; reason < REASON_COUNT; reason++) {
        if (strcmp(reason_word(reason), word) != 0)
            continue;
        if (json)
            print_json(stdout, json_pack("{s:s, s:s}", "reason", word, "text", reason_text(reason)));
        else
            printf("%s: %s\n", word, reason_text(reason));
        return true;
    }
    return false;
}

/* Behind what a policy means by the word. */
static bool explain_view_word(const char *word, bool json)
{
    if (!json)
        return view_word_print(stdout, word);
    json_t *meanings = view_word_json(word);
    if (meanings)
        print_json(stdout, meanings);
    return meanings != NULL;
}

int cmd_explain(int argc, char **argv)
{
    bool json = false;
    if (take_only_json("explain", argc, argv, &json) != EXIT_OK)
        return EXIT_BAD_INPUT;
    if (optind + 1 != argc)
        return usage_error("explain",
                           "give one code (E012), key (defaults.bind_to), reason (no-free-slot) or word (CPUS)");
    const char *word = argv[optind];
    bool known = explain_code(word, json) || config_explain(stdout, word, json) || explain_reason(word, json);
    if (explain_view_word(word, json) || known)
        return finish_output(EXIT_OK);
    print_error("\"%s\" is not a code, key, reason or word of a view", word);
    return EXIT_NO;
}
