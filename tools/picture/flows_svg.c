#include "tools/picture/flows_svg.h"

#include "tools/common/cli.h"
#include "tools/picture/flows.h"
#include "tools/picture/markup.h"
#include "tools/picture/palette.h"

#define HEAD   56 /* the exchange's name, and the receivers */
#define LABEL  70 /* the senders */
#define WIDTH  78 /* of a cell */
#define HEIGHT 26

static struct size size_of(const struct flows *matrix)
{
    int count = (int)matrix->count, width = LABEL + count * WIDTH;
    char title[160];
    flows_title(matrix, title, sizeof(title));
    int words = font_width(title, FONT_HEAD) * 11 / 10; /* bold */
    return (struct size){words > width ? words : width, HEAD + count * HEIGHT};
}

struct size matrices_size(const json_t *exchanges)
{
    struct size all = {0, 0};
    struct flows matrix;
    size_t index;
    json_t *exchange;
    json_array_foreach(exchanges, index, exchange) {
        if (!flows_make(&matrix, exchange))
            continue;
        struct size one = size_of(&matrix);
        all.width = one.width > all.width ? one.width : all.width;
        all.height += one.height;
    }
    return all;
}

static void label(FILE *to, int x, int y, const char *more, const char *text)
{
    fprintf(to, "<text x=\"%d\" y=\"%d\" font-size=\"%d\"%s>", x, y, FONT_TEXT, more);
    markup_text(to, text);
    fputs("</text>\n", to);
}

/* The colour is the deeper the more was sent: that of the first rule on a node, of the second between nodes. */
static void draw_cell(FILE *to, const struct flows *matrix, size_t row, size_t column, int x, int y)
{
    long long bytes = matrix->bytes[row][column];
    enum tone tone = palette_of(row == column ? 0 : 1);
    char text[32], from[24], target[24];
    size_text((uint64_t)bytes, text, sizeof(text));
    flows_node_word(matrix->nodes[row], from);
    flows_node_word(matrix->nodes[column], target);
    fputs("<g class=\"flow\"><title>", to);
    markup_print(to, "%s to %s: %s", from, target, text);
    fprintf(to, "</title><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"", x, y, WIDTH, HEIGHT);
    fprintf(to, " class=\"%s line\" fill=\"%s\" fill-opacity=\"%.2f\" stroke=\"%s\"/>", palette_name(tone),
            palette_light(tone), bytes ? 0.15 + 0.85 * (double)bytes / (double)matrix->most : 0.0,
            palette_light(TONE_LINE));
    if (bytes)
        label(to, x + WIDTH / 2, y + 17, " text-anchor=\"middle\"", text);
    fputs("</g>\n", to);
}

static void draw_matrix(FILE *to, const struct flows *matrix, int x, int y)
{
    char word[24], title[160];
    flows_title(matrix, title, sizeof(title));
    fputs("<g class=\"matrix\">\n", to);
    fprintf(to, "<text x=\"%d\" y=\"%d\" font-size=\"%d\" font-weight=\"bold\">", x, y + 22, FONT_HEAD);
    markup_text(to, title);
    fputs("</text>\n", to);
    for (size_t i = 0; i < matrix->count; i++) {
        flows_node_word(matrix->nodes[i], word);
        label(to, x + LABEL + (int)i * WIDTH + WIDTH / 2, y + HEAD - 8, " text-anchor=\"middle\"", word);
        label(to, x, y + HEAD + (int)i * HEIGHT + 17, "", word);
        for (size_t k = 0; k < matrix->count; k++)
            draw_cell(to, matrix, i, k, x + LABEL + (int)k * WIDTH, y + HEAD + (int)i * HEIGHT);
    }
    fputs("</g>\n", to);
}

void matrices_svg(FILE *to, const json_t *exchanges, int x, int y)
{
    struct flows matrix;
    size_t index;
    json_t *exchange;
    json_array_foreach(exchanges, index, exchange) {
        if (!flows_make(&matrix, exchange))
            continue;
        draw_matrix(to, &matrix, x, y);
        y += size_of(&matrix).height;
    }
}
