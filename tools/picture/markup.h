/* markup: texts of any origin inside SVG and HTML. */
#ifndef NODEWISE_TOOLS_PICTURE_MARKUP_H
#define NODEWISE_TOOLS_PICTURE_MARKUP_H

#include <stdio.h>

/* Written so that it means itself in text and in quoted attributes; control characters become U+FFFD. */
void markup_text(FILE *to, const char *text);
/* printf whose whole result is such a text. */
__attribute__((format(printf, 2, 3))) void markup_print(FILE *to, const char *format, ...);

/* A rule's place in the palette: 0 to PALETTE_SIZE - 1 in turn; the last entry is for no rule. */
#define PALETTE_SIZE 8u
unsigned palette_of(size_t rule);
/* The style sheet's lines for it: --r0 … --r8 in light and dark; for <style> in either format. */
extern const char palette_css[];

#endif
