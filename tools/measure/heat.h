/*
 * heat: one matrix of a document (tools/measure/document.h) as views show it: values by row and column, how bad each is
 * among them, and words. The document may come from anywhere.
 */
#ifndef NODEWISE_TOOLS_MEASURE_HEAT_H
#define NODEWISE_TOOLS_MEASURE_HEAT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define HEAT_NODES_MOST 1024u /* as many as a kernel can be built for */
#define HEAT_LEVELS     5u
#define HEAT_LEVEL_NONE HEAT_LEVELS
#define HEAT_WORD       32u

enum heat_kind { HEAT_LATENCY, HEAT_BANDWIDTH };

struct heat_value {
    double median, spread; /* median 0: not measured */
    const char *reason;    /* of the document; "" where it is measured or says nothing */
};

struct heat {
    enum heat_kind kind;
    long long *nodes; /* ids */
    size_t count;
    struct heat_value *values; /* count x count: rows of CPUs, columns of memory */
    double least, most;        /* of those that are measured; both 0 when none is */
};

/* 0; -ENODATA: it has no nodes, or too many; -ENOMEM. What it points to is the document's. */
int heat_make(struct heat *ret_heat, const json_t *document, enum heat_kind kind);
void heat_free(struct heat *heat);

/*
 * 0: as good as the best, HEAT_LEVELS - 1: as bad as the worst; HEAT_LEVEL_NONE: not measured. Where the worst is within
 * 4 % of the best, all are as good as the best.
 */
unsigned heat_level(const struct heat *heat, const struct heat_value *value);
/* "." to "#", " ". */
char heat_mark(unsigned level);
/* "82.4±0.4", "21.3±0.2"; "-": not measured. In ns or GB/s. */
void heat_word(const struct heat *heat, const struct heat_value *value, char ret_word[HEAT_WORD]);
const char *heat_title(const struct heat *heat);

#endif
