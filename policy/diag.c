#include "policy/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct code_entry {
    const char *name, *title, *text;
};

static const struct code_entry codes[] = {
#define CODE(id, title, text) [DIAG_##id] = {#id, title, text},
#include "policy/codes.def"
#undef CODE
};

static char *copy_or_null(const char *text)
{
    return text ? strdup(text) : NULL;
}

/* Room for one more item, or NULL without memory. */
static struct diag *next_item(struct diag_list *list)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 8;
        struct diag *items = realloc(list->items, capacity * sizeof(*items));
        if (!items)
            return NULL;
        list->items = items;
        list->capacity = capacity;
    }
    return &list->items[list->count];
}

/* The list's own copy of a name; NULL without one, or without memory. */
static const char *source_of(struct diag_list *list, const char *name)
{
    if (!name)
        return NULL;
    for (size_t i = list->source_count; i-- > 0;)
        if (strcmp(list->sources[i], name) == 0)
            return list->sources[i];
    char *copy = strdup(name);
    char **sources = copy ? realloc(list->sources, (list->source_count + 1) * sizeof(*sources)) : NULL;
    if (!sources) {
        free(copy);
        return NULL;
    }
    list->sources = sources;
    sources[list->source_count++] = copy;
    return copy;
}

void diag_add(struct diag_list *list, enum diag_code code, struct span span, const char *under, const char *help,
              const char *format, ...)
{
    enum severity severity = diag_code_severity(code);
    list->errors += severity == SEVERITY_ERROR;
    list->warnings += severity == SEVERITY_WARNING;

    char *message;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&message, format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    struct diag *item = next_item(list);
    if (!item) {
        free(message);
        return;
    }
    span.source = source_of(list, span.source);
    *item = (struct diag){
        .code = code, .span = span, .message = message, .under = copy_or_null(under), .help = copy_or_null(help)};
    list->count++;
}

static bool same_name(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool diag_said(const struct diag_list *list, enum diag_code code, struct span span)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct diag *item = &list->items[i];
        if (item->code == code && same_name(item->span.source, span.source) && item->span.line == span.line &&
            item->span.column == span.column)
            return true;
    }
    return false;
}

void diag_list_free(struct diag_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].message);
        free(list->items[i].under);
        free(list->items[i].help);
    }
    for (size_t i = 0; i < list->source_count; i++)
        free(list->sources[i]);
    free(list->sources);
    free(list->items);
    *list = (struct diag_list){0};
}

const char *diag_code_name(enum diag_code code)
{
    return (unsigned)code < DIAG_CODE_COUNT ? codes[code].name : "?";
}

const char *diag_code_title(enum diag_code code)
{
    return (unsigned)code < DIAG_CODE_COUNT ? codes[code].title : "unknown code";
}

const char *diag_code_text(enum diag_code code)
{
    return (unsigned)code < DIAG_CODE_COUNT ? codes[code].text : "";
}

enum severity diag_code_severity(enum diag_code code)
{
    switch (diag_code_name(code)[0]) {
    case 'W':
        return SEVERITY_WARNING;
    case 'N':
        return SEVERITY_NOTE;
    default:
        return SEVERITY_ERROR;
    }
}

int diag_code_find(const char *name)
{
    for (int code = 0; code < DIAG_CODE_COUNT; code++)
        if (strcasecmp(codes[code].name, name) == 0)
            return code;
    return -1;
}
