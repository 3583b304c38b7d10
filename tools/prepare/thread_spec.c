#include "tools/prepare/thread_spec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rooms double: a declaration may be of 100,000 threads. */
static int make_room(struct thread_list *list)
{
    if (list->count < list->capacity)
        return 0;
    size_t capacity = list->capacity ? 2 * list->capacity : 16;
    struct sim_thread *threads = realloc(list->threads, capacity * sizeof(*threads));
    if (!threads)
        return -ENOMEM;
    list->threads = threads;
    char **names = realloc(list->names, capacity * sizeof(*names));
    if (!names)
        return -ENOMEM;
    list->names = names;
    list->capacity = capacity;
    return 0;
}

static int append(struct thread_list *list, const struct thread_facts *facts, const char *label)
{
    int error = make_room(list);
    if (error < 0)
        return error;
    struct sim_thread *threads = list->threads;
    char **names = list->names;
    char *copy = strdup(label);
    if (!copy)
        return -ENOMEM;
    names[list->count] = copy;
    threads[list->count] = (struct sim_thread){.facts = *facts};
    threads[list->count].facts.index = (uint32_t)list->count;
    if (facts->name)
        threads[list->count].facts.name = copy;
    list->count++;
    return 0;
}

int thread_list_init(struct thread_list *ret_list, const struct process_facts *process)
{
    struct thread_facts main_thread = {.name = process->comm, .main = true, .process = process};
    *ret_list = (struct thread_list){0};
    return append(ret_list, &main_thread, process->comm && *process->comm ? process->comm : "main");
}

/* The n-th name of a glob: '*' becomes the number, '?' a digit, of "[a-z]" the first member is taken. */
static void name_from_glob(const char *glob, unsigned n, char *ret_name, size_t size)
{
    size_t to = 0;
    for (const char *p = glob; *p && to + 1 < size; p++) {
        if (*p == '*') {
            to += (size_t)snprintf(ret_name + to, size - to, "%u", n);
            if (to >= size)
                to = size - 1;
        } else if (*p == '?') {
            ret_name[to++] = (char)('0' + n % 10);
        } else if (*p == '[' && strchr(p + 1, ']')) {
            p++;
            ret_name[to++] = *p;
            p = strchr(p, ']');
        } else {
            if (*p == '\\' && p[1])
                p++;
            ret_name[to++] = *p;
        }
    }
    ret_name[to] = '\0';
    /* The kernel keeps 15 bytes of a name. */
    if (to > 15)
        ret_name[15] = '\0';
}

/* Splits "TEXT=N"; without "=N" the count is 1. */
static int split_count(const char *spec, size_t *ret_length, unsigned *ret_count)
{
    const char *equals = strrchr(spec, '=');
    char *end;
    *ret_length = strlen(spec);
    *ret_count = 1;
    if (!equals)
        return *ret_length ? 0 : -EINVAL;
    if (equals[1] < '0' || equals[1] > '9')
        return -EINVAL;
    unsigned long count = strtoul(equals + 1, &end, 10);
    if (*end)
        return -EINVAL;
    if (count > THREAD_SPEC_MAX)
        return -ERANGE;
    *ret_length = (size_t)(equals - spec);
    *ret_count = (unsigned)count;
    return *ret_length ? 0 : -EINVAL;
}

/* Puts VALUE of "KEY:VALUE" into the fact of that name. */
static bool take_fact(struct thread_facts *facts, const char *text)
{
    static const char *const keys[] = {"start_library",    "start_function", "creator_library",
                                       "creator_function", "stack_library",  "stack_function"};
    const char **const fields[] = {&facts->start_library,    &facts->start_function,   &facts->creator_library,
                                   &facts->creator_function, &facts->stack_library[0], &facts->stack_function[0]};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        size_t length = strlen(keys[i]);
        if (strncmp(text, keys[i], length) != 0 || text[length] != ':')
            continue;
        *fields[i] = text + length + 1;
        if (i >= 4)
            facts->frames = 1;
        return true;
    }
    return false;
}

/* "start_libary:": no thread is called so. */
static bool looks_like_key(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz_");
    return text[length] == ':' && memchr(text, '_', length);
}

/*
 * Takes the facts off the end of "GLOB,KEY:VALUE,KEY:VALUE" or "KEY:VALUE,KEY:VALUE".
 * 1: all of it is facts; 0: a glob is left; -ENOKEY.
 */
static int take_facts(struct thread_facts *facts, char *text)
{
    for (char *comma; (comma = strrchr(text, ',')) && comma > text; *comma = '\0') {
        if (!looks_like_key(comma + 1))
            break;
        if (!take_fact(facts, comma + 1))
            return -ENOKEY;
    }
    if (!looks_like_key(text))
        return 0;
    return take_fact(facts, text) ? 1 : -ENOKEY;
}

/* Facts point into the text, which from here on lives as long as the list. */
static int keep_text(struct thread_list *list, char *text)
{
    char **texts = realloc(list->texts, (list->text_count + 1) * sizeof(*texts));
    if (!texts)
        return -ENOMEM;
    list->texts = texts;
    list->texts[list->text_count++] = text;
    return 0;
}

static int append_named(struct thread_list *list, const struct thread_facts *facts, const char *glob, unsigned n)
{
    char name[64];
    struct thread_facts named = *facts;
    name_from_glob(glob, n, name, sizeof(name));
    named.name = name;
    named.unnamed = false;
    return append(list, &named, name);
}

int thread_list_add(struct thread_list *list, const char *spec)
{
    const struct process_facts *process = list->threads[0].facts.process;
    unsigned count;
    size_t length;
    int error = split_count(spec, &length, &count);
    if (error < 0)
        return error;
    if (list->count + count > THREAD_SPEC_MAX)
        return -ERANGE;
    char *text = strndup(spec, length);
    if (!text)
        return -ENOMEM;
    struct thread_facts facts = {.unnamed = true, .process = process};
    int is_fact = take_facts(&facts, text);
    error = is_fact < 0 ? is_fact : keep_text(list, text);
    if (error < 0) {
        free(text);
        return error;
    }
    bool is_unnamed = is_fact || strcmp(text, "unnamed") == 0;
    for (unsigned n = 1; n <= count && error == 0; n++)
        error = is_unnamed ? append(list, &facts, text) : append_named(list, &facts, text, n);
    return error;
}

int thread_list_add_seen(struct thread_list *list, const struct thread_facts *facts, const char *label)
{
    struct thread_facts seen = *facts;
    seen.process = list->threads[0].facts.process;
    return list->count >= THREAD_SPEC_MAX ? -ERANGE : append(list, &seen, label);
}

void thread_list_free(struct thread_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        cpuset_free(&list->threads[i].cpus);
        free(list->names[i]);
    }
    for (size_t i = 0; i < list->text_count; i++)
        free(list->texts[i]);
    free(list->texts);
    free(list->threads);
    free(list->names);
    *list = (struct thread_list){0};
}

const char *thread_list_label(const struct thread_list *list, size_t index)
{
    return list->names[index];
}
