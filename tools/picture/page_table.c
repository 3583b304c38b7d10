#include "tools/picture/page_table.h"

#include <stdint.h>
#include <string.h>

#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/picture/markup.h"

#define ROWS_OPEN 60u /* a longer table is folded */

/* "12,280": the digits in threes. */
static void group_digits(long long value, char *ret_text, size_t size)
{
    char digits[32];
    snprintf(digits, sizeof(digits), "%lld", value);
    size_t length = strlen(digits), at = 0;
    for (size_t i = 0; i < length && at + 2 < size; i++) {
        if (i && digits[i - 1] != '-' && (length - i) % 3 == 0)
            ret_text[at++] = ',';
        ret_text[at++] = digits[i];
    }
    ret_text[at] = '\0';
}

static void number_cell(FILE *to, const json_t *value, enum column_kind kind)
{
    char text[32] = "";
    if (kind == COLUMN_BYTES && json_is_integer(value) && json_integer_value(value) >= 0)
        size_text((uint64_t)json_integer_value(value), text, sizeof(text));
    else if (kind == COLUMN_SHARE && json_is_number(value))
        snprintf(text, sizeof(text), "%.1f %%", json_number_value(value) * 100);
    else if (kind == COLUMN_REAL && json_is_real(value))
        snprintf(text, sizeof(text), "%.5g", json_real_value(value));
    else if (json_is_integer(value))
        group_digits((long long)json_integer_value(value), text, sizeof(text));
    else if (json_is_real(value))
        snprintf(text, sizeof(text), "%.1f", json_real_value(value));
    fprintf(to, "<td class=\"n\">%s</td>", text);
}

static void cell_of(FILE *to, const json_t *row, const struct column *column)
{
    const json_t *value = json_object_get(row, column->key);
    if (column->kind >= COLUMN_COUNT) {
        number_cell(to, value, column->kind);
        return;
    }
    const char *text = text_of(row, column->key);
    fputs(column->kind == COLUMN_TEXT ? "<td class=\"text\">" : "<td>", to);
    if (json_is_integer(value))
        fprintf(to, "%lld", (long long)json_integer_value(value));
    else
        markup_text(to, strcmp(text, "ok") == 0 || strcmp(text, "not-asked") == 0 ? "" : text);
    fputs("</td>", to);
}

static void table_of(FILE *to, const json_t *rows, const struct column *columns, size_t count)
{
    size_t index;
    json_t *row;
    fputs("<div class=\"wide\"><table>\n<thead><tr>", to);
    for (size_t i = 0; i < count; i++)
        fprintf(to, "<th%s>%s</th>", columns[i].kind >= COLUMN_COUNT ? " class=\"n\"" : "", columns[i].heading);
    fputs("</tr></thead>\n<tbody>\n", to);
    json_array_foreach(rows, index, row) {
        fputs("<tr>", to);
        for (size_t i = 0; i < count; i++)
            cell_of(to, row, &columns[i]);
        fputs("</tr>\n", to);
    }
    fputs("</tbody></table></div>\n", to);
}

void page_heading(FILE *to, const char *text)
{
    fputs("<h2>", to);
    markup_text(to, text);
    fputs("</h2>\n", to);
}

void page_table(FILE *to, const char *title, const json_t *rows, const struct column *columns, size_t count,
                bool folded)
{
    if (json_array_size(rows) == 0)
        return;
    if (!folded && json_array_size(rows) <= ROWS_OPEN) {
        page_heading(to, title);
        table_of(to, rows, columns, count);
        return;
    }
    fputs("<details><summary>", to);
    markup_print(to, "%s (%zu)", title, json_array_size(rows));
    fputs("</summary>\n", to);
    table_of(to, rows, columns, count);
    fputs("</details>\n", to);
}
