#include <string.h>

#include "tools/common/json_fields.h"
#include "tools/measure/heat.h"
#include "tools/measure/views.h"
#include "tools/picture/markup.h"
#include "tools/picture/palette.h"

#define MARGIN      24
#define TITLE_LINE  30
#define LINE        18
#define LABEL       44 /* of a row */
#define WIDTH_LEAST 640
#define WORDS_NODES 16u /* beyond, a cell is a colour alone, and says its value when it is pointed at */

/* From light to dark in one hue, for any kind of colour blindness; dark letters stay readable on all of them. */
static const char *const fills[HEAT_LEVELS + 1] = {"#fff3d6", "#fdd9a0", "#fbb96d",
                                                   "#f49a56", "#e57f4e", [HEAT_LEVEL_NONE] = "none"};
#define LETTERS "#1b1f24"

struct size {
    int width, height;
};

struct picture {
    FILE *to;
    int y; /* of the next line */
};

static struct size cell_size(size_t count)
{
    return count <= WORDS_NODES ? (struct size){84, 26} : (struct size){14, 14};
}

static void paint(FILE *to, enum tone tone)
{
    fprintf(to, " class=\"%s\" fill=\"%s\"", palette_name(tone), palette_light(tone));
}

static void words(FILE *to, int x, int y, int size, enum tone tone, const char *anchor, const char *text)
{
    fprintf(to, "<text x=\"%d\" y=\"%d\" font-size=\"%d\" text-anchor=\"%s\"", x, y, size, anchor);
    paint(to, tone);
    fputc('>', to);
    markup_text(to, text);
    fputs("</text>\n", to);
}

static void node_name(FILE *to, int x, int y, int size, const char *anchor, long long node)
{
    char text[32];
    snprintf(text, sizeof(text), "%lld", node);
    words(to, x, y, size, TONE_QUIET, anchor, text);
}

/* --- a matrix --- */

static void draw_cell(FILE *to, const struct heat *heat, size_t row, size_t column, int x, int y)
{
    const struct heat_value *value = &heat->values[row * heat->count + column];
    struct size size = cell_size(heat->count);
    char word[HEAT_WORD];
    heat_word(heat, value, word);
    fprintf(to, "<g><title>%lld to %lld: %s", heat->nodes[row], heat->nodes[column], word);
    if (*value->reason)
        markup_print(to, " (%s)", value->reason);
    fprintf(to, "</title><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\" class=\"line\" stroke=\"%s\"/>",
            x, y, size.width, size.height, fills[heat_level(heat, value)], palette_light(TONE_LINE));
    if (heat->count <= WORDS_NODES && value->median > 0)
        fprintf(to, "<text x=\"%d\" y=\"%d\" font-size=\"12\" text-anchor=\"middle\" fill=\"" LETTERS "\">%s</text>",
                x + size.width / 2, y + 17, word);
    fputs("</g>\n", to);
}

static void draw_heat(struct picture *picture, const struct heat *heat)
{
    struct size size = cell_size(heat->count);
    int font = heat->count <= WORDS_NODES ? 12 : 9, x = MARGIN + LABEL, y = picture->y + 2 * LINE;
    words(picture->to, MARGIN, picture->y + 14, 15, TONE_INK, "start", heat_title(heat));
    for (size_t column = 0; column < heat->count; column++)
        node_name(picture->to, x + (int)column * size.width + size.width / 2, y - 5, font, "middle",
                  heat->nodes[column]);
    for (size_t row = 0; row < heat->count; row++) {
        node_name(picture->to, x - 8, y + (int)row * size.height + (size.height + font) / 2 - 2, font, "end",
                  heat->nodes[row]);
        for (size_t column = 0; column < heat->count; column++)
            draw_cell(picture->to, heat, row, column, x + (int)column * size.width, y + (int)row * size.height);
    }
    picture->y = y + (int)heat->count * size.height + TITLE_LINE;
}

static int heat_height(const struct heat *heat)
{
    return 2 * LINE + (int)heat->count * cell_size(heat->count).height + TITLE_LINE;
}

/* --- lines --- */

static void draw_line(void *context, const char *text)
{
    struct picture *picture = context;
    words(picture->to, MARGIN, picture->y, 12, TONE_QUIET, "start", text);
    picture->y += LINE;
}

static void count_line(void *context, const char *text)
{
    (void)text;
    *(int *)context += LINE;
}

/* --- all --- */

static void draw_all(struct picture *picture, const json_t *document, const struct heat heats[2])
{
    char title[256];
    const char *model = text_of(document, "model");
    snprintf(title, sizeof(title), "node to node%s%s", *model ? ": " : "", model);
    words(picture->to, MARGIN, MARGIN + 14, 18, TONE_INK, "start", title);
    words(picture->to, MARGIN, MARGIN + 34, 12, TONE_QUIET, "start",
          "rows: the CPUs of a node; columns: the memory of a node; the darker, the worse");
    picture->y = MARGIN + 2 * TITLE_LINE;
    draw_heat(picture, &heats[HEAT_LATENCY]);
    draw_heat(picture, &heats[HEAT_BANDWIDTH]);
    measure_conditions(document, draw_line, picture);
}

void measure_svg(FILE *to, const json_t *document)
{
    struct picture picture = {.to = to};
    struct heat heats[2] = {0};
    if (heat_make(&heats[HEAT_LATENCY], document, HEAT_LATENCY) == 0 &&
        heat_make(&heats[HEAT_BANDWIDTH], document, HEAT_BANDWIDTH) == 0) {
        int cells = (int)heats[0].count * cell_size(heats[0].count).width + LABEL;
        int width = (cells < WIDTH_LEAST ? WIDTH_LEAST : cells) + 2 * MARGIN;
        int height = 2 * MARGIN + 2 * TITLE_LINE + heat_height(&heats[0]) + heat_height(&heats[1]);
        measure_conditions(document, count_line, &height);
        fprintf(to, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\"", width,
                height, width, height);
        fputs(" role=\"img\" aria-label=\"latency and bandwidth between nodes\">\n<style>", to);
        palette_svg_style(to);
        fprintf(to, "</style>\n<rect width=\"%d\" height=\"%d\"", width, height);
        paint(to, TONE_PAPER);
        fputs("/>\n<g font-family=\"Helvetica, Arial, sans-serif\">\n", to);
        draw_all(&picture, document, heats);
        fputs("</g>\n</svg>\n", to);
    }
    heat_free(&heats[0]);
    heat_free(&heats[1]);
}
