#include "policy/cpuset.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t word_of_id(unsigned id)
{
    return id / CPUSET_WORD_BITS;
}

static uint64_t bit_of_id(unsigned id)
{
    return UINT64_C(1) << (id % CPUSET_WORD_BITS);
}

static uint64_t word_or_zero(const struct cpuset *set, size_t index)
{
    return index < set->count ? set->words[index] : 0;
}

static int grow(struct cpuset *set, size_t count)
{
    if (count <= set->count)
        return 0;
    uint64_t *words = realloc(set->words, count * sizeof(*words));
    if (!words)
        return -ENOMEM;
    memset(words + set->count, 0, (count - set->count) * sizeof(*words));
    set->words = words;
    set->count = count;
    return 0;
}

void cpuset_free(struct cpuset *set)
{
    free(set->words);
    *set = CPUSET_EMPTY;
}

void cpuset_clear(struct cpuset *set)
{
    if (set->count)
        memset(set->words, 0, set->count * sizeof(*set->words));
}

int cpuset_copy(struct cpuset *ret_to, const struct cpuset *from)
{
    if (ret_to == from)
        return 0;
    int error = grow(ret_to, from->count);
    if (error < 0)
        return error;
    cpuset_clear(ret_to);
    if (from->count)
        memcpy(ret_to->words, from->words, from->count * sizeof(*from->words));
    return 0;
}

int cpuset_add(struct cpuset *set, unsigned id)
{
    return cpuset_add_range(set, id, id);
}

int cpuset_add_range(struct cpuset *set, unsigned first, unsigned last)
{
    if (first > last || last > CPUSET_MAX_ID)
        return -ERANGE;
    int error = grow(set, word_of_id(last) + 1);
    if (error < 0)
        return error;
    for (unsigned id = first; id <= last; id++)
        set->words[word_of_id(id)] |= bit_of_id(id);
    return 0;
}

bool cpuset_has(const struct cpuset *set, unsigned id)
{
    return word_or_zero(set, word_of_id(id)) & bit_of_id(id);
}

int cpuset_or(struct cpuset *set, const struct cpuset *other)
{
    int error = grow(set, other->count);
    if (error < 0)
        return error;
    for (size_t i = 0; i < other->count; i++)
        set->words[i] |= other->words[i];
    return 0;
}

void cpuset_and(struct cpuset *set, const struct cpuset *other)
{
    for (size_t i = 0; i < set->count; i++)
        set->words[i] &= word_or_zero(other, i);
}

void cpuset_andnot(struct cpuset *set, const struct cpuset *other)
{
    for (size_t i = 0; i < set->count; i++)
        set->words[i] &= ~word_or_zero(other, i);
}

bool cpuset_is_empty(const struct cpuset *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->words[i])
            return false;
    return true;
}

bool cpuset_equal(const struct cpuset *a, const struct cpuset *b)
{
    size_t count = a->count > b->count ? a->count : b->count;
    for (size_t i = 0; i < count; i++)
        if (word_or_zero(a, i) != word_or_zero(b, i))
            return false;
    return true;
}

bool cpuset_is_subset(const struct cpuset *part, const struct cpuset *whole)
{
    for (size_t i = 0; i < part->count; i++)
        if (part->words[i] & ~word_or_zero(whole, i))
            return false;
    return true;
}

bool cpuset_intersects(const struct cpuset *a, const struct cpuset *b)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->words[i] & word_or_zero(b, i))
            return true;
    return false;
}

unsigned cpuset_weight(const struct cpuset *set)
{
    unsigned weight = 0;
    for (size_t i = 0; i < set->count; i++)
        weight += (unsigned)__builtin_popcountll(set->words[i]);
    return weight;
}

int cpuset_next(const struct cpuset *set, int after)
{
    unsigned from = (unsigned)(after + 1);
    for (size_t i = word_of_id(from); i < set->count; i++) {
        uint64_t word = set->words[i];
        if (i == word_of_id(from))
            word &= ~UINT64_C(0) << (from % CPUSET_WORD_BITS);
        if (word)
            return (int)(i * CPUSET_WORD_BITS + (unsigned)__builtin_ctzll(word));
    }
    return -1;
}

int cpuset_first(const struct cpuset *set)
{
    return cpuset_next(set, -1);
}

int cpuset_last(const struct cpuset *set)
{
    for (size_t i = set->count; i-- > 0;)
        if (set->words[i])
            return (int)(i * CPUSET_WORD_BITS + 63u - (unsigned)__builtin_clzll(set->words[i]));
    return -1;
}

size_t cpuset_format(const struct cpuset *set, char *buffer, size_t size)
{
    size_t length = 0;
    if (size)
        buffer[0] = '\0';
    int first = cpuset_first(set);
    while (first >= 0) {
        int last = first;
        while (cpuset_has(set, (unsigned)last + 1))
            last++;
        char run[32];
        int n = last > first ? snprintf(run, sizeof(run), "%s%d-%d", length ? "," : "", first, last)
                             : snprintf(run, sizeof(run), "%s%d", length ? "," : "", first);
        for (int i = 0; i < n; i++, length++)
            if (length + 1 < size) {
                buffer[length] = run[i];
                buffer[length + 1] = '\0';
            }
        first = cpuset_next(set, last);
    }
    return length;
}

char *cpuset_to_string(const struct cpuset *set)
{
    size_t size = cpuset_format(set, NULL, 0) + 1;
    char *text = malloc(size);
    if (text)
        cpuset_format(set, text, size);
    return text;
}

/* A number at *at, moved on behind it; -EINVAL without digits, -ERANGE past CPUSET_MAX_ID. */
static int parse_id(const char **at, unsigned *ret_id)
{
    const char *p = *at;
    unsigned long value = 0;
    if (*p < '0' || *p > '9')
        return -EINVAL;
    for (; *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (unsigned long)(*p - '0');
        if (value > CPUSET_MAX_ID)
            return -ERANGE;
    }
    *at = p;
    *ret_id = (unsigned)value;
    return 0;
}

/* "A", "A-B" or "A-B:STEP" at *at. */
static int parse_run(struct cpuset *set, const char **at)
{
    unsigned first, step = 1;
    int error = parse_id(at, &first);
    if (error < 0)
        return error;
    unsigned last = first;
    if (**at == '-') {
        const char *dash = (*at)++;
        error = parse_id(at, &last);
        if (error < 0)
            return error;
        if (last < first) {
            *at = dash;
            return -EINVAL;
        }
        if (**at == ':') {
            const char *colon = (*at)++;
            error = parse_id(at, &step);
            if (error < 0)
                return error;
            if (step == 0) {
                *at = colon;
                return -EINVAL;
            }
        }
    }
    for (unsigned id = first; id <= last; id += step) {
        error = cpuset_add(set, id);
        if (error < 0)
            return error;
    }
    return 0;
}

int cpuset_parse_list(struct cpuset *ret_set, const char *text, size_t *ret_error_at)
{
    struct cpuset set = CPUSET_EMPTY;
    const char *at = text;
    int error = 0;
    while (*at) {
        error = parse_run(&set, &at);
        if (error < 0)
            break;
        if (*at == '\0')
            break;
        if (*at != ',' || at[1] == '\0') {
            error = -EINVAL;
            break;
        }
        at++;
    }
    if (error < 0) {
        if (ret_error_at)
            *ret_error_at = (size_t)(at - text);
        cpuset_free(&set);
        return error;
    }
    cpuset_free(ret_set);
    *ret_set = set;
    return 0;
}
