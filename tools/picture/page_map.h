/* page_map: the machine of a report or a plan as nested boxes of a page, which flow to any width. */
#ifndef NODEWISE_TOOLS_PICTURE_PAGE_MAP_H
#define NODEWISE_TOOLS_PICTURE_PAGE_MAP_H

#include <stdio.h>

#include <jansson.h>

/* A sentence instead where the document has no machine. */
void page_map(FILE *to, const json_t *document);
/* Its lines for <style>, with the variables of palette.h. */
extern const char page_map_style[];

#endif
