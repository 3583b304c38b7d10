/* A scene as SVG: by itself in a browser or a document, its text selectable, light and dark. */
#include "tools/picture/markup.h"
#include "tools/picture/scene.h"

#define WIDTH       960
#define MARGIN      20
#define GAP         20
#define CELL_WIDTH  36
#define CELL_HEIGHT 32
#define LINE        19
#define HEAD        34
#define GROUPS_MOST 14u /* lines of threads in a node */

struct frame {
    FILE *to;
    const struct scene *scene;
    int columns, node_width, cells_a_row;
};

static size_t shown_groups(size_t count)
{
    return count > GROUPS_MOST ? GROUPS_MOST + 1 : count;
}

static int node_height(const struct frame *frame, const struct scene_node *node)
{
    int rows = (int)((node->cell_count + (size_t)frame->cells_a_row - 1) / (size_t)frame->cells_a_row);
    return HEAD + rows * CELL_HEIGHT + (int)shown_groups(node->group_count) * LINE + 14;
}

static int row_height(const struct frame *frame, size_t first)
{
    int highest = 0;
    for (size_t n = first; n < frame->scene->node_count && n < first + (size_t)frame->columns; n++) {
        int height = node_height(frame, &frame->scene->nodes[n]);
        highest = height > highest ? height : highest;
    }
    return highest;
}

static int total_height(const struct frame *frame)
{
    int height = MARGIN + HEAD;
    for (size_t n = 0; n < frame->scene->node_count; n += (size_t)frame->columns)
        height += row_height(frame, n) + GAP;
    if (frame->scene->spread_count)
        height += HEAD + (int)shown_groups(frame->scene->spread_count) * LINE + GAP;
    return height + (int)frame->scene->rule_count * LINE + HEAD + MARGIN;
}

static void text_at(FILE *to, int x, int y, const char *class)
{
    fprintf(to, "<text x=\"%d\" y=\"%d\" class=\"%s\">", x, y, class);
}

static void draw_cell(const struct frame *frame, const struct scene_cell *cell, int x, int y)
{
    FILE *to = frame->to;
    size_t rule = cell->rule_count ? cell->rules[0] : SCENE_NO_RULE;
    fprintf(to, "<g><title>%s ", frame->scene->cell_word);
    markup_print(to, "%s: %zu thread%s", cell->label, cell->threads, cell->threads == 1 ? "" : "s");
    fprintf(to,
            "</title><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\" class=\"cell\" fill=\"var(--r%u)\"/>",
            x, y, CELL_WIDTH - 4, CELL_HEIGHT - 4, palette_of(rule));
    text_at(to, x + (CELL_WIDTH - 4) / 2, y + 12, "number");
    markup_text(to, cell->label);
    fputs("</text>", to);
    text_at(to, x + (CELL_WIDTH - 4) / 2, y + 24, "mark");
    for (size_t i = 0; i < cell->rule_count && i < SCENE_MARKS; i++)
        fputs(scene_mark(frame->scene, cell->rules[i]), to);
    fputs(cell->rule_count > SCENE_MARKS ? "+</text></g>\n" : "</text></g>\n", to);
}

static void draw_group(const struct frame *frame, const struct scene_group *group, int x, int y)
{
    char label[80], cpus[300];
    scene_group_label(group, label, sizeof(label));
    scene_group_cpus(group, cpus, sizeof(cpus));
    text_at(frame->to, x, y, "thread");
    fprintf(frame->to, "<tspan class=\"letter\">%s</tspan> ", scene_mark(frame->scene, group->rule));
    markup_print(frame->to, "%s  %s", label, cpus);
    if (group->differing)
        fprintf(frame->to, " <tspan class=\"bad\">%zu not as asked</tspan>", group->differing);
    fputs("</text>\n", frame->to);
}

static void draw_groups(const struct frame *frame, const struct scene_group *const *groups, size_t count, int x, int y)
{
    for (size_t i = 0; i < count && i < GROUPS_MOST; i++)
        draw_group(frame, groups[i], x, y + (int)i * LINE);
    if (count <= GROUPS_MOST)
        return;
    text_at(frame->to, x, y + (int)GROUPS_MOST * LINE, "thread");
    fprintf(frame->to, "… %zu more</text>\n", count - GROUPS_MOST);
}

static void draw_node(const struct frame *frame, const struct scene_node *node, int x, int y)
{
    FILE *to = frame->to;
    int rows = (int)((node->cell_count + (size_t)frame->cells_a_row - 1) / (size_t)frame->cells_a_row);
    fprintf(to, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"8\" class=\"node\"/>\n", x, y,
            frame->node_width, node_height(frame, node));
    text_at(to, x + 12, y + 22, "head");
    markup_print(to, "node %lld", node->id);
    fputs("</text>", to);
    text_at(to, x + 92, y + 22, "quiet");
    markup_print(to, "socket %s · %.1f GiB · %zu thread%s%s", *node->sockets ? node->sockets : "-",
                 (double)node->memory_bytes / (1 << 30), node->threads, node->threads == 1 ? "" : "s",
                 node->cell_count ? "" : " · no CPUs");
    fputs("</text>\n", to);
    for (size_t i = 0; i < node->cell_count; i++)
        draw_cell(frame, &node->cells[i], x + 12 + (int)i % frame->cells_a_row * CELL_WIDTH,
                  y + HEAD + (int)i / frame->cells_a_row * CELL_HEIGHT);
    draw_groups(frame, node->groups, node->group_count, x + 12, y + HEAD + rows * CELL_HEIGHT + 14);
}

static int draw_nodes(const struct frame *frame, int y)
{
    for (size_t n = 0; n < frame->scene->node_count; n++) {
        int column = (int)n % frame->columns;
        draw_node(frame, &frame->scene->nodes[n], MARGIN + column * (frame->node_width + GAP), y);
        if (column == frame->columns - 1 || n + 1 == frame->scene->node_count)
            y += row_height(frame, n - (size_t)column) + GAP;
    }
    return y;
}

static int draw_spread(const struct frame *frame, int y)
{
    const struct scene *scene = frame->scene;
    if (!scene->spread_count)
        return y;
    text_at(frame->to, MARGIN, y + 18, "head");
    fputs("on several nodes</text>\n", frame->to);
    draw_groups(frame, scene->spread, scene->spread_count, MARGIN + 12, y + HEAD + 6);
    return y + HEAD + (int)shown_groups(scene->spread_count) * LINE + GAP;
}

static void draw_rules(const struct frame *frame, int y)
{
    for (size_t i = 0; i < frame->scene->rule_count; i++) {
        const struct scene_rule *rule = &frame->scene->rules[i];
        int at = y + (int)i * LINE;
        fprintf(frame->to,
                "<rect x=\"%d\" y=\"%d\" width=\"24\" height=\"15\" rx=\"3\" class=\"cell\" fill=\"var(--r%u)\"/>",
                MARGIN, at, palette_of(i));
        text_at(frame->to, MARGIN + 12, at + 12, "mark");
        fprintf(frame->to, "%s</text>", rule->mark);
        text_at(frame->to, MARGIN + 34, at + 12, "thread");
        markup_print(frame->to, "%s: CPUs %s", rule->name, rule->cpus);
        fputs("</text>\n", frame->to);
    }
}

void scene_svg(FILE *to, const struct scene *scene)
{
    struct frame frame = {.to = to, .scene = scene, .columns = scene->node_count > 1 ? 2 : 1};
    frame.node_width = (WIDTH - 2 * MARGIN - (frame.columns - 1) * GAP) / frame.columns;
    frame.cells_a_row = (frame.node_width - 20) / CELL_WIDTH;
    int height = total_height(&frame);
    fprintf(to, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH,
            height);
    markup_text(to, scene->title);
    fprintf(to,
            "\">\n<style>%ssvg{background:var(--paper)}text{font:13px system-ui,sans-serif;fill:var(--ink)}"
            ".title{font-size:17px;font-weight:600}.head{font-size:15px;font-weight:600}.quiet{fill:var(--quiet)}"
            ".number{font-size:10px;text-anchor:middle;fill:var(--ink)}"
            ".mark{font-size:11px;font-weight:700;text-anchor:middle}.letter{font-weight:700}.bad{fill:var(--bad)}"
            ".node{fill:var(--card);stroke:var(--line)}.cell{stroke:var(--line)}</style>\n",
            palette_css);
    fprintf(to, "<rect width=\"%d\" height=\"%d\" fill=\"var(--paper)\"/>\n", WIDTH, height);
    text_at(to, MARGIN, MARGIN + 14, "title");
    markup_text(to, scene->title);
    fputs("</text>\n", to);
    draw_rules(&frame, draw_spread(&frame, draw_nodes(&frame, MARGIN + HEAD)));
    fputs("</svg>\n", to);
}
