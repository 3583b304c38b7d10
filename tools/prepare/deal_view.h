/*
 * deal_view: what each rank or process would get (tools/prepare/deal.h), as a table with a bar of the CPUs, or as JSON.
 */
#ifndef NODEWISE_TOOLS_PREPARE_DEAL_VIEW_H
#define NODEWISE_TOOLS_PREPARE_DEAL_VIEW_H

#include <jansson.h>

#include "tools/prepare/deal.h"
#include "tools/prepare/thread_spec.h"

#define DEAL_MOST 4096u /* ranks or processes of one dry run */

struct deal_request {
    unsigned count;
    bool ranks; /* of a launcher; else processes that none started */
    const struct process_facts *process;
    const char *const *specs; /* threads that each has, as in thread_spec.h, all of them sound */
    size_t spec_count;
};

/* An array with an object for each. NULL: something failed, which was said. */
json_t *deal_json(const struct prepared *prepared, const struct deal_request *request);
/* The array as a table. */
void deal_print(FILE *to, const json_t *dealt, const struct deal_request *request);

#endif
