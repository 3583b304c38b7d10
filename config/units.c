#include "config/units.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* A whole number and one of the units (the list ends with a NULL name). Digits only: no sign, no space, no dot. */
static int parse_quantity(const char *text, const struct unit *units, uint64_t limit, uint64_t *ret_value)
{
    if (!isdigit((unsigned char)*text))
        return -EINVAL;
    uint64_t number = 0;
    bool huge = false;
    for (; isdigit((unsigned char)*text); text++)
        huge |= __builtin_mul_overflow(number, 10u, &number) ||
                __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number);
    for (const struct unit *unit = units; unit->name; unit++) {
        if (strcmp(text, unit->name) != 0)
            continue;
        if (huge || __builtin_mul_overflow(number, unit->factor, &number) || number > limit)
            return -ERANGE;
        *ret_value = number;
        return 0;
    }
    return -EINVAL;
}

int parse_duration(const char *text, uint64_t *ret_us)
{
    static const struct unit units[] = {{"us", 1},       {"ms", 1000},         {"s", 1000000},
                                        {"m", 60000000}, {"h", 3600000000ull}, {NULL, 0}};
    return parse_quantity(text, units, 366ull * 24 * 3600 * 1000000, ret_us);
}

int parse_size(const char *text, uint64_t *ret_bytes)
{
    static const struct unit units[] = {{"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL, 0}};
    return parse_quantity(text, units, INT64_MAX, ret_bytes);
}

static int parse_number(const char **text, uint32_t *ret_number)
{
    if (!isdigit((unsigned char)**text))
        return -EINVAL;
    uint64_t number = 0;
    for (; isdigit((unsigned char)**text); (*text)++) {
        number = number * 10 + (uint64_t)(**text - '0');
        if (number >= UINT32_MAX) /* the last value stands for "open" */
            return -ERANGE;
    }
    *ret_number = (uint32_t)number;
    return 0;
}

int parse_range(const char **text, struct index_range *ret_range)
{
    struct index_range range;
    const char *at = *text;
    int error = parse_number(&at, &range.first);
    if (error < 0)
        return error;
    range.last = range.first;
    if (*at == '-') {
        at++;
        range.last = UINT32_MAX;
        if (*at && *at != ',') {
            error = parse_number(&at, &range.last);
            if (error < 0)
                return error;
        }
    }
    if (range.last < range.first)
        return -EINVAL;
    if (*at == ',') {
        at++;
        if (!*at)
            return -EINVAL;
    } else if (*at) {
        return -EINVAL;
    }
    *text = at;
    *ret_range = range;
    return 0;
}

bool is_rule_name(const char *text)
{
    if (!isalpha((unsigned char)*text) || strlen(text) > RULE_NAME_MAX)
        return false;
    for (const char *c = text; *c; c++) {
        bool joint = *c == '-' || *c == '_';
        if (joint ? !isalnum((unsigned char)c[1]) : !isalnum((unsigned char)*c))
            return false;
    }
    return true;
}

bool is_variable_name(const char *text)
{
    if (!isalpha((unsigned char)*text) && *text != '_')
        return false;
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_')
            return false;
    return true;
}

static int folded(char c)
{
    return c == '-' ? '_' : tolower((unsigned char)c);
}

bool same_name(const char *a, const char *b)
{
    while (*a && folded(*a) == folded(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

bool find_unknown_brace(const char *text, const char *const *words, size_t *ret_offset, size_t *ret_length)
{
    for (const char *at = text; (at = strpbrk(at, "{}")); at++) {
        const char *end = *at == '{' ? strchr(at, '}') : NULL;
        bool known = false;
        for (size_t i = 0; end && words[i]; i++)
            known |= strlen(words[i]) == (size_t)(end - at - 1) && memcmp(words[i], at + 1, strlen(words[i])) == 0;
        if (!known) {
            *ret_offset = (size_t)(at - text);
            *ret_length = end ? (size_t)(end - at + 1) : 1;
            return true;
        }
        at = end;
    }
    return false;
}

uint32_t text_width(const char *text)
{
    uint32_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}
