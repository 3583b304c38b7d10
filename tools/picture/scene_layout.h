/*
 * scene_layout: how large the boxes of a scene are in a picture, in pixels: packages around nodes around caches around
 * cores around cells. Nothing is kept: a box is measured from what is in it, each time it is asked for. For
 * scene_svg.c alone.
 */
#ifndef NODEWISE_TOOLS_PICTURE_SCENE_LAYOUT_H
#define NODEWISE_TOOLS_PICTURE_SCENE_LAYOUT_H

#include "tools/picture/scene.h"

#define LAYOUT_WIDTH 920 /* of all boxes, at most, where cells are not wider by themselves */

/* Sizes of letters. */
#define FONT_TITLE  16
#define FONT_HEAD   13
#define FONT_TEXT   12
#define FONT_NUMBER 10

#define CELL_HEIGHT 34
#define LINE_HEIGHT 18

#define NODE_GROUPS 14u /* lines of threads in a node, at most */

/* From a box's edge to what is in it; the head is above. */
#define CORE_PAD  4
#define CORE_HEAD 15
#define BOX_PAD   8
#define BOX_HEAD  25

struct size {
    int width, height;
};

struct layout {
    const struct scene *scene;
    int cell_width;
};

struct grid;
typedef struct size measure_fn(const struct layout *layout, const void *parent, size_t index, int most);

/* Boxes of one kind in rows and columns: as many columns as leave the least height. */
struct grid {
    const struct layout *layout;
    const void *parent;
    measure_fn *measure;
    size_t count, columns;
    int gap, most;   /* most: the width that a child may have */
    int child_width; /* of every child */
    struct size size;
};

struct layout layout_make(const struct scene *scene);

/* The boxes inside of one, in at most that width. */
struct grid layout_packages(const struct layout *layout, int most);
struct grid layout_nodes(const struct layout *layout, const struct scene_package *package, int most);
/* Caches, or cells where a cell is not smaller than a cache. */
struct grid layout_caches(const struct layout *layout, const struct scene_node *node, int most);
/* Cores, or cells where a cell is a core. */
struct grid layout_cores(const struct layout *layout, const struct scene_node *node, const struct scene_span *cache,
                         int most);
struct grid layout_cells(const struct layout *layout, const struct scene_span *core, int most);

/* The height of the row that begins with that child. */
int grid_row_height(const struct grid *grid, size_t first);
/* Makes the children as wide as `width` has room for. */
void grid_stretch(struct grid *grid, int width);

void layout_core_label(const struct scene_span *core, char *ret_label, size_t size);
/* Lines of threads below a node's cells: NODE_GROUPS and one that counts the rest. */
size_t layout_lines(size_t groups);
/* What a text takes at most, whatever the font. */
int font_width(const char *text, int font);
/* Cut so that it fits, with "…" at the end then. */
void font_fit(const char *text, int font, int width, char *ret_text, size_t size);

#endif
