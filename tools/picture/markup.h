/* markup: texts of any origin inside SVG and HTML. */
#ifndef NODEWISE_TOOLS_PICTURE_MARKUP_H
#define NODEWISE_TOOLS_PICTURE_MARKUP_H

#include <stdio.h>

/*
 * Written so that it means itself in text and in quoted attributes; what is not
 * printable (config/printable.h: control characters, marks of direction, bytes of a text that was cut) becomes U+FFFD.
 */
void markup_text(FILE *to, const char *text);
/* printf whose whole result is such a text. */
__attribute__((format(printf, 2, 3))) void markup_print(FILE *to, const char *format, ...);

#endif
