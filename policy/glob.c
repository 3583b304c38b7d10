#include "policy/match.h"

/*
 * One pass with a single point of return: after a '*' that leads nowhere, only the last '*' need be tried
 * again one character further on, since an earlier one could match nothing that the later one cannot. So time
 * is at most pattern x text, and there is no recursion that a hostile pattern could use.
 */

/* Does the set at *at (behind the '[') hold c; *at is moved behind the ']'. An unclosed '[' is a plain one. */
static bool set_holds(const char **at, char c, bool *ret_closed)
{
    const char *p = *at;
    bool negated = *p == '!' || *p == '^';
    bool holds = false;
    if (negated)
        p++;
    for (bool first = true; *p && (first || *p != ']'); first = false) {
        char low = *p++;
        char high = low;
        if (low == '\\' && *p)
            low = high = *p++;
        if (*p == '-' && p[1] && p[1] != ']') {
            high = p[1];
            p += 2;
        }
        if ((unsigned char)low <= (unsigned char)c && (unsigned char)c <= (unsigned char)high)
            holds = true;
    }
    *ret_closed = *p == ']';
    if (*ret_closed)
        *at = p + 1;
    return holds != negated;
}

/* Does the one-character pattern element at *at take c; *at is moved behind the element. */
static bool element_takes(const char **at, char c)
{
    char p = *(*at)++;
    if (p == '?')
        return true;
    if (p == '\\' && **at)
        return *(*at)++ == c;
    if (p == '[') {
        bool closed;
        bool holds = set_holds(at, c, &closed);
        return closed ? holds : c == '[';
    }
    return p == c;
}

bool glob_match(const char *pattern, const char *text)
{
    const char *star = NULL, *retry = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            retry = text;
            continue;
        }
        const char *next = pattern;
        if (*pattern && element_takes(&next, *text)) {
            pattern = next;
            text++;
            continue;
        }
        if (!star)
            return false;
        pattern = star;
        text = ++retry;
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}
