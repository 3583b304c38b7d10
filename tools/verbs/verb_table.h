/* verb_table: the verbs with their help: what `help`, the manual and the shells' completions print. */
#ifndef NODEWISE_TOOLS_VERBS_VERB_TABLE_H
#define NODEWISE_TOOLS_VERBS_VERB_TABLE_H

#include <stddef.h>
#include <stdio.h>

struct verb {
    const char *name;
    const char *usage;                 /* behind the name: "[-p POLICY] -- COMMAND…" */
    const char *summary;               /* half a line */
    const char *help;                  /* option lines, or "" */
    int (*run)(int argc, char **argv); /* argv[0] is the verb; returns the exit code */
};

extern const struct verb verbs[];
extern const size_t verb_count;

/* NULL: there is no such verb. */
const struct verb *verb_find(const char *name);
void verb_print_help(FILE *to, const struct verb *verb);

#endif
