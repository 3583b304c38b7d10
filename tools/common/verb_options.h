/*
 * verb_options: the options of a verb, read out of the help text that it shows: what the manual and the completions are
 * made of, so that there is one list.
 */
#ifndef NODEWISE_TOOLS_COMMON_VERB_OPTIONS_H
#define NODEWISE_TOOLS_COMMON_VERB_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#define VERB_OPTIONS_MOST 32u

struct verb_option {
    char letter;       /* 0: none */
    char name[32];     /* without the dashes; "" for a line about an argument */
    char argument[48]; /* "FILE"; "" for none; or the argument that the line is about */
    char text[400];    /* what it does, lines joined */
};

/* Returns how many there are. Lines that describe no option or argument are left out. */
size_t verb_options(const char *help, struct verb_option ret_options[VERB_OPTIONS_MOST]);

#endif
