/* flows_svg: matrices of exchanges, one below the other, as a part of a picture. */
#ifndef NODEWISE_TOOLS_PICTURE_FLOWS_SVG_H
#define NODEWISE_TOOLS_PICTURE_FLOWS_SVG_H

#include <stdio.h>

#include <jansson.h>

#include "tools/picture/scene_layout.h"

/* exchanges: of a report, or NULL. */
struct size matrices_size(const json_t *exchanges);
void matrices_svg(FILE *to, const json_t *exchanges, int x, int y);

#endif
