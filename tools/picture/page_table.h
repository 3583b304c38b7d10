/* page_table: arrays of objects as tables of a page, each in a box that scrolls by itself where the page is narrow. */
#ifndef NODEWISE_TOOLS_PICTURE_PAGE_TABLE_H
#define NODEWISE_TOOLS_PICTURE_PAGE_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

/* Words stay in one line, texts may take several; the others are numbers, at the right, with their unit. */
enum column_kind { COLUMN_WORD, COLUMN_TEXT, COLUMN_COUNT, COLUMN_BYTES, COLUMN_SHARE, COLUMN_REAL };

struct column {
    const char *heading, *key;
    enum column_kind kind;
};

/* With its heading; nothing for an array without rows. Long ones, and those said to be, are folded. */
void page_table(FILE *to, const char *title, const json_t *rows, const struct column *columns, size_t count,
                bool folded);
void page_heading(FILE *to, const char *text);

#endif
