/* write_policy: what was observed as a policy file, with comments that say why each line is there. */
#ifndef NODEWISE_TOOLS_LEARN_WRITE_POLICY_H
#define NODEWISE_TOOLS_LEARN_WRITE_POLICY_H

#include <stdio.h>

#include <jansson.h>

#include "tools/learn/groups.h"

void write_policy(FILE *to, const struct groups *groups, const struct observed *observed, const json_t *report,
                  char *const *command);

#endif
