/*
 * rows: what `top` shows, as tables: a tab each for threads, rules, memory, pools, exchanges and events, and a line for each node. Read
 * from telemetry segments and /proc; the programs do not notice. Times are taken between two looks.
 */
#ifndef NODEWISE_TOOLS_TOP_ROWS_H
#define NODEWISE_TOOLS_TOP_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TOP_COLUMNS   10u
#define TOP_PROCESSES 256u /* of one user */
#define TOP_NODES     1024u

enum top_tab { TAB_THREADS, TAB_RULES, TAB_MEMORY, TAB_POOLS, TAB_EXCHANGES, TAB_EVENTS, TAB_COUNT };

struct top_row {
    char *cells[TOP_COLUMNS]; /* owned */
    double key;               /* to sort by: the largest first */
};

struct top_table {
    const char *const *headings;
    size_t columns;
    struct top_row *rows;
    size_t count;
};

struct top_node {
    uint32_t id;
    double cpu;                   /* of all its CPUs, 0 to 1; below 0: not known yet */
    uint64_t memory_used, memory; /* bytes */
    size_t threads;               /* that are at home there */
    uint64_t served, overflows;   /* allocations by its arenas */
    double accesses;              /* that it serves, in the sampled accesses' weights */
    unsigned cpus;
};

struct top_filter {
    const pid_t *pids; /* count 0: all processes */
    size_t pid_count;
    int64_t node;     /* -1: all */
    const char *rule; /* part of its name, or of a pool's or an exchange's; "" or NULL: all */
    unsigned sort;    /* column; TOP_COLUMNS: the tab's own order */
};

struct top; /* what was seen at the look before */

struct top *top_new(void); /* NULL without memory */
void top_free(struct top *top);

/* Looks anew. 0, -ENOENT (no process that fits), -ENOMEM. */
int top_look(struct top *top, const struct top_filter *filter);
/* Was it seen at the last look? */
bool top_has_process(const struct top *top, pid_t pid);
size_t top_process_count(const struct top *top);
size_t top_thread_count(const struct top *top);
bool top_has_pools(const struct top *top);
bool top_has_exchanges(const struct top *top);
/* The share of the processes' sampled accesses that stay on their thread's node; below 0: none were sampled. */
double top_access_locality(const struct top *top);
const struct top_node *top_nodes(const struct top *top, size_t *ret_count);
/* A table of what the last look saw, sorted and filtered; the caller frees it. -ENOMEM. */
int top_table(struct top *top, enum top_tab tab, const struct top_filter *filter, struct top_table *ret_table);
void top_table_free(struct top_table *table);
const char *top_tab_word(enum top_tab tab); /* "threads", … */

#endif
