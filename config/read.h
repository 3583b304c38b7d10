/*
 * read: value tree to struct policy, led by the key table. The same walk checks one layer (into a policy that
 * is thrown away) and reads the merged tree (quietly, because every layer was checked where it was written).
 *
 * Nothing here opens a file or knows about layers.
 */
#ifndef NODEWISE_CONFIG_READ_H
#define NODEWISE_CONFIG_READ_H

#include "config/keys.h"
#include "config/value.h"
#include "policy/policy.h"

/*
 * Fills a new policy: built-in values first, then the tree. Findings go to diags (NULL: none are made); wrong
 * values are left at what they were. 0 or -ENOMEM.
 */
int policy_read(struct policy *policy, const struct value *root, struct diag_list *diags);

/*
 * A value given as bare text (variable, --set, built-in value) for a key: TOML where the key's type can be
 * that and it parses, else a string. `at` is where the text begins in its source. NULL without memory, or for
 * keys that take only tables when the text is no TOML (then with a finding).
 */
struct value *value_of_text(struct pool *pool, const struct key *key, const char *text, struct span at,
                            struct diag_list *diags);
/* Will value_of_text() take the text as a plain string? Then it is shown, and counted, with quotes around it. */
bool is_plain_text(const struct key *key, const char *text);

#endif
