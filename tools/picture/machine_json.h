/*
 * machine_json: the machine of a plan as a part of a document, so that a picture can be drawn from a file alone:
 * {"nodes": [{"id", "memory_bytes", "sockets": "0", "cpus": "0-7", "l3": [{"id", "cpus", "cores": ["0,4", …]}]}]}
 */
#ifndef NODEWISE_TOOLS_PICTURE_MACHINE_JSON_H
#define NODEWISE_TOOLS_PICTURE_MACHINE_JSON_H

#include <jansson.h>

#include "policy/plan.h"

/* The caller owns the value; NULL without memory. */
json_t *machine_json(const struct plan_view *plan);

#endif
