/*
 * lines: `top` as lines of text: of nodes and of a table's rows, as many columns as a screen has, and the help. Pure; texts
 * are UTF-8, and widths are columns of a screen.
 */
#ifndef NODEWISE_TOOLS_TOP_LINES_H
#define NODEWISE_TOOLS_TOP_LINES_H

#include "tools/top/rows.h"

#define LINE_BYTES 800u

/* accesses: those of all nodes. At most 80 columns, whatever the machine. */
void line_of_node(const struct top_node *node, double accesses, char ret_line[LINE_BYTES]);

/* The columns of a table that a screen has room for. */
struct fitting {
    size_t shown[TOP_COLUMNS], widths[TOP_COLUMNS];
    size_t count;
};

/*
 * For the rows from `first` on. What says least goes first, and never a thread's name, nor its note before anything else
 * has gone.
 */
void fit_columns(struct fitting *ret_fitting, enum top_tab tab, const struct top_table *table, size_t first,
                 size_t count, size_t screen);
void line_of_cells(const struct fitting *fitting, char *const *cells, char ret_line[LINE_BYTES]);

/* What the keys do, a line each; NULL ends it. */
extern const char *const top_keys[];

#endif
