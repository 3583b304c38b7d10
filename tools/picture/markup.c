#include "tools/picture/markup.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "config/printable.h"

/* The bytes of the character at `text`; 0 where there is none that a page should have. */
static size_t letter_bytes(const char *text, size_t length)
{
    char form[PRINTABLE_FORM];
    bool as_is;
    size_t bytes = printable_next(text, length, form, &as_is);
    return as_is || *text == '\n' || *text == '\t' ? bytes : 0;
}

void markup_text(FILE *to, const char *text)
{
    unsigned point;
    for (size_t length = strlen(text), whole; length > 0; text += whole, length -= whole) {
        size_t bytes = letter_bytes(text, length);
        whole = utf8_character(text, length, &point);
        whole = whole ? whole : 1;
        if (*text == '&')
            fputs("&amp;", to);
        else if (*text == '<')
            fputs("&lt;", to);
        else if (*text == '>')
            fputs("&gt;", to);
        else if (*text == '"')
            fputs("&quot;", to);
        else if (*text == '\'')
            fputs("&#39;", to);
        else if (bytes)
            fwrite(text, 1, bytes, to);
        else
            fputs("\xef\xbf\xbd", to);
    }
}

void markup_print(FILE *to, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    markup_text(to, text ? text : "?");
    free(text);
}
