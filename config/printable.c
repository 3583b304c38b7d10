#include "config/printable.h"

#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

/* --- characters --- */

size_t utf8_character(const char *text, size_t length, unsigned *ret_point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)*text;
    size_t bytes = first < 0x80 ? 1 : first >= 0xf8 ? 0 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
    if (bytes == 0 || bytes > length)
        return 0;
    uint32_t point = bytes == 1 ? first : first & (0xffu >> (bytes + 1));
    for (size_t i = 1; i < bytes; i++) {
        if (((unsigned char)text[i] & 0xc0) != 0x80) /* the end of the text, too */
            return 0;
        point = point << 6 | ((unsigned char)text[i] & 0x3f);
    }
    if (point < least[bytes] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
        return 0;
    *ret_point = point;
    return bytes;
}

static bool is_printable(unsigned point)
{
    static const struct {
        unsigned first, last;
    } others[] = {
        {0x00, 0x1f},       {0x7f, 0x9f},     /* control: C0, DEL, C1 */
        {0x061c, 0x061c},   {0x200e, 0x200f}, /* marks of direction */
        {0x2028, 0x202e},                     /* separators of lines and paragraphs; embeddings, overrides */
        {0x2066, 0x2069},                     /* isolates */
        {0xfeff, 0xfeff},   {0xfff9, 0xfffb}, /* marks that have no width */
        {0xfffe, 0xffff},                     /* no characters */
        {0xe0000, 0xe007f},                   /* tags */
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (point >= others[i].first && point <= others[i].last)
            return false;
    return true;
}

size_t printable_next(const char *text, size_t length, char ret_form[PRINTABLE_FORM], bool *ret_as_is)
{
    unsigned point = 0;
    size_t bytes = utf8_character(text, length, &point);
    *ret_as_is = bytes > 0 && is_printable(point);
    if (*ret_as_is)
        snprintf(ret_form, PRINTABLE_FORM, "%.*s", (int)bytes, text);
    else if (bytes > 1 && point <= 0xffff)
        snprintf(ret_form, PRINTABLE_FORM, "\\u%04x", point);
    else if (bytes > 1)
        snprintf(ret_form, PRINTABLE_FORM, "\\u%05x", point & 0xfffff); /* tags: the only ones there */
    else
        snprintf(ret_form, PRINTABLE_FORM, "\\x%02x", (unsigned char)*text);
    return bytes ? bytes : 1;
}

/* libc knows how wide letters are, in a locale that has them; the program's own stays as it is. */
static unsigned columns_of(unsigned point)
{
    static locale_t locale;
    if (point < 0x300)
        return 1;
    if (!locale)
        locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    if (!locale)
        return 1;
    locale_t before = uselocale(locale);
    int columns = wcwidth((wchar_t)point);
    uselocale(before);
    return columns < 0 ? 1 : (unsigned)columns;
}

size_t printable_columns(const char *text, size_t length, unsigned *ret_columns)
{
    char form[PRINTABLE_FORM];
    unsigned point = 0;
    bool as_is;
    size_t bytes = printable_next(text, length, form, &as_is);
    if (as_is)
        utf8_character(text, length, &point);
    *ret_columns = as_is ? columns_of(point) : (unsigned)strlen(form);
    return bytes;
}

size_t printable_fit(const char *text, size_t length, size_t most, size_t *ret_columns)
{
    size_t at = 0, used = 0;
    while (at < length) {
        unsigned columns;
        size_t bytes = printable_columns(text + at, length - at, &columns);
        if (columns > most - used)
            break;
        used += columns;
        at += bytes;
    }
    *ret_columns = used;
    return at;
}

size_t printable_width(const char *text)
{
    size_t width;
    printable_fit(text, strlen(text), SIZE_MAX, &width);
    return width;
}

/* --- texts --- */

void printable_write(FILE *to, const char *text, size_t length)
{
    char form[PRINTABLE_FORM];
    bool as_is;
    while (length > 0) {
        size_t bytes = printable_next(text, length, form, &as_is);
        fputs(form, to);
        text += bytes;
        length -= bytes;
    }
}

char *printable_copy(const char *text)
{
    size_t length = strlen(text), at = 0;
    char *copy = malloc(length * (PRINTABLE_FORM - 1) + 1);
    bool as_is;
    if (!copy)
        return NULL;
    while (length > 0) {
        size_t bytes = printable_next(text, length, copy + at, &as_is);
        at += strlen(copy + at);
        text += bytes;
        length -= bytes;
    }
    copy[at] = '\0';
    return copy;
}

static bool is_as_it_is(const char *text)
{
    char form[PRINTABLE_FORM];
    bool as_is = true;
    for (size_t length = strlen(text); as_is && length > 0;) {
        size_t bytes = printable_next(text, length, form, &as_is);
        text += bytes;
        length -= bytes;
    }
    return as_is;
}

const char *printable(const char *text)
{
    static char *kept[PRINTABLE_KEPT];
    static unsigned next;
    if (is_as_it_is(text))
        return text;
    char **place = &kept[next++ % PRINTABLE_KEPT];
    free(*place);
    *place = printable_copy(text);
    return *place ? *place : "?";
}
