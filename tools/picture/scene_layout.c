#include "tools/picture/scene_layout.h"

#include <string.h>

#define NODE_LEAST   210 /* room for a line of threads */
#define NODE_LINE    330 /* a longer one is cut, where cells do not need more anyway */
#define CELL_LEAST   34
#define COLUMNS_MOST 8u /* that are tried */

/* --- texts --- */

/* DejaVu Sans is among the widest that a viewer may take: digits are 0.64 of the height. */
int font_width(const char *text, int font)
{
    int letters = 0;
    for (; *text; text++)
        letters += ((unsigned char)*text & 0xc0) != 0x80;
    return letters * font * 64 / 100;
}

void font_fit(const char *text, int font, int width, char *ret_text, size_t size)
{
    snprintf(ret_text, size, "%s", text);
    if (font_width(text, font) <= width && strlen(text) < size)
        return;
    size_t end = strlen(ret_text), room = size - sizeof("…");
    while (end > 0 && (end > room || ((unsigned char)ret_text[end] & 0xc0) == 0x80 ||
                       font_width(ret_text, font) > width - font_width("…", font)))
        ret_text[--end] = '\0';
    strcpy(ret_text + end, "…");
}

/* --- grids --- */

static int widest(const struct grid *grid, int most)
{
    int width = 0;
    for (size_t i = 0; i < grid->count; i++) {
        int one = grid->measure(grid->layout, grid->parent, i, most).width;
        width = one > width ? one : width;
    }
    return width;
}

int grid_row_height(const struct grid *grid, size_t first)
{
    int height = 0;
    for (size_t i = first; i < grid->count && i < first + grid->columns; i++) {
        int one = grid->measure(grid->layout, grid->parent, i, grid->most).height;
        height = one > height ? one : height;
    }
    return height;
}

/* In that many columns, or in fewer when the rows stay as many: the last row is not left almost empty. */
static struct grid grid_of(struct grid grid, size_t columns, int most)
{
    size_t rows = (grid.count + columns - 1) / columns;
    grid.columns = rows ? (grid.count + rows - 1) / rows : 1;
    grid.most = (most - (int)(grid.columns - 1) * grid.gap) / (int)grid.columns;
    grid.child_width = widest(&grid, grid.most);
    grid.size.width = (int)grid.columns * (grid.child_width + grid.gap) - grid.gap;
    grid.size.height = -grid.gap;
    for (size_t i = 0; i < grid.count; i += grid.columns)
        grid.size.height += grid_row_height(&grid, i) + grid.gap;
    if (!grid.count)
        grid.size = (struct size){0};
    return grid;
}

/* Of boxes that are lower when they may be wider. */
static struct grid grid_lowest(struct grid grid, int most)
{
    struct grid best = grid_of(grid, 1, most);
    for (size_t columns = 2; columns <= grid.count && columns <= COLUMNS_MOST; columns++) {
        struct grid other = grid_of(grid, columns, most);
        if (other.size.width > most)
            break;
        if (other.size.height < best.size.height)
            best = other;
    }
    return best;
}

/* Of boxes of a fixed size: rows are full where a little less width does that. */
static struct grid grid_fixed(struct grid grid, int most)
{
    int width = widest(&grid, most);
    int room = (most + grid.gap) / (width + grid.gap ? width + grid.gap : 1);
    size_t columns = room > 1 ? (size_t)room : 1, full = columns;
    while (full > 1 && full * 4 > columns * 3 && grid.count % full)
        full--;
    return grid_of(grid, full > 1 && grid.count % full == 0 ? full : columns, most);
}

void grid_stretch(struct grid *grid, int width)
{
    int room = (width - (int)(grid->columns - 1) * grid->gap) / (int)grid->columns;
    grid->child_width = room > grid->child_width ? room : grid->child_width;
}

/* --- boxes, from the innermost --- */

static struct size measure_cell(const struct layout *layout, const void *parent, size_t index, int most)
{
    (void)parent, (void)index, (void)most;
    return (struct size){layout->cell_width, CELL_HEIGHT};
}

struct grid layout_cells(const struct layout *layout, const struct scene_span *core, int most)
{
    struct grid grid = {.layout = layout, .parent = core, .measure = measure_cell, .count = core->count, .gap = 2};
    return grid_fixed(grid, most);
}

static struct size boxed(struct size inside, int pad, int head)
{
    return (struct size){inside.width + 2 * pad, inside.height + head + pad};
}

static struct size measure_core(const struct layout *layout, const void *parent, size_t index, int most)
{
    const struct scene_span *core = (const struct scene_span *)parent + index;
    return boxed(layout_cells(layout, core, most - 2 * CORE_PAD).size, CORE_PAD, CORE_HEAD);
}

struct grid layout_cores(const struct layout *layout, const struct scene_node *node, const struct scene_span *cache,
                         int most)
{
    struct grid grid = {.layout = layout, .parent = node->cores + cache->first, .count = cache->count, .gap = 4};
    grid.measure = layout->scene->level == SCENE_CPU ? measure_core : measure_cell;
    return grid_fixed(grid, most);
}

static struct size measure_cache(const struct layout *layout, const void *parent, size_t index, int most)
{
    const struct scene_node *node = parent;
    struct grid cores = layout_cores(layout, node, &node->caches[index], most - 2 * BOX_PAD);
    return boxed(cores.size, BOX_PAD, BOX_HEAD);
}

struct grid layout_caches(const struct layout *layout, const struct scene_node *node, int most)
{
    struct grid grid = {.layout = layout, .parent = node, .count = node->is_short ? 0 : node->cache_count, .gap = 8};
    if (layout->scene->level >= SCENE_CORE) {
        grid.measure = measure_cache;
        return grid_lowest(grid, most);
    }
    grid.measure = measure_cell;
    grid.gap = 4;
    return grid_fixed(grid, most);
}

size_t layout_lines(size_t groups)
{
    return groups > NODE_GROUPS ? NODE_GROUPS + 1 : groups;
}

/* The widest of a node's texts, within bounds. */
static int words_width(const struct scene_node *node)
{
    char label[128], cpus[300];
    scene_node_label(node, label, sizeof(label));
    int width = 80 + font_width(label, FONT_TEXT);
    for (size_t i = 0; i < node->group_count && i < NODE_GROUPS; i++) {
        scene_group_label(node->groups[i], label, sizeof(label));
        scene_group_cpus(node->groups[i], cpus, sizeof(cpus));
        int line = 44 + font_width(label, FONT_TEXT) + font_width(cpus, FONT_TEXT);
        width = line > width ? line : width;
    }
    return width < NODE_LEAST ? NODE_LEAST : width > NODE_LINE ? NODE_LINE : width;
}

static struct size measure_node(const struct layout *layout, const void *parent, size_t index, int most)
{
    const struct scene_node *node = ((const struct scene_package *)parent)->nodes[index];
    struct size size = layout_caches(layout, node, most - 2 * BOX_PAD).size;
    int words = words_width(node), lines = (int)layout_lines(node->group_count);
    if (node->is_short && !cpuset_is_empty(&node->cpus))
        lines = 1;
    size.width = words > size.width ? words : size.width;
    size.height += lines * LINE_HEIGHT + (lines && size.height ? BOX_PAD : 0);
    return boxed(size, BOX_PAD, BOX_HEAD);
}

struct grid layout_nodes(const struct layout *layout, const struct scene_package *package, int most)
{
    struct grid grid = {.layout = layout, .parent = package, .measure = measure_node, .gap = 8};
    grid.count = package->node_count;
    return grid_lowest(grid, most);
}

static struct size measure_package(const struct layout *layout, const void *parent, size_t index, int most)
{
    const struct scene_package *package = (const struct scene_package *)parent + index;
    struct size size = {NODE_LEAST, 2 * LINE_HEIGHT};
    if (package->alike == 1)
        size = layout_nodes(layout, package, most - 2 * BOX_PAD).size;
    return boxed(size, BOX_PAD, BOX_HEAD);
}

struct grid layout_packages(const struct layout *layout, int most)
{
    struct grid grid = {.layout = layout, .parent = layout->scene->packages, .measure = measure_package, .gap = 12};
    grid.count = layout->scene->package_count;
    return grid_lowest(grid, most);
}

/* What cells need so that a node's labels fit, those of cores above them included. */
static int cell_width(const struct scene *scene, const struct scene_node *node)
{
    int width = CELL_LEAST;
    for (size_t i = 0; i < node->cell_count; i++) {
        int label = font_width(node->cells[i].label, FONT_NUMBER) + 6;
        width = label > width ? label : width;
    }
    for (size_t i = 0; i < node->core_count && scene->level == SCENE_CPU; i++) {
        char label[32];
        layout_core_label(&node->cores[i], label, sizeof(label));
        int share = (font_width(label, FONT_NUMBER) - 2 * CORE_PAD + 4) / (int)node->cores[i].count;
        width = share > width ? share : width;
    }
    return width;
}

void layout_core_label(const struct scene_span *core, char *ret_label, size_t size)
{
    snprintf(ret_label, size, "core %lld", core->number);
}

struct layout layout_make(const struct scene *scene)
{
    int width = CELL_LEAST;
    for (size_t n = 0; n < scene->node_count; n++) {
        int one = cell_width(scene, &scene->nodes[n]);
        width = one > width ? one : width;
    }
    return (struct layout){.scene = scene, .cell_width = width};
}
