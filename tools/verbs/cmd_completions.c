#include <string.h>

#include "tools/common/cli.h"
#include "tools/common/verb_options.h"
#include "tools/verbs/verb_table.h"
#include "tools/verbs/verbs.h"

/* What stands behind a verb besides options: words for the shells' own completion. */
static const char *words_of(const char *verb)
{
    static const struct {
        const char *verb, *words;
    } known[] = {{"completions", "bash zsh fish"}, {"config", "show schema path"}};
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (strcmp(known[i].verb, verb) == 0)
            return known[i].words;
    return "";
}

static void print_options(const struct verb *verb, const char *before)
{
    struct verb_option options[VERB_OPTIONS_MOST];
    size_t count = verb_options(verb->help, options);
    for (size_t i = 0; i < count; i++)
        if (options[i].name[0])
            printf("%s--%s", before, options[i].name);
    if (*words_of(verb->name))
        printf("%s%s", before, words_of(verb->name));
}

static void print_verbs(const char *between)
{
    for (size_t i = 0; i < verb_count; i++)
        printf("%s%s", i ? between : "", verbs[i].name);
    printf("%shelp", between);
}

static void print_bash(void)
{
    printf("# nodewise completions bash > /etc/bash_completion.d/nodewise\n"
           "_nodewise() {\n"
           "  local word=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} words\n"
           "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
           "    words='");
    print_verbs(" ");
    printf("'\n  else\n    case $verb in\n");
    for (size_t i = 0; i < verb_count; i++) {
        printf("    %s) words='", verbs[i].name);
        print_options(&verbs[i], " ");
        printf("' ;;\n");
    }
    printf("    help) words='");
    print_verbs(" ");
    printf("' ;;\n    esac\n  fi\n"
           "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
           "}\n"
           "complete -o default -F _nodewise nodewise\n");
}

/* Quotes for a single-quoted word of zsh and fish. */
static void print_quoted(const char *text, bool brackets)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else if (brackets && (*text == '[' || *text == ']' || *text == ':'))
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

static void print_zsh(void)
{
    printf("#compdef nodewise\n"
           "# nodewise completions zsh > \"${fpath[1]}/_nodewise\"\n"
           "_nodewise() {\n  local -a verbs\n  verbs=(\n");
    for (size_t i = 0; i < verb_count; i++) {
        printf("    '%s:", verbs[i].name);
        print_quoted(verbs[i].summary, false);
        printf("'\n");
    }
    printf("  )\n  if (( CURRENT == 2 )); then\n    _describe verb verbs\n    return\n  fi\n  case $words[2] in\n");
    for (size_t i = 0; i < verb_count; i++) {
        struct verb_option options[VERB_OPTIONS_MOST];
        size_t count = verb_options(verbs[i].help, options);
        printf("  %s)\n    _arguments", verbs[i].name);
        for (size_t k = 0; k < count; k++)
            if (options[k].name[0]) {
                printf(" \\\n      '--%s[", options[k].name);
                print_quoted(options[k].text, true);
                printf("]%s'", options[k].argument[0] ? ":value:_files" : "");
            }
        if (*words_of(verbs[i].name))
            printf(" \\\n      '*:word:(%s)'", words_of(verbs[i].name));
        else
            printf(" \\\n      '*:file:_files'");
        printf(" ;;\n");
    }
    printf("  esac\n}\n_nodewise \"$@\"\n");
}

static void print_fish(void)
{
    printf("# nodewise completions fish > ~/.config/fish/completions/nodewise.fish\n");
    for (size_t i = 0; i < verb_count; i++) {
        struct verb_option options[VERB_OPTIONS_MOST];
        size_t count = verb_options(verbs[i].help, options);
        printf("complete -c nodewise -n __fish_use_subcommand -f -a %s -d '", verbs[i].name);
        print_quoted(verbs[i].summary, false);
        printf("'\n");
        for (size_t k = 0; k < count; k++)
            if (options[k].name[0]) {
                printf("complete -c nodewise -n '__fish_seen_subcommand_from %s' -l %s", verbs[i].name,
                       options[k].name);
                if (options[k].letter)
                    printf(" -s %c", options[k].letter);
                printf("%s -d '", options[k].argument[0] ? " -r" : "");
                print_quoted(options[k].text, false);
                printf("'\n");
            }
        if (*words_of(verbs[i].name))
            printf("complete -c nodewise -n '__fish_seen_subcommand_from %s' -f -a '%s'\n", verbs[i].name,
                   words_of(verbs[i].name));
    }
}

int cmd_completions(int argc, char **argv)
{
    const char *shell = argc == 2 ? argv[1] : "";
    if (strcmp(shell, "bash") == 0)
        print_bash();
    else if (strcmp(shell, "zsh") == 0)
        print_zsh();
    else if (strcmp(shell, "fish") == 0)
        print_fish();
    else
        return usage_error("completions", "take one of bash, zsh and fish");
    return finish_output(EXIT_OK);
}
