/*
 * ordered: files are hashed by a pool's workers, several at a time, and come back in the order in which they were given.
 * With one file, or where there is no pool, the caller hashes them itself.
 */
#ifndef NODEWISE_TOOLS_SHA1SUM_ORDERED_H
#define NODEWISE_TOOLS_SHA1SUM_ORDERED_H

#include <nodewise.h>
#include <stddef.h>

#include "tools/sha1sum/digest.h"

struct job {
    const char *name;
    int error; /* 0, or a negative errno: there is no digest */
    struct digest digest;
};

struct ordered {
    void (*done)(void *context, struct job *job);
    void *context;
    struct nw_pool *pool; /* NULL: the caller does it */
    struct nw_map *map;
};

/* files: how many there will be. */
void ordered_begin(struct ordered *ordered, size_t files, void (*done)(void *context, struct job *job), void *context);
/* The job is the library's until `done` has been called with it, by this function or the next. */
void ordered_add(struct ordered *ordered, struct job *job);
/* Until all is done. */
void ordered_end(struct ordered *ordered);

#endif
