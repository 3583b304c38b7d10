/* page_flows: matrices of exchanges as tables of a page, with a bar in each cell. */
#ifndef NODEWISE_TOOLS_PICTURE_PAGE_FLOWS_H
#define NODEWISE_TOOLS_PICTURE_PAGE_FLOWS_H

#include <stdio.h>

#include <jansson.h>

/* exchanges: of a report, or NULL. */
void page_matrices(FILE *to, const json_t *exchanges);

#endif
