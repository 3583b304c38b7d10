/*
 * option_error: what is said of an option that getopt_long(3) refused: which one, what it lacks, and which was meant.
 * getopt's own messages are off (opterr, in main).
 */
#ifndef NODEWISE_TOOLS_COMMON_OPTION_ERROR_H
#define NODEWISE_TOOLS_COMMON_OPTION_ERROR_H

#include <getopt.h>

/* After getopt_long returned '?': says it on stderr and returns EXIT_BAD_INPUT. known: the table it was given. */
int option_error(const char *verb, char *const *argv, const struct option *known);

#endif
