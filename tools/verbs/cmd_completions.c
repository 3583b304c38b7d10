#include <stdio.h>
#include <string.h>

#include "tools/common/cli.h"
#include "tools/verbs/verbs.h"

/* The scripts know nothing of verbs and options: they ask `nodewise complete`, and are the same for each version. */
static const struct {
    const char *shell, *script;
} scripts[] = {
    {
        "bash",
#include "tools/completions/bash.inc"
    },
    {
        "zsh",
#include "tools/completions/zsh.inc"
    },
    {
        "fish",
#include "tools/completions/fish.inc"
    },
};

int cmd_completions(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof(scripts) / sizeof(*scripts); i++) {
        if (strcmp(scripts[i].shell, argv[1]) != 0)
            continue;
        fputs(scripts[i].script, stdout);
        return finish_output(EXIT_OK);
    }
    return usage_error("completions", "take one of bash, zsh and fish");
}
