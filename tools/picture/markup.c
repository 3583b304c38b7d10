#include "tools/picture/markup.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* The bytes of the character at `text`; 0 where there is none that a document may have. */
static unsigned letter_bytes(const char *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)*text;
    if (first < 0x80)
        return (first < 0x20 && first != '\n' && first != '\t') || first == 0x7f ? 0 : 1;
    unsigned bytes = first >= 0xf0 && first < 0xf8 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
    if (first >= 0xf8 || !bytes)
        return 0;
    uint32_t letter = first & (0xffu >> (bytes + 1));
    for (unsigned i = 1; i < bytes; i++) {
        if (!continues(text[i])) /* the end of the text, too */
            return 0;
        letter = letter << 6 | ((unsigned char)text[i] & 0x3f);
    }
    bool is_surrogate = letter >= 0xd800 && letter < 0xe000, is_none = letter == 0xfffe || letter == 0xffff;
    return letter < least[bytes] || letter > 0x10ffff || is_surrogate || is_none ? 0 : bytes;
}

void markup_text(FILE *to, const char *text)
{
    while (*text) {
        unsigned bytes = letter_bytes(text);
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
        text += bytes ? bytes : 1;
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
