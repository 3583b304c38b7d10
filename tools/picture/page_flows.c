#include "tools/picture/page_flows.h"

#include "tools/common/cli.h"
#include "tools/picture/flows.h"
#include "tools/picture/page_table.h"
#include "tools/picture/palette.h"

static void draw_cell(FILE *to, const struct flows *matrix, size_t row, size_t column)
{
    long long bytes = matrix->bytes[row][column];
    const char *tone = palette_name(palette_of(row == column ? 0 : 1));
    char text[32] = "";
    if (bytes)
        size_text((uint64_t)bytes, text, sizeof(text));
    double share = (double)bytes / (double)matrix->most * 100;
    fprintf(to, "<td class=\"n\" style=\"background:linear-gradient(to right,var(--%s) %.1f%%,transparent %.1f%%)\">",
            tone, share, share);
    fprintf(to, "%s</td>", text);
}

static void draw_matrix(FILE *to, const struct flows *matrix)
{
    char title[160], word[24];
    flows_title(matrix, title, sizeof(title));
    page_heading(to, title);
    fputs("<div class=\"wide\"><table>\n<thead><tr><th></th>", to);
    for (size_t i = 0; i < matrix->count; i++) {
        flows_node_word(matrix->nodes[i], word);
        fprintf(to, "<th class=\"n\">to %s</th>", word);
    }
    fputs("</tr></thead>\n<tbody>\n", to);
    for (size_t i = 0; i < matrix->count; i++) {
        flows_node_word(matrix->nodes[i], word);
        fprintf(to, "<tr><th>%s</th>", word);
        for (size_t k = 0; k < matrix->count; k++)
            draw_cell(to, matrix, i, k);
        fputs("</tr>\n", to);
    }
    fputs("</tbody></table></div>\n", to);
}

void page_matrices(FILE *to, const json_t *exchanges)
{
    struct flows matrix;
    size_t index;
    json_t *exchange;
    json_array_foreach(exchanges, index, exchange)
        if (flows_make(&matrix, exchange))
            draw_matrix(to, &matrix);
}
