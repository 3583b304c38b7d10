#include "tools/tune/metric.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int metric_compile(struct metric *metric, const char *text, char *ret_why, size_t size)
{
    int error = regcomp(&metric->regex, text, REG_EXTENDED);
    if (error) {
        regerror(error, &metric->regex, ret_why, size);
        return -EINVAL;
    }
    metric->text = text;
    return 0;
}

void metric_free(struct metric *metric)
{
    if (metric->text)
        regfree(&metric->regex);
    metric->text = NULL;
}

/* --- numbers --- */

/* "1,234.5" is one number; "p99" holds none: its digits belong to a word. */
static bool starts_number(const char *line, size_t at)
{
    return isdigit((unsigned char)line[at]) &&
           (at == 0 || !(isalnum((unsigned char)line[at - 1]) || strchr("_.,", line[at - 1])));
}

static double number_at(const char *text)
{
    char digits[64];
    size_t count = 0;
    for (size_t i = 0; text[i] && count + 1 < sizeof(digits); i++) {
        bool groups = text[i] == ',' && i > 0 && isdigit((unsigned char)text[i + 1]);
        if (!groups)
            digits[count++] = text[i];
    }
    digits[count] = '\0';
    return strtod(digits, NULL);
}

/* Where the first number in [from, to) starts; `to`: there is none. */
static size_t first_number(const char *line, size_t from, size_t to)
{
    while (from < to && !starts_number(line, from))
        from++;
    return from;
}

/* The characters between the last number before `to` and it; SIZE_MAX: there is none. */
static size_t gap_before(const char *line, size_t to, size_t *ret_at)
{
    size_t at = to;
    do {
        if (at-- == 0)
            return SIZE_MAX;
    } while (!starts_number(line, at));
    size_t end = at + strspn(line + at, "0123456789.,eE+-");
    *ret_at = at;
    return end < to ? to - end : 0;
}

/* ---- */

static bool number_of_match(const char *line, const regmatch_t match[2], double *ret_value)
{
    if (match[1].rm_so >= 0) {
        char *end;
        const char *group = line + match[1].rm_so;
        *ret_value = number_at(group);
        strtod(group, &end);
        return end != group;
    }
    size_t start = (size_t)match[0].rm_so, end = (size_t)match[0].rm_eo, length = strlen(line);
    size_t at = first_number(line, start, end), before = at;
    if (at == end) {
        at = first_number(line, end, length);
        size_t gap = at < length ? at - end : SIZE_MAX;
        at = gap_before(line, start, &before) < gap ? before : at;
    }
    *ret_value = number_at(line + at);
    return line[at] != '\0';
}

int metric_find(const struct metric *metric, const char *output, double *ret_value)
{
    char *copy = strdup(output), *rest = copy;
    int found = copy ? -ENOENT : -ENOMEM;
    for (char *line; copy && (line = strsep(&rest, "\r\n"));) {
        regmatch_t match[2];
        double value;
        if (regexec(&metric->regex, line, 2, match, 0) != 0)
            continue;
        found = number_of_match(line, match, &value) ? 0 : -ENODATA;
        if (found == 0 && !(value > 0 && isfinite(value)))
            found = -ERANGE;
        if (found == 0)
            *ret_value = value;
    }
    free(copy);
    return found;
}
