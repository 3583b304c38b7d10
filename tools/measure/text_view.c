#include <string.h>

#include "config/printable.h"
#include "tools/common/json_fields.h"
#include "tools/measure/heat.h"
#include "tools/measure/views.h"

/*
 * A matrix that is wider than the screen goes on below, a block of columns after the other.
 */

/* Black letters on a colour of the 256: light from green to red. */
static const unsigned char colours[HEAT_LEVELS] = {157, 193, 229, 216, 210};

struct screen {
    FILE *to;
    unsigned width;
    bool colour;
};

/* What the cells of one matrix say. */
struct grid {
    size_t count;
    const long long *nodes;
    unsigned cell_width;
    const struct heat *heat; /* one of the two */
    const json_t *rows;
};

/* --- cells --- */

/* Columns that a text of these takes: "±" is two bytes. */
static unsigned columns_of(const char *text)
{
    unsigned columns = 0;
    for (; *text; text++)
        columns += ((unsigned char)*text & 0xc0) != 0x80;
    return columns;
}

static const struct heat_value *value_at(const struct grid *grid, size_t row, size_t column)
{
    return &grid->heat->values[row * grid->count + column];
}

static void word_at(const struct grid *grid, size_t row, size_t column, char ret_word[HEAT_WORD])
{
    json_int_t distance = json_integer_value(json_array_get(json_array_get(grid->rows, row), column));
    if (grid->heat)
        heat_word(grid->heat, value_at(grid, row, column), ret_word);
    else if (distance > 0)
        snprintf(ret_word, HEAT_WORD, "%lld", (long long)distance);
    else
        snprintf(ret_word, HEAT_WORD, "-");
}

static unsigned widest(const struct grid *grid)
{
    unsigned width = 4;
    char word[HEAT_WORD];
    for (size_t i = 0; i < grid->count * grid->count; i++) {
        word_at(grid, i / grid->count, i % grid->count, word);
        width = columns_of(word) > width ? columns_of(word) : width;
    }
    return width;
}

/* "  . 82.4±0.4", as wide as the widest. */
static void print_cell(const struct screen *screen, const struct grid *grid, size_t row, size_t column)
{
    char word[HEAT_WORD];
    unsigned level = grid->heat ? heat_level(grid->heat, value_at(grid, row, column)) : HEAT_LEVEL_NONE;
    word_at(grid, row, column, word);
    fputs("  ", screen->to);
    if (screen->colour && level != HEAT_LEVEL_NONE)
        fprintf(screen->to, "\033[38;5;16;48;5;%um", colours[level]);
    if (grid->heat)
        fprintf(screen->to, "%c ", heat_mark(level));
    fprintf(screen->to, "%*s%s", (int)(grid->cell_width - columns_of(word)), "", word);
    if (screen->colour && level != HEAT_LEVEL_NONE)
        fputs("\033[0m", screen->to);
}

/* --- grids --- */

static void print_block(const struct screen *screen, const struct grid *grid, size_t first, size_t end)
{
    int width = (int)grid->cell_width + (grid->heat ? 4 : 2);
    fputs("  node", screen->to);
    for (size_t column = first; column < end; column++)
        fprintf(screen->to, "%*lld", width, grid->nodes[column]);
    fputc('\n', screen->to);
    for (size_t row = 0; row < grid->count; row++) {
        fprintf(screen->to, "%6lld", grid->nodes[row]);
        for (size_t column = first; column < end; column++)
            print_cell(screen, grid, row, column);
        fputc('\n', screen->to);
    }
}

static void print_grid(const struct screen *screen, struct grid *grid)
{
    grid->cell_width = widest(grid);
    unsigned width = grid->cell_width + (grid->heat ? 4 : 2);
    size_t fitting = screen->width > 6 + width ? (screen->width - 6) / width : 1;
    for (size_t first = 0; first < grid->count; first += fitting)
        print_block(screen, grid, first, first + fitting < grid->count ? first + fitting : grid->count);
}

static void print_heat(const struct screen *screen, const json_t *document, enum heat_kind kind)
{
    struct heat heat;
    if (heat_make(&heat, document, kind) < 0)
        return;
    struct grid grid = {.count = heat.count, .nodes = heat.nodes, .heat = &heat};
    fprintf(screen->to, "%s\n", heat_title(&heat));
    print_grid(screen, &grid);
    fputc('\n', screen->to);
    heat_free(&heat);
}

static void print_distances(const struct screen *screen, const json_t *document)
{
    struct heat heat;
    if (!json_is_array(json_object_get(document, "distances")) || heat_make(&heat, document, HEAT_LATENCY) < 0)
        return;
    struct grid grid = {.count = heat.count, .nodes = heat.nodes, .rows = json_object_get(document, "distances")};
    fputs("distances of these latencies (10: the own node)\n", screen->to);
    print_grid(screen, &grid);
    fputc('\n', screen->to);
    heat_free(&heat);
}

/* --- all --- */

static void print_line(void *to, const char *text)
{
    fprintf(to, "%s\n", printable(text));
}

void measure_text(FILE *to, const json_t *document, unsigned width, bool colour)
{
    const struct screen screen = {to, width, colour};
    fputs("rows: CPUs of a node; columns: memory of a node; marks: . best, : - +, # worst\n\n", to);
    print_heat(&screen, document, HEAT_LATENCY);
    print_heat(&screen, document, HEAT_BANDWIDTH);
    print_distances(&screen, document);
    measure_conditions(document, print_line, to);
}
