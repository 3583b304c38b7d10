/*
 * A scene as SVG: by itself in a browser, a document or a file manager, its text selectable. All that a viewer needs is
 * in attributes; one that knows styles and has a dark system gets dark colours.
 */
#include <string.h>

#include "tools/picture/flows_svg.h"
#include "tools/picture/markup.h"
#include "tools/picture/palette.h"
#include "tools/picture/scene.h"
#include "tools/picture/scene_layout.h"

#define MARGIN      20
#define WIDTH_LEAST 340
#define TITLE_LINE  34
#define SWATCH      24   /* a rule's colour in a list */
#define RULES_MOST  100u /* lines of rules */
#define RULE_LEAST  290  /* a column of the rules' list */

struct picture {
    FILE *to;
    const struct scene *scene;
    struct layout layout;
};

/* --- parts --- */

static void paint(FILE *to, enum tone tone)
{
    fprintf(to, " class=\"%s\" fill=\"%s\"", palette_name(tone), palette_light(tone));
}

static void box(FILE *to, int x, int y, int width, int height, enum tone tone, bool dashed)
{
    fprintf(to, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"5\" class=\"%s line\" fill=\"%s\"", x, y,
            width, height, palette_name(tone), palette_light(tone));
    fprintf(to, " stroke=\"%s\"%s/>", palette_light(TONE_LINE), dashed ? " stroke-dasharray=\"5 4\"" : "");
}

/* Cut to `room`. */
static void words(FILE *to, int x, int y, int room, int font, enum tone tone, const char *style, const char *text)
{
    char fitting[400];
    font_fit(text, font, room, fitting, sizeof(fitting));
    fprintf(to, "<text x=\"%d\" y=\"%d\" font-size=\"%d\"%s", x, y, font, style);
    if (tone != TONE_INK)
        paint(to, tone);
    fputc('>', to);
    markup_text(to, fitting);
    fputs("</text>\n", to);
}
#define PLAIN  ""
#define BOLD   " font-weight=\"bold\""
#define MIDDLE " text-anchor=\"middle\""

/* A text and, quieter, what belongs to it; each is cut to its share of the room. */
static void pair(FILE *to, int x, int y, int room, const char *style, const char *first, enum tone tone,
                 const char *second)
{
    char fitting[400];
    bool both_fit = font_width(first, FONT_TEXT) + 8 + font_width(second, FONT_TEXT) <= room;
    font_fit(first, FONT_TEXT, both_fit ? room : room * 2 / 3, fitting, sizeof(fitting));
    int rest = room - font_width(fitting, FONT_TEXT) - 8;
    fprintf(to, "<text x=\"%d\" y=\"%d\" font-size=\"%d\"><tspan%s>", x, y, FONT_TEXT, style);
    markup_text(to, fitting);
    fputs("</tspan><tspan dx=\"8\"", to);
    paint(to, tone);
    fputc('>', to);
    font_fit(second, FONT_TEXT, rest, fitting, sizeof(fitting));
    markup_text(to, fitting);
    fputs("</tspan></text>\n", to);
}

/* A rule's letter on its colour. */
static void swatch(const struct picture *picture, int x, int y, size_t rule)
{
    box(picture->to, x, y, SWATCH, 15, palette_of(rule), false);
    words(picture->to, x + SWATCH / 2, y + 11, SWATCH + 8, FONT_NUMBER, TONE_CELL, BOLD MIDDLE,
          scene_mark(picture->scene, rule));
}

/* A box with its head; the caller closes the group. */
static void begin_box(FILE *to, const char *kind, struct size size, int x, int y, enum tone tone, bool dashed)
{
    fprintf(to, "<g class=\"%s\">", kind);
    box(to, x, y, size.width, size.height, tone, dashed);
    fputc('\n', to);
}

/* --- cells --- */

/* Stripes of the rules' colours, a letter on each. */
static void draw_rules_of(const struct picture *picture, const struct scene_cell *cell, int x, int y, int width)
{
    FILE *to = picture->to;
    size_t marks = cell->rule_count < SCENE_MARKS ? cell->rule_count : SCENE_MARKS;
    size_t stripes = marks + (cell->rule_count > SCENE_MARKS);
    for (size_t i = 0; i < stripes; i++) {
        int left = x + width * (int)i / (int)stripes, right = x + width * (int)(i + 1) / (int)stripes;
        enum tone tone = i < marks ? palette_of(cell->rules[i]) : TONE_CARD;
        fprintf(to, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"", left, y, right - left, CELL_HEIGHT);
        paint(to, tone);
        fputs("/>", to);
        words(to, (left + right) / 2, y + CELL_HEIGHT - 7, width, FONT_NUMBER, TONE_CELL, BOLD MIDDLE,
              i < marks ? scene_mark(picture->scene, cell->rules[i]) : "+");
    }
}

static void draw_cell(const struct picture *picture, const struct scene_cell *cell, int x, int y)
{
    FILE *to = picture->to;
    int width = picture->layout.cell_width;
    const char *word = scene_cell_word(picture->scene);
    fprintf(to, "<g class=\"%s\"><title>", picture->scene->level == SCENE_CPU ? "cpu" : word);
    markup_print(to, "%s %s: %zu thread%s", word, cell->label, cell->threads, cell->threads == 1 ? "" : "s");
    fputs("</title>", to);
    if (!cell->rule_count) {
        box(to, x, y, width, CELL_HEIGHT, TONE_PAPER, false);
    } else {
        draw_rules_of(picture, cell, x, y, width);
        fprintf(to, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" class=\"line\" stroke=\"%s\"/>",
                x, y, width, CELL_HEIGHT, palette_light(TONE_LINE));
    }
    words(to, x + width / 2, y + 14, width + 20, FONT_NUMBER, cell->rule_count ? TONE_CELL : TONE_QUIET, MIDDLE,
          cell->label);
    if (!cell->rule_count && cell->threads)
        words(to, x + width / 2, y + CELL_HEIGHT - 7, width, FONT_NUMBER, TONE_INK, BOLD MIDDLE, "·");
    fputs("</g>\n", to);
}

/* --- boxes, from the innermost --- */

static void draw_core(const struct picture *picture, const struct scene_node *node, const struct scene_span *core,
                      struct size size, int x, int y)
{
    char label[32];
    begin_box(picture->to, "core", size, x, y, TONE_CARD, false);
    layout_core_label(core, label, sizeof(label));
    words(picture->to, x + size.width / 2, y + CORE_HEAD - 4, size.width, FONT_NUMBER, TONE_QUIET, MIDDLE, label);
    struct grid grid = layout_cells(&picture->layout, core, size.width - 2 * CORE_PAD);
    for (size_t i = 0; i < grid.count; i++)
        draw_cell(picture, &node->cells[core->first + i],
                  x + CORE_PAD + (int)(i % grid.columns) * (grid.child_width + grid.gap),
                  y + CORE_HEAD + (int)(i / grid.columns) * (CELL_HEIGHT + grid.gap));
    fputs("</g>\n", picture->to);
}

static void draw_cache(const struct picture *picture, const struct scene_node *node, const struct scene_span *cache,
                       struct size size, int x, int y)
{
    char label[32];
    begin_box(picture->to, "l3", size, x, y, TONE_PAPER, false);
    snprintf(label, sizeof(label), "L3 %lld", cache->number);
    words(picture->to, x + BOX_PAD, y + 17, size.width - 2 * BOX_PAD, FONT_TEXT, TONE_QUIET, PLAIN, label);
    struct grid grid = layout_cores(&picture->layout, node, cache, size.width - 2 * BOX_PAD);
    int row = y + BOX_HEAD, height = 0;
    for (size_t i = 0; i < grid.count; i++) {
        const struct scene_span *core = &node->cores[cache->first + i];
        int left = x + BOX_PAD + (int)(i % grid.columns) * (grid.child_width + grid.gap);
        if (i % grid.columns == 0) {
            row += height ? height + grid.gap : 0;
            height = grid_row_height(&grid, i);
        }
        if (picture->scene->level == SCENE_CPU)
            draw_core(picture, node, core, (struct size){grid.child_width, height}, left, row);
        else
            draw_cell(picture, &node->cells[core->first], left, row);
    }
    fputs("</g>\n", picture->to);
}

static void draw_groups(const struct picture *picture, const struct scene_group *const *groups, size_t count, int x,
                        int y, int width)
{
    FILE *to = picture->to;
    for (size_t i = 0; i < layout_lines(count); i++, y += LINE_HEIGHT) {
        char label[96], cpus[320];
        if (i == NODE_GROUPS) {
            snprintf(label, sizeof(label), "… %zu more", count - i);
            words(to, x, y + 12, width, FONT_TEXT, TONE_QUIET, PLAIN, label);
            break;
        }
        const struct scene_group *group = groups[i];
        scene_group_label(group, label, sizeof(label));
        scene_group_cpus(group, cpus, sizeof(cpus));
        if (group->differing)
            snprintf(cpus, sizeof(cpus), "%zu not as asked", group->differing);
        swatch(picture, x, y, group->rule);
        pair(to, x + SWATCH + 8, y + 12, width - SWATCH - 8, PLAIN, label, group->differing ? TONE_BAD : TONE_QUIET,
             cpus);
    }
}

static void draw_caches(const struct picture *picture, const struct scene_node *node, struct grid *grid, int x, int y)
{
    int height = 0;
    for (size_t i = 0; i < grid->count; i++) {
        const struct scene_span *cache = &node->caches[i];
        int left = x + (int)(i % grid->columns) * (grid->child_width + grid->gap);
        if (i % grid->columns == 0) {
            y += height ? height + grid->gap : 0;
            height = grid_row_height(grid, i);
        }
        if (picture->scene->level >= SCENE_CORE)
            draw_cache(picture, node, cache, (struct size){grid->child_width, height}, left, y);
        else
            draw_cell(picture, &node->cells[node->cores[cache->first].first], left, y);
    }
}

static void draw_node(const struct picture *picture, const struct scene_node *node, struct size size, int x, int y)
{
    FILE *to = picture->to;
    char head[32], label[400];
    int room = size.width - 2 * BOX_PAD;
    bool has_cpus = !cpuset_is_empty(&node->cpus);
    begin_box(to, "node", size, x, y, has_cpus ? TONE_CARD : TONE_PAPER, !has_cpus || node->memory_bytes <= 0);
    snprintf(head, sizeof(head), "node %lld", node->id);
    scene_node_label(node, label, sizeof(label));
    pair(to, x + BOX_PAD, y + 17, room, BOLD, head, TONE_QUIET, label);
    struct grid grid = layout_caches(&picture->layout, node, room);
    if (picture->scene->level >= SCENE_CORE)
        grid_stretch(&grid, room);
    draw_caches(picture, node, &grid, x + BOX_PAD, y + BOX_HEAD);
    int below = y + BOX_HEAD + grid.size.height + (grid.size.height ? BOX_PAD : 0);
    draw_groups(picture, node->groups, node->group_count, x + BOX_PAD, below, room);
    if (node->is_short && has_cpus) {
        snprintf(label, sizeof(label), "CPUs %s unused", node->cpus_text);
        words(to, x + BOX_PAD, below + 12, room, FONT_TEXT, TONE_QUIET, PLAIN, label);
    }
    fputs("</g>\n", to);
}

/* Packages without threads, in two lines. */
static void draw_alike(const struct picture *picture, const struct scene_package *package, int x, int y, int width)
{
    char set[300], memory[32], text[400];
    cpuset_format(&package->node_ids, set, sizeof(set));
    scene_memory(package->nodes[0], memory, sizeof(memory));
    snprintf(text, sizeof(text), "nodes %s, %s each", set, memory);
    words(picture->to, x, y + 12, width, FONT_TEXT, TONE_INK, PLAIN, text);
    cpuset_format(&package->cpus, set, sizeof(set));
    snprintf(text, sizeof(text), "CPUs %s unused", set);
    words(picture->to, x, y + 12 + LINE_HEIGHT, width, FONT_TEXT, TONE_QUIET, PLAIN, text);
}

static void draw_package(const struct picture *picture, const struct scene_package *package, struct size size, int x,
                         int y)
{
    FILE *to = picture->to;
    char label[96];
    int room = size.width - 2 * BOX_PAD, row = y + BOX_HEAD, height = 0;
    begin_box(to, "socket", size, x, y, TONE_PAPER, false);
    scene_package_label(package, label, sizeof(label));
    words(to, x + BOX_PAD, y + 17, room, FONT_HEAD, TONE_INK, BOLD, label);
    struct grid grid = layout_nodes(&picture->layout, package, room);
    grid_stretch(&grid, room);
    for (size_t i = 0; i < grid.count && package->alike == 1; i++) {
        if (i % grid.columns == 0) {
            row += height ? height + grid.gap : 0;
            height = grid.count <= grid.columns ? y + size.height - BOX_PAD - row : grid_row_height(&grid, i);
        }
        draw_node(picture, package->nodes[i], (struct size){grid.child_width, height},
                  x + BOX_PAD + (int)(i % grid.columns) * (grid.child_width + grid.gap), row);
    }
    if (package->alike > 1)
        draw_alike(picture, package, x + BOX_PAD, row, room);
    fputs("</g>\n", to);
}

/* --- the page --- */

static int draw_machine(const struct picture *picture, const struct grid *grid, int y)
{
    int height = 0;
    for (size_t i = 0; i < grid->count; i++) {
        if (i % grid->columns == 0) {
            y += height ? height + grid->gap : 0;
            height = grid_row_height(grid, i);
        }
        draw_package(picture, &picture->scene->packages[i], (struct size){grid->child_width, height},
                     MARGIN + (int)(i % grid->columns) * (grid->child_width + grid->gap), y);
    }
    return y + height;
}

static int spread_height(const struct scene *scene)
{
    return scene->spread_count ? TITLE_LINE + (int)layout_lines(scene->spread_count) * LINE_HEIGHT : 0;
}

static void draw_spread(const struct picture *picture, int y, int width)
{
    const struct scene *scene = picture->scene;
    if (!scene->spread_count)
        return;
    fputs("<g class=\"spread\">\n", picture->to);
    words(picture->to, MARGIN, y + 22, width, FONT_HEAD, TONE_INK, BOLD, "on several nodes");
    draw_groups(picture, scene->spread, scene->spread_count, MARGIN, y + TITLE_LINE, width);
    fputs("</g>\n", picture->to);
}

/* The lines of the legend: the rules, how many are not listed, and cells without threads. */
static size_t legend_lines(const struct scene *scene)
{
    return (scene->rule_count > RULES_MOST ? RULES_MOST + 1 : scene->rule_count) + 1;
}

static void rule_cpus(const struct scene_rule *rule, char *ret_text, size_t size)
{
    snprintf(ret_text, size, "may use CPU%s %s", strpbrk(rule->cpus, "-,") ? "s" : "",
             *rule->cpus ? rule->cpus : "not known");
}

struct legend {
    int columns, rows, column_width;
};

/* As many columns as have room for the longest line. */
static struct legend legend_of(const struct scene *scene, int width)
{
    int lines = (int)legend_lines(scene), most = RULE_LEAST;
    for (size_t i = 0; i < scene->rule_count && i < RULES_MOST; i++) {
        char cpus[400];
        rule_cpus(&scene->rules[i], cpus, sizeof(cpus));
        int one = SWATCH + 32 + font_width(scene->rules[i].name, FONT_TEXT) + font_width(cpus, FONT_TEXT);
        most = one > most ? one : most;
    }
    int columns = width / most > 1 ? width / most : 1;
    return (struct legend){columns, (lines + columns - 1) / columns, width / columns};
}

static void draw_legend_line(const struct picture *picture, size_t line, int x, int y, int room)
{
    const struct scene *scene = picture->scene;
    FILE *to = picture->to;
    char text[400];
    if (line + 1 == legend_lines(scene)) {
        box(to, x, y, SWATCH, 15, TONE_PAPER, false);
        words(to, x + SWATCH + 8, y + 12, room, FONT_TEXT, TONE_QUIET, PLAIN, "no threads");
    } else if (line == RULES_MOST) {
        snprintf(text, sizeof(text), "… %zu more rules", scene->rule_count - line);
        words(to, x, y + 12, room, FONT_TEXT, TONE_QUIET, PLAIN, text);
    } else {
        rule_cpus(&scene->rules[line], text, sizeof(text));
        swatch(picture, x, y, line);
        pair(to, x + SWATCH + 8, y + 12, room - SWATCH - 8, PLAIN, scene->rules[line].name, TONE_QUIET, text);
    }
}

static int legend_height(const struct scene *scene, int width)
{
    return TITLE_LINE + legend_of(scene, width).rows * LINE_HEIGHT;
}

static void draw_legend(const struct picture *picture, int y, int width)
{
    struct legend legend = legend_of(picture->scene, width);
    fputs("<g class=\"legend\">\n", picture->to);
    words(picture->to, MARGIN, y + 22, width, FONT_HEAD, TONE_INK, BOLD, "rules");
    for (int i = 0; i < (int)legend_lines(picture->scene); i++)
        draw_legend_line(picture, (size_t)i, MARGIN + i / legend.rows * legend.column_width,
                         y + TITLE_LINE + i % legend.rows * LINE_HEIGHT, legend.column_width - 16);
    fputs("</g>\n", picture->to);
}

void scene_svg(FILE *to, const struct scene *scene)
{
    struct picture picture = {.to = to, .scene = scene, .layout = layout_make(scene)};
    struct grid grid = layout_packages(&picture.layout, LAYOUT_WIDTH);
    int title = font_width(scene->title, FONT_TITLE), width = grid.size.width > title ? grid.size.width : title;
    width = width > LAYOUT_WIDTH && grid.size.width < width ? LAYOUT_WIDTH : width;
    width = width < WIDTH_LEAST ? WIDTH_LEAST : width;
    int top = MARGIN + TITLE_LINE, below = top + grid.size.height;
    struct size matrices = matrices_size(scene->exchanges);
    int legend = below + spread_height(scene), end = legend + legend_height(scene, width);
    width = matrices.width > width ? matrices.width : width;
    int height = end + matrices.height + MARGIN;
    fprintf(to, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\"",
            width + 2 * MARGIN, height, width + 2 * MARGIN, height);
    fputs(" role=\"img\" aria-label=\"", to);
    markup_text(to, scene->title);
    fputs("\">\n<style>", to);
    palette_svg_style(to);
    fprintf(to, "</style>\n<rect width=\"%d\" height=\"%d\"", width + 2 * MARGIN, height);
    paint(to, TONE_PAPER);
    fputs("/>\n<g font-family=\"Helvetica, Arial, sans-serif\"", to);
    paint(to, TONE_INK);
    fputs(">\n", to);
    words(to, MARGIN, MARGIN + 14, width, FONT_TITLE, TONE_INK, BOLD, scene->title);
    draw_machine(&picture, &grid, top);
    draw_spread(&picture, below, width);
    draw_legend(&picture, legend, width);
    matrices_svg(to, scene->exchanges, MARGIN, end);
    fputs("</g>\n</svg>\n", to);
}
