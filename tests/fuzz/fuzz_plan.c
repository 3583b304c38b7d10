/*
 * Bytes as a plan: magic, version, sizes and checksum are put right, so that the checks behind them are reached; what
 * passes is used as the shim would use it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/plan.h"
#include "tests/unit/policy/walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plan_view view;
    size_t whole = size & ~(size_t)7;
    struct plan_header *header = calloc(1, whole ? whole : 8);
    if (!header)
        return 0;
    memcpy(header, data, whole);
    plan_check(&view, header, whole, NULL);
    if (whole >= sizeof(*header)) {
        header->magic = PLAN_MAGIC;
        header->version = PLAN_VERSION;
        header->header_size = sizeof(*header);
        header->total_size = whole;
        header->checksum = plan_checksum(header, whole);
        if (plan_check(&view, header, whole, NULL) == 0)
            walk_plan(&view);
    }
    free(header);
    return 0;
}
