/* check: whether files still have the digests that a list tells. */
#ifndef NODEWISE_TOOLS_SHA1SUM_CHECK_H
#define NODEWISE_TOOLS_SHA1SUM_CHECK_H

#include <stdbool.h>

#include "tools/sha1sum/line.h"

struct check_options {
    bool ignore_missing, quiet, status, strict, warn;
};

/*
 * list: the name of a file of lines (line.h), "-" for standard input. form: the same for all lists. Says what it finds;
 * true: all is as the list says.
 */
bool check(const char *list, enum line_form *form, const struct check_options *options);

#endif
