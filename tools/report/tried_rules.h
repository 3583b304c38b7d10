/*
 * tried_rules: the decision about a thread, taken again from the facts that the shim wrote down, with the matching code
 * that the shim itself uses. A fact that was not needed then (a library's name in a plan without library rules) is not
 * known now either, and its condition is said to have failed, as it did.
 */
#ifndef NODEWISE_TOOLS_REPORT_TRIED_RULES_H
#define NODEWISE_TOOLS_REPORT_TRIED_RULES_H

#include <jansson.h>

#include "tools/segment/snapshot.h"

/*
 * Every rule up to the one that took the thread: "rule", "origin", "verdict" (taken, matches now, no), and of one that did
 * not match "failed", the key; "wanted", the condition as a policy writes it; and "value", what the thread has, null where
 * it is not known. A new reference.
 */
json_t *tried_rules(const struct snapshot *snapshot, const struct segment_thread *thread);

#endif
