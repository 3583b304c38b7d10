/*
 * named: the names of pools, or of exchanges, in the segment. They are kept here as well, because any process of the user may
 * write into the segment, and because a reload may make another one.
 *
 * One thread at a time for each list. Nothing changes errno but what a caller restores.
 */
#ifndef NODEWISE_SHIM_TELEMETRY_NAMED_H
#define NODEWISE_SHIM_TELEMETRY_NAMED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/base/segment_layout.h"

struct named_list {
    struct segment_named *own; /* as the segment has them; zeroed at first */
    uint32_t count;
    enum segment_section_id table;
};

/* One of that name opens. Its number, from 1; 0: there are too many names, or it has none. */
uint32_t named_open(const struct named_list *list, const char *name);
/* Nothing for a number that none has, or where all of the name are closed. */
void named_close(const struct named_list *list, uint32_t number);
/* What belongs to it has no record. */
void named_unlisted(const struct named_list *list, uint32_t number);
bool named_is(const struct named_list *list, uint32_t number);
/* Into the segment. */
void named_write(const struct named_list *list, uint32_t number);

/* A record of a table of the segment. NULL: there is no segment, or no room for it. Any thread, signal-safe. */
void *named_record(enum segment_section_id table, uint32_t index, size_t size);

#endif
