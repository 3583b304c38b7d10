/*
 * For the shells' completion alone: `nodewise complete WORD…` prints what may stand in the place of the last word, by the
 * tables of which the help and the manual are made (answer.h says how). WORDs are those behind "nodewise".
 */
#include <string.h>

#include "tools/common/cli.h"
#include "tools/complete/answer.h"
#include "tools/complete/line.h"
#include "tools/verbs/verb_table.h"
#include "tools/verbs/verbs.h"

static void add_verbs(struct answer *answer)
{
    for (size_t i = 0; i < verb_count; i++)
        answer_add(answer, verbs[i].name, verbs[i].summary);
}

/* These look at processes that were started without the library, too. */
static bool takes_any_process(const struct verb *verb)
{
    return verb->run == cmd_apply || verb->run == cmd_plan || verb->run == cmd_check;
}

static void complete(struct answer *answer, const char *const *words, size_t count)
{
    const struct verb *verb = verb_find(words[0]);
    if (count == 1) {
        add_verbs(answer);
        answer_add(answer, "help", "the options of a verb");
        if (*words[0] == '-') {
            answer_add(answer, "--help", "the verbs");
            answer_add(answer, "--version", "which nodewise this is");
        }
    } else if (strcmp(words[0], "help") == 0 && count == 2) {
        add_verbs(answer);
    } else if (verb) {
        struct line line = {verb->usage, verb->help, takes_any_process(verb), words + 1, count - 1};
        line_complete(answer, &line);
    }
}

int cmd_complete(int argc, char **argv)
{
    struct answer answer = {0};
    if (argc < 2)
        return usage_error("complete", "the words of the command line are missing");
    complete(&answer, (const char *const *)argv + 1, (size_t)argc - 1);
    answer_print(&answer);
    return finish_output(EXIT_OK);
}
