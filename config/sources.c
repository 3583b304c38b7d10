#include "config/sources.h"

#include <stdlib.h>
#include <string.h>

struct sources *sources_new(void)
{
    return calloc(1, sizeof(struct sources));
}

void sources_free(struct sources *sources)
{
    if (!sources)
        return;
    free(sources->items);
    pool_free(&sources->pool);
    free(sources);
}

const char *sources_add(struct sources *sources, enum source_kind kind, const char *name, const char *text, size_t size)
{
    if (sources->count == sources->capacity) {
        size_t larger = sources->capacity ? sources->capacity * 2 : 8;
        struct source *items = realloc(sources->items, larger * sizeof(*items));
        if (!items)
            return NULL;
        sources->items = items;
        sources->capacity = larger;
    }
    char *name_copy = pool_strdup(&sources->pool, name);
    char *text_copy = pool_strndup(&sources->pool, text, size);
    if (!name_copy || !text_copy)
        return NULL;
    sources->items[sources->count++] = (struct source){name_copy, kind, text_copy, size};
    return name_copy;
}

int sources_find(const struct sources *sources, const char *name)
{
    if (!sources || !name)
        return -1;
    for (size_t i = 0; i < sources->count; i++)
        if (sources->items[i].name == name)
            return (int)i;
    for (size_t i = 0; i < sources->count; i++)
        if (strcmp(sources->items[i].name, name) == 0)
            return (int)i;
    return -1;
}

const char *source_line(const struct source *source, uint32_t line, size_t *ret_length)
{
    const char *at = source->text, *end = source->text + source->size;
    for (uint32_t n = 1; n < line; n++) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        if (!next)
            return NULL;
        at = next + 1;
    }
    if (line == 0 || (at == end && line > 1))
        return NULL;
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    size_t length = (size_t)((stop ? stop : end) - at);
    if (length && at[length - 1] == '\r')
        length--;
    *ret_length = length;
    return at;
}
