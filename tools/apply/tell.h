/*
 * tell: what `apply` did, as a document and as text: of each thread its rule, what was asked, what was read back, and why
 * the two differ.
 */
#ifndef NODEWISE_TOOLS_APPLY_TELL_H
#define NODEWISE_TOOLS_APPLY_TELL_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "tools/apply/session.h"

struct told {
    const struct plan_view *plan;
    const char *policy;    /* what it is called */
    bool dry_run, is_bare; /* is_bare: CPUs alone were asked for, so nothing of a policy is missing */
    struct session *session;
};

/*
 * All threads and processes; only_changed: those that have changed or ended since the last call, which it notes
 * as session_forget_news() does.
 */
json_t *tell_document(const struct told *told, bool only_changed);

/* The first document as tables and a last line; a later one as a line for each thread and process. On stdout. */
void tell_text(const json_t *document);
void tell_changes(const json_t *document);

#endif
