/* A scene for a terminal of any width from 40 columns on. */
#include <string.h>

#include "config/printable.h"
#include "tools/picture/scene.h"

static const unsigned colours[] = {36, 33, 35, 32, 34, 31};

static void begin_colour(FILE *to, bool colour, size_t rule)
{
    if (colour && rule != SCENE_NO_RULE)
        fprintf(to, "\033[%um", colours[rule % (sizeof(colours) / sizeof(*colours))]);
}

static void end_colour(FILE *to, bool colour, size_t rule)
{
    if (colour && rule != SCENE_NO_RULE)
        fputs("\033[0m", to);
}

static size_t letters(const char *text) /* columns; all but the marks' middle dot is ASCII */
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

/* The marks of the rules in a cell: "A", "AB", "+" for more; "." for none. */
static void cell_marks(const struct scene *scene, const struct scene_cell *cell, char *ret_text, size_t size)
{
    size_t length = 0;
    snprintf(ret_text, size, "%s", cell->threads ? "·" : ".");
    for (size_t i = 0; i < cell->rule_count && i < SCENE_MARKS; i++)
        length += (size_t)snprintf(ret_text + length, size - length, "%s", scene_mark(scene, cell->rules[i]));
    if (cell->rule_count > SCENE_MARKS)
        snprintf(ret_text + length, size - length, "+");
}

static void pad(FILE *to, size_t count)
{
    fprintf(to, "%*s", (int)count, "");
}

static size_t column_width(const struct scene *scene, const struct scene_node *node)
{
    size_t width = 2;
    for (size_t i = 0; i < node->cell_count; i++) {
        char marks[32];
        cell_marks(scene, &node->cells[i], marks, sizeof(marks));
        width = strlen(node->cells[i].label) > width ? strlen(node->cells[i].label) : width;
        width = letters(marks) > width ? letters(marks) : width;
    }
    return width + 1;
}

static void print_cells(FILE *to, const struct scene *scene, const struct scene_node *node, unsigned width, bool colour)
{
    size_t column = column_width(scene, node), room = width > 10 + column ? (width - 8) / column : 1;
    for (size_t first = 0; first < node->cell_count; first += room) {
        size_t end = first + room < node->cell_count ? first + room : node->cell_count;
        fprintf(to, "  %-5s", first ? "" : scene_cell_word(scene));
        for (size_t i = first; i < end; i++)
            fprintf(to, " %*s", (int)column - 1, node->cells[i].label);
        fprintf(to, "\n  %-5s", first ? "" : "rules");
        for (size_t i = first; i < end; i++) {
            const struct scene_cell *cell = &node->cells[i];
            size_t rule = cell->rule_count ? cell->rules[0] : SCENE_NO_RULE;
            char marks[32];
            cell_marks(scene, cell, marks, sizeof(marks));
            pad(to, column - letters(marks));
            begin_colour(to, colour, rule);
            fputs(marks, to);
            end_colour(to, colour, rule);
        }
        fputc('\n', to);
    }
}

static void print_group(FILE *to, const struct scene *scene, const struct scene_group *group, bool colour)
{
    char label[80], cpus[300];
    scene_group_label(group, label, sizeof(label));
    scene_group_cpus(group, cpus, sizeof(cpus));
    fputs("  ", to);
    begin_colour(to, colour, group->rule);
    fputs(scene_mark(scene, group->rule), to);
    end_colour(to, colour, group->rule);
    fprintf(to, " %s  %s", printable(label), cpus);
    if (group->differing)
        fprintf(to, "  (%zu not as asked)", group->differing);
    fputc('\n', to);
}

void scene_text(FILE *to, const struct scene *scene, unsigned width, bool colour)
{
    /* of a large machine most is unused: a line does */
    for (size_t n = 0; n < scene->node_count; n++) {
        const struct scene_node *node = &scene->nodes[n];
        char memory[32];
        fprintf(to, "%snode %lld", n ? "\n" : "", node->id);
        if (*node->sockets)
            fprintf(to, "  socket %s", printable(node->sockets));
        scene_memory(node, memory, sizeof(memory));
        fprintf(to, "  %s  %zu thread%s%s\n", memory, node->threads, node->threads == 1 ? "" : "s",
                cpuset_is_empty(&node->cpus) ? "  no CPUs" : "");
        if (!node->is_used) {
            if (!cpuset_is_empty(&node->cpus))
                fprintf(to, "  CPUs %s unused\n", node->cpus_text);
            continue;
        }
        print_cells(to, scene, node, width, colour);
        for (size_t i = 0; i < node->group_count; i++)
            print_group(to, scene, node->groups[i], colour);
    }
    if (scene->spread_count)
        fputs("\non several nodes\n", to);
    for (size_t i = 0; i < scene->spread_count; i++)
        print_group(to, scene, scene->spread[i], colour);
    if (scene->rule_count)
        fputs("\nrules ", to);
    for (size_t i = 0; i < scene->rule_count; i++) {
        begin_colour(to, colour, i);
        fprintf(to, " %s", scene->rules[i].mark);
        end_colour(to, colour, i);
        fprintf(to, " %s", printable(scene->rules[i].name));
    }
    fputs(scene->rule_count ? "\n" : "", to);
}
