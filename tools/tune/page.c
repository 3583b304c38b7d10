/* The document as a page: the verdict, each run of each candidate as a dot, the table, and the winner's policy. */
#include <stdbool.h>
#include <string.h>

#include "tools/common/json_fields.h"
#include "tools/picture/markup.h"
#include "tools/picture/page_frame.h"
#include "tools/picture/page_table.h"
#include "tools/tune/document.h"

#define NAMES 250 /* columns left of the dots */
#define DOTS  600
#define ROW   24

static const char style[] = "svg text{fill:var(--ink);font:13px system-ui,sans-serif}.axis{stroke:var(--line)}"
                            ".run{fill:var(--r4);fill-opacity:.55}.again{fill:var(--r5);fill-opacity:.75}"
                            ".median{stroke:var(--ink);stroke-width:2}pre{overflow-x:auto}";

static double most_of(const json_t *candidates)
{
    double most = 0;
    size_t index, at;
    json_t *candidate, *value;
    json_array_foreach(candidates, index, candidate) {
        json_array_foreach(json_object_get(candidate, "selection"), at, value)
            most = json_number_value(value) > most ? json_number_value(value) : most;
        json_array_foreach(json_object_get(candidate, "confirmation"), at, value)
            most = json_number_value(value) > most ? json_number_value(value) : most;
    }
    return most;
}

static void draw_dots(FILE *to, const json_t *values, const char *class, double most, size_t row)
{
    size_t index;
    json_t *value;
    json_array_foreach(values, index, value)
        fprintf(to, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%zu\" r=\"4\"/>", class,
                NAMES + json_number_value(value) / most * DOTS, row * ROW + ROW / 2);
}

static void draw_row(FILE *to, const json_t *candidate, double most, size_t row)
{
    double median = NAMES + json_number_value(json_object_get(candidate, "median")) / most * DOTS;
    fprintf(to, "<text x=\"0\" y=\"%zu\">", row * ROW + ROW / 2 + 4);
    markup_text(to, text_of(candidate, "name"));
    fprintf(to, "</text><path class=\"axis\" d=\"M%d %zuh%d\"/>", NAMES, row * ROW + ROW / 2, DOTS);
    draw_dots(to, json_object_get(candidate, "selection"), "run", most, row);
    draw_dots(to, json_object_get(candidate, "confirmation"), "again", most, row);
    fprintf(to, "<path class=\"median\" d=\"M%.1f %zuv%d\"/>\n", median, row * ROW + 4, ROW - 8);
}

/* From 0 on, so that lengths can be compared. */
static void draw_runs(FILE *to, const json_t *ordered, const json_t *metric)
{
    double most = most_of(ordered);
    size_t index, rows = 0;
    json_t *candidate;
    if (most <= 0)
        return;
    json_array_foreach(ordered, index, candidate)
        rows += json_is_real(json_object_get(candidate, "median"));
    page_heading(to, "Runs");
    fprintf(to,
            "<p class=\"quiet\">from 0 to %.5g%s, %s is better; a dot is a run, the second colour one of the "
            "confirmation, the line the median</p>\n",
            most, strcmp(text_of(metric, "kind"), "time") == 0 ? " s" : "", text_of(metric, "better"));
    fprintf(to, "<div class=\"wide\"><svg width=\"%d\" height=\"%zu\" role=\"img\" aria-label=\"runs\">\n",
            NAMES + DOTS + 10, rows * ROW);
    rows = 0;
    json_array_foreach(ordered, index, candidate)
        if (json_is_real(json_object_get(candidate, "median")))
            draw_row(to, candidate, most, rows++);
    fputs("</svg></div>\n", to);
}

/* Of a document, rows whose numbers are texts as the text has them. */
static json_t *rows_of(const json_t *ordered)
{
    json_t *rows = json_array(), *candidate;
    size_t index;
    json_array_foreach(ordered, index, candidate) {
        const json_t *gain = json_object_get(candidate, "gain");
        json_t *row = json_copy(candidate);
        json_object_set(row, "gain", json_object_get(gain, "estimate"));
        json_object_set(row, "low", json_object_get(gain, "low"));
        json_object_set(row, "high", json_object_get(gain, "high"));
        json_object_set_new(row, "runs",
                            json_integer((json_int_t)(json_array_size(json_object_get(candidate, "selection")) +
                                                      json_array_size(json_object_get(candidate, "confirmation")))));
        json_array_append_new(rows, row);
    }
    return rows;
}

static void draw_policy(FILE *to, const json_t *document)
{
    const char *winner = text_of(json_object_get(document, "verdict"), "winner");
    size_t index;
    json_t *candidate;
    json_array_foreach(json_object_get(document, "candidates"), index, candidate) {
        if (!*winner || strcmp(text_of(candidate, "name"), winner) != 0)
            continue;
        page_heading(to, "The winner's policy");
        fputs("<pre>", to);
        markup_text(to, text_of(candidate, "policy"));
        fputs("</pre>\n", to);
    }
}

void tune_page(FILE *to, const json_t *document)
{
    static const struct column columns[] = {{"Candidate", "name", COLUMN_WORD},
                                            {"Median", "median", COLUMN_REAL},
                                            {"Gain", "gain", COLUMN_REAL},
                                            {"from", "low", COLUMN_REAL},
                                            {"to", "high", COLUMN_REAL},
                                            {"Confidence", "confidence", COLUMN_SHARE},
                                            {"Runs", "runs", COLUMN_COUNT},
                                            {"Granted", "granted", COLUMN_WORD},
                                            {"State", "state", COLUMN_WORD},
                                            {"Reason", "reason", COLUMN_TEXT},
                                            {"Options of nodewise run", "options", COLUMN_TEXT}};
    const json_t *verdict = json_object_get(document, "verdict");
    bool is_better = strcmp(text_of(verdict, "word"), "better") == 0;
    json_t *ordered = tune_in_order(document), *rows = rows_of(ordered);
    char title[300];
    snprintf(title, sizeof(title), "nodewise tune: %s",
             json_string_value(json_array_get(json_object_get(document, "command"), 0)));
    page_begin(to, title, style);
    fprintf(to, "<p><span class=\"word%s\">", is_better ? " good" : "");
    markup_text(to, text_of(verdict, "word"));
    fputs("</span>: ", to);
    markup_text(to, text_of(verdict, "text"));
    fprintf(to, ".</p>\n<p class=\"quiet\">%s, in %.0f s</p>\n", text_of(document, "ended"),
            json_number_value(json_object_get(document, "seconds")));
    draw_runs(to, ordered, json_object_get(document, "metric"));
    page_table(to, "Candidates", rows, columns, sizeof(columns) / sizeof(*columns), false);
    draw_policy(to, document);
    page_end(to);
    json_decref(rows);
    json_decref(ordered);
}
