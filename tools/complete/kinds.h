/*
 * kinds: what may stand where a verb's help says FILE, PID, PRESET …: one line for each such word, so that a new option
 * whose value has one of these names completes by itself. A word in lower case stands for itself.
 */
#ifndef NODEWISE_TOOLS_COMPLETE_KINDS_H
#define NODEWISE_TOOLS_COMPLETE_KINDS_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/complete/answer.h"

/* For whom a value is completed. */
struct kind_request {
    bool any_process; /* the verb is for processes that run without the library, too */
    const char *word; /* what was typed of the value */
};

/*
 * Adds what may stand for these alternatives: "PID|FILE", "bash|zsh|fish". Where one of these names is not known, the
 * answer says so.
 */
void kinds_complete(struct answer *answer, const char *alternatives, size_t length, const struct kind_request *request);

#endif
