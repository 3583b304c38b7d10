/* The nodewise command: finds the verb and hands over. Each verb lives in its own cmd_NAME.c. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "config/suggest.h"
#include "tools/common/cli.h"
#include "tools/verbs/verb_table.h"
#include "tools/verbs/verbs.h"

static void print_help(FILE *to)
{
    fprintf(to, "nodewise VERB …: CPUs and memory for the threads of unmodified programs, from a policy file\n\n");
    for (size_t i = 0; i < verb_count; i++)
        fprintf(to, "  %-9s %s\n", verbs[i].name, verbs[i].summary);
    fprintf(to, "\n'nodewise help VERB' shows its options. Manual: nodewise(1), nodewise.toml(5).\n");
}

static int unknown_verb(const char *name)
{
    struct suggestion near = suggest_for(name);
    if (*name == '-')
        print_error("the verb comes first, then its options: \"%s\" is not a verb; 'nodewise help' lists them", name);
    for (size_t i = 0; i < verb_count && *name != '-'; i++)
        suggest_offer(&near, verbs[i].name);
    if (near.best)
        print_error("\"%s\" is not a verb: did you mean \"%s\"?", name, near.best);
    else if (*name != '-')
        print_error("\"%s\" is not a verb; 'nodewise help' lists them", name);
    return EXIT_BAD_INPUT;
}

static int help(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stdout);
        return finish_output(EXIT_OK);
    }
    const struct verb *verb = verb_find(argv[1]);
    if (!verb)
        return unknown_verb(argv[1]);
    verb_print_help(stdout, verb);
    return finish_output(EXIT_OK);
}

/* --help before the program's own words, which for `run` begin at the first that is no option. */
static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    setvbuf(stderr, NULL, _IOLBF, BUFSIZ); /* a write(2) for each line: what ranks say does not mix within one */
    if (argc < 2) {
        print_help(stderr);
        return EXIT_BAD_INPUT;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return help(argc - 1, argv + 1);
    if (strcmp(name, "manual") == 0) /* for the build: the manual's pages are made of this table */
        return cmd_manual(argc - 1, argv + 1);
    if (strcmp(name, "complete") == 0) /* for the shells: what `completions` prints asks it */
        return cmd_complete(argc - 1, argv + 1);
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0 || strcmp(name, "version") == 0) {
        printf("nodewise %s\n", NODEWISE_VERSION);
        return finish_output(EXIT_OK);
    }
    const struct verb *verb = verb_find(name);
    if (!verb)
        return unknown_verb(name);
    opterr = 0; /* option_error() says more */
    if (asks_for_help(argc - 1, argv + 1)) {
        verb_print_help(stdout, verb);
        return finish_output(EXIT_OK);
    }
    return verb->run(argc - 1, argv + 1);
}
