/* value_json: a value of a policy as JSON, for the schema's defaults and `config show`. */
#ifndef NODEWISE_CONFIG_VALUE_JSON_H
#define NODEWISE_CONFIG_VALUE_JSON_H

#include <jansson.h>

#include "config/value.h"

/* The caller owns the result; NULL without memory. JSON has no times: they become null. */
json_t *value_to_json(const struct value *value);

#endif
