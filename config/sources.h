/*
 * sources: the texts that a policy was read from, kept for the lines under a message, and the pool in which
 * their value trees live.
 *
 * Ownership: sources_free() releases texts, names and every tree. Names are unique by content except for the
 * same file read twice, so a span finds its text by name even from another copy of the name.
 */
#ifndef NODEWISE_CONFIG_SOURCES_H
#define NODEWISE_CONFIG_SOURCES_H

#include "config/value.h"
#include "policy/pool.h"

enum source_kind {
    SOURCE_FILE,
    SOURCE_VARIABLE, /* one environment variable: NAME=VALUE */
    SOURCE_OPTION,   /* one --set: PATH=VALUE */
};

struct source {
    const char *name; /* as in span.source */
    enum source_kind kind;
    const char *text; /* NUL-terminated; may hold further NULs before size */
    size_t size;
};

struct sources {
    struct pool pool;
    struct source *items;
    size_t count, capacity;
};

struct sources *sources_new(void); /* NULL without memory */
void sources_free(struct sources *sources);

/* Keeps copies of name and text. The stored name serves as span.source; NULL without memory. */
const char *sources_add(struct sources *sources, enum source_kind kind, const char *name, const char *text,
                        size_t size);
/* Index by name, pointer equality first; -1 when the name is not a source. */
int sources_find(const struct sources *sources, const char *name);
/* The bytes of a line (counted from 1) without its end; NULL when there is none. */
const char *source_line(const struct source *source, uint32_t line, size_t *ret_length);

#endif
