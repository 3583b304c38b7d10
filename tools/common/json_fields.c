#include "tools/common/json_fields.h"

const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

long long number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

bool truth_of(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

/* --- of a report --- */

const char *verdict_word(const json_t *report)
{
    return text_of(json_object_get(report, "verdict"), "word");
}

const char *verdict_text(const json_t *report)
{
    return text_of(json_object_get(report, "verdict"), "text");
}

double locality_of(const json_t *report, const char *name)
{
    const json_t *value = json_object_get(json_object_get(report, "localities"), name);
    return json_is_number(value) ? json_number_value(value) : -1;
}
