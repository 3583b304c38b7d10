#include "tools/common/quote.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Each character that stands in `special` becomes what is at the same place of `escaped`. */
static char *escape(const char *text, const char *special, const char *const *escaped)
{
    size_t longest = 1, length = 0;
    for (size_t i = 0; special[i]; i++)
        if (strlen(escaped[i]) > longest)
            longest = strlen(escaped[i]);
    char *quoted = malloc(strlen(text) * longest + 1);
    if (!quoted)
        return NULL;
    for (; *text; text++) {
        const char *at = strchr(special, *text);
        const char *from = at ? escaped[at - special] : text;
        size_t size = at ? strlen(from) : 1;
        memcpy(quoted + length, from, size);
        length += size;
    }
    quoted[length] = '\0';
    return quoted;
}

static bool is_plain(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
    return *text && text[strspn(text, plain)] == '\0';
}

char *quote_shell(const char *text)
{
    static const char *const escaped[] = {"'\\''"};
    if (is_plain(text))
        return strdup(text);
    char *inside = escape(text, "'", escaped);
    char *quoted = inside ? malloc(strlen(inside) + 3) : NULL;
    if (quoted) {
        char *end = stpcpy(stpcpy(quoted, "'"), inside);
        stpcpy(end, "'");
    }
    free(inside);
    return quoted;
}

char *quote_systemd(const char *text)
{
    static const char *const escaped[] = {"%%", "\\\\", "\\\""};
    return escape(text, "%\\\"", escaped);
}

char *quote_yaml(const char *text)
{
    static const char *const escaped[] = {"\\\\", "\\\""};
    return escape(text, "\\\"", escaped);
}
