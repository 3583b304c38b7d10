/* meaning: what can be said about a whole policy without a machine: rules that lack something, conditions that
 * exclude each other. Pure; findings only. */
#ifndef NODEWISE_CONFIG_MEANING_H
#define NODEWISE_CONFIG_MEANING_H

#include "policy/policy.h"

void meaning_check(const struct policy *policy, struct diag_list *diags);

#endif
