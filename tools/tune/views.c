/* The document as a text, and as the winner's policy. */
#include <stdlib.h>
#include <string.h>

#include "config/printable.h"
#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/common/quote.h"
#include "tools/tune/document.h"

static double real_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static bool is_timed(const json_t *document)
{
    return strcmp(text_of(json_object_get(document, "metric"), "kind"), "time") == 0;
}

/* --- the order of the table --- */

/* Measured ones by their gain, plain at 1; then the others. */
static double order_of(const json_t *candidate)
{
    const json_t *gain = json_object_get(candidate, "gain");
    if (!json_is_real(json_object_get(candidate, "median")))
        return strcmp(text_of(candidate, "state"), "failed") == 0 ? -1 : -2;
    return gain ? real_of(gain, "estimate") : 1;
}

static int by_gain(const void *a, const void *b)
{
    double one = order_of(*(json_t *const *)a), other = order_of(*(json_t *const *)b);
    return (one < other) - (one > other);
}

json_t *tune_in_order(const json_t *document)
{
    const json_t *candidates = json_object_get(document, "candidates");
    size_t count = json_array_size(candidates);
    json_t *ordered = json_array(), **items = calloc(count + 1, sizeof(json_t *));
    for (size_t i = 0; items && i < count; i++)
        items[i] = json_array_get(candidates, i);
    if (items)
        qsort(items, count, sizeof(*items), by_gain);
    for (size_t i = 0; items && i < count; i++)
        json_array_append(ordered, items[i]);
    free(items);
    return ordered;
}

/* --- cells --- */

struct cells {
    char median[32], gain[32], confidence[32], runs[32], note[512];
};

static void fill_cells(struct cells *cells, const json_t *document, const json_t *candidate)
{
    const json_t *gain = json_object_get(candidate, "gain");
    const char *state = text_of(candidate, "state"), *winner = text_of(json_object_get(document, "verdict"), "winner");
    size_t selection = json_array_size(json_object_get(candidate, "selection"));
    size_t confirmation = json_array_size(json_object_get(candidate, "confirmation"));
    *cells = (struct cells){.median = "-"};
    if (json_is_real(json_object_get(candidate, "median")))
        snprintf(cells->median, sizeof(cells->median), is_timed(document) ? "%.4g s" : "%.6g",
                 real_of(candidate, "median"));
    if (json_is_object(gain))
        snprintf(cells->gain, sizeof(cells->gain), "%.3f", real_of(gain, "estimate"));
    if (json_is_object(gain))
        snprintf(cells->confidence, sizeof(cells->confidence), "%.1f %%", real_of(candidate, "confidence") * 100);
    if (confirmation)
        snprintf(cells->runs, sizeof(cells->runs), "%zu+%zu", selection, confirmation);
    else if (selection)
        snprintf(cells->runs, sizeof(cells->runs), "%zu", selection);
    if (*winner && strcmp(winner, text_of(candidate, "name")) == 0)
        snprintf(cells->note, sizeof(cells->note), "winner");
    else if (strcmp(state, "failed") == 0)
        snprintf(cells->note, sizeof(cells->note), "failed: %s", text_of(candidate, "reason"));
    else if (strcmp(state, "behind") == 0)
        snprintf(cells->note, sizeof(cells->note), "behind");
}

static bool is_left_out(const json_t *candidate)
{
    return strcmp(text_of(candidate, "state"), "left_out") == 0;
}

static void print_table(FILE *to, const json_t *document)
{
    static const char *const headings[] = {"CANDIDATE", "MEDIAN", "GAIN", "CONFIDENCE", "RUNS", "GRANTED", "NOTE"};
    struct table *table = table_new(headings, sizeof(headings) / sizeof(*headings));
    json_t *ordered = tune_in_order(document), *candidate;
    size_t index;
    json_array_foreach(ordered, index, candidate) {
        struct cells cells;
        if (is_left_out(candidate))
            continue;
        fill_cells(&cells, document, candidate);
        const char *const row[] = {
            text_of(candidate, "name"),    cells.median, cells.gain, cells.confidence, cells.runs,
            text_of(candidate, "granted"), cells.note};
        table_row(table, row);
    }
    json_decref(ordered);
    table_print(to, table);
}

static void print_left_out(FILE *to, const json_t *document)
{
    const char *before = "left out: ";
    json_t *candidate;
    size_t index;
    json_array_foreach(json_object_get(document, "candidates"), index, candidate) {
        if (!is_left_out(candidate))
            continue;
        fprintf(to, "%s%s", before, printable(text_of(candidate, "name")));
        before = ", ";
    }
    fputs(*before == ',' ? " (--json says why)\n" : "", to);
}

static const json_t *winner_of(const json_t *document)
{
    const char *name = text_of(json_object_get(document, "verdict"), "winner");
    json_t *candidate;
    size_t index;
    json_array_foreach(json_object_get(document, "candidates"), index, candidate)
        if (*name && strcmp(text_of(candidate, "name"), name) == 0)
            return candidate;
    return NULL;
}

static void print_command(FILE *to, const json_t *document)
{
    json_t *word;
    size_t index;
    json_array_foreach(json_object_get(document, "command"), index, word) {
        char *quoted = quote_shell(json_string_value(word));
        fprintf(to, " %s", printable(quoted ? quoted : ""));
        free(quoted);
    }
}

void tune_text(FILE *to, const json_t *document)
{
    const json_t *winner = winner_of(document);
    print_table(to, document);
    print_left_out(to, document);
    fprintf(to, "\n%s (%.0f s)\n", printable(text_of(json_object_get(document, "verdict"), "text")),
            real_of(document, "seconds"));
    if (winner && *text_of(winner, "options")) {
        fprintf(to, "nodewise run %s --", printable(text_of(winner, "options")));
        print_command(to, document);
        fputc('\n', to);
    }
}

/* --- the policy --- */

void tune_policy(FILE *to, const json_t *document)
{
    const json_t *winner = winner_of(document);
    if (!winner)
        return;
    fprintf(to, "# `nodewise tune` %s, of:", text_of(document, "ended"));
    print_command(to, document);
    fprintf(to, "\n# %s\n", printable(text_of(json_object_get(document, "verdict"), "text")));
    fputs(text_of(winner, "policy"), to);
}
