#include "config/value_json.h"

#include "config/json_text.h"

json_t *value_to_json(const struct value *value)
{
    json_t *made;
    switch (value->kind) {
    case VALUE_STRING:
        return json_any_text(value->string);
    case VALUE_INTEGER:
        return json_integer(value->integer);
    case VALUE_FLOAT:
        return json_real(value->number);
    case VALUE_BOOL:
        return json_boolean(value->boolean);
    case VALUE_TIME:
        return json_null();
    case VALUE_ARRAY:
        made = json_array();
        for (size_t i = 0; i < value->array.count; i++)
            json_array_append_new(made, value_to_json(value->array.items[i]));
        return made;
    case VALUE_TABLE:
        made = json_object();
        for (size_t i = 0; i < value->table.count; i++)
            json_object_set_new(made, value->table.entries[i].key, value_to_json(value->table.entries[i].value));
        return made;
    }
    return NULL;
}
