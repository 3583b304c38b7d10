#include "config/json_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "config/printable.h"

json_t *json_any_text(const char *text)
{
    json_t *value = json_string(text);
    return value ? value : json_string(printable(text));
}

json_t *json_printable(const json_t *document)
{
    const char *key;
    json_t *item, *copy;
    size_t index;
    switch (json_typeof(document)) {
    case JSON_STRING:
        return json_string(printable(json_string_value(document)));
    case JSON_ARRAY:
        copy = json_array();
        json_array_foreach(document, index, item)
            json_array_append_new(copy, json_printable(item));
        return copy;
    case JSON_OBJECT:
        copy = json_object();
        json_object_foreach((json_t *)document, key, item)
            json_object_set_new(copy, printable(key), json_printable(item));
        return copy;
    default:
        return json_incref((json_t *)document);
    }
}

/* Control characters below 0x20 are escaped by then, in strings; the newlines outside of them stay. */
static void write_document(FILE *to, const char *text)
{
    char form[PRINTABLE_FORM];
    for (size_t length = strlen(text); length > 0;) {
        bool as_is;
        unsigned point = 0;
        size_t bytes = printable_next(text, length, form, &as_is);
        if (as_is || *text == '\n')
            fwrite(text, 1, bytes, to);
        else if (utf8_character(text, length, &point) && point > 0xffff)
            fprintf(to, "\\u%04x\\u%04x", 0xd800 + ((point - 0x10000) >> 10), 0xdc00 + (point & 0x3ff));
        else
            fprintf(to, "\\u%04x", point);
        text += bytes;
        length -= bytes;
    }
}

int json_write(FILE *to, const json_t *document, unsigned indent)
{
    char *text = json_dumps(document, JSON_INDENT(indent) | JSON_PRESERVE_ORDER);
    if (!text)
        return -1;
    write_document(to, text);
    free(text);
    return fputc('\n', to) == EOF ? -1 : 0;
}
