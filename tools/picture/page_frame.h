/*
 * page_frame: what all pages begin and end with: one file, no script, nothing from the network, readable on a phone, on
 * paper, and with dark colours where the reader's system has them.
 */
#ifndef NODEWISE_TOOLS_PICTURE_PAGE_FRAME_H
#define NODEWISE_TOOLS_PICTURE_PAGE_FRAME_H

#include <stdio.h>

/* The title is also the heading. style: more of it, or "". */
void page_begin(FILE *to, const char *title, const char *style);
void page_end(FILE *to);

#endif
