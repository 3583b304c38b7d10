/*
 * line: what may stand at the end of a command line, by the usage and the options of its verb as the help shows them.
 */
#ifndef NODEWISE_TOOLS_COMPLETE_LINE_H
#define NODEWISE_TOOLS_COMPLETE_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/complete/answer.h"

struct line {
    const char *usage, *help; /* of the verb */
    bool any_process;         /* it is for processes that run without the library, too */
    const char *const *words; /* those behind the verb; the last is completed, and may be "" */
    size_t count;             /* at least 1 */
};

/* A command that begins on the line counts its words from the verb, which is 0. */
void line_complete(struct answer *answer, const struct line *line);

#endif
