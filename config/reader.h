/* reader: what read.c (tables) and read_values.c (single values) share. Private to these two. */
#ifndef NODEWISE_CONFIG_READER_H
#define NODEWISE_CONFIG_READER_H

#include "config/read.h"

struct reader {
    struct policy *policy;
    struct diag_list *diags; /* NULL: quiet */
    bool out_of_memory;
    char path[KEY_PATH_MAX];          /* of the table that is being read, dotted */
    const char *source, *source_copy; /* the last source name and its copy in the policy */
};

#define REPORT(reader, ...)                                                                                            \
    do {                                                                                                               \
        if ((reader)->diags)                                                                                           \
            diag_add((reader)->diags, __VA_ARGS__);                                                                    \
    } while (0)

/* Memory of the policy; notes when there is none. */
void *reader_alloc(struct reader *reader, size_t size);
const char *reader_text(struct reader *reader, const char *text);
/* The same span with a source name that lives as long as the policy. */
struct span reader_span(struct reader *reader, struct span span);
/* The place of `length` bytes at `offset` inside a string value. */
struct span span_inside(const struct value *string, size_t offset, size_t length);

void report_wrong_type(struct reader *reader, const struct key *key, const struct value *value);

#endif
