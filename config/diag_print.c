/* Findings as text in the manner of compilers, or as JSON. */
#include <jansson.h>
#include <string.h>

#include "config/config.h"
#include "config/json_text.h"
#include "config/printable.h"
#include "config/sources.h"

#define SHOWN_MOST 50u /* as text: the first are what a person mends */

static const char *severity_word(enum severity severity)
{
    return severity == SEVERITY_ERROR ? "error" : severity == SEVERITY_WARNING ? "warning" : "note";
}

static const char *severity_colour(enum severity severity)
{
    return severity == SEVERITY_ERROR ? "\033[1;31m" : severity == SEVERITY_WARNING ? "\033[1;33m" : "\033[1;36m";
}

static const struct source *source_of(const struct sources *sources, const char *name)
{
    int at = sources_find(sources, name);
    return at < 0 ? NULL : &sources->items[at];
}

/* Terminals must not be driven by what stands in a file. Tabs stay, as the caret below counts on. */
static void print_clean(FILE *to, const char *text, size_t length)
{
    while (length > 0) {
        const char *tab = memchr(text, '\t', length);
        size_t part = tab ? (size_t)(tab - text) : length;
        printable_write(to, text, part);
        if (tab)
            fputc('\t', to);
        text += part + (tab != NULL);
        length -= part + (tab != NULL);
    }
}

static void print_place(FILE *to, const struct span *span, const struct source *source)
{
    if (!span->source)
        return;
    print_clean(to, span->source, strlen(span->source));
    bool is_file = !source || source->kind == SOURCE_FILE;
    if (span->line && is_file)
        fprintf(to, ":%u:%u", span->line, span->column);
    fputs(": ", to);
}

/*
 * As many of a sign as the characters `from` up to `to_column` (from 1) of a line take on a screen; tabs stay tabs before
 * the caret, so that it stands under its text. Behind the line's end a character is one column wide.
 */
static void print_under(FILE *to, const char *line, size_t length, uint32_t from, uint32_t until, char sign)
{
    for (uint32_t at = 1; at < until; at++) {
        unsigned columns = 1;
        size_t bytes = length ? printable_columns(line, length, &columns) : 0;
        bool is_tab = length && *line == '\t' && sign == ' ';
        for (unsigned i = 0; at >= from && i < (is_tab ? 1 : columns); i++)
            fputc(is_tab ? '\t' : sign, to);
        line += bytes;
        length -= bytes;
    }
}

static uint32_t characters_of(const char *line, size_t length)
{
    uint32_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)line[i] & 0xc0) != 0x80;
    return count;
}

static int gutter_of(const struct span *span, const struct source *source)
{
    if (!source || source->kind != SOURCE_FILE)
        return 1;
    int digits = 1;
    for (uint32_t line = span->line; line >= 10; line /= 10)
        digits++;
    return digits;
}

static void print_snippet(FILE *to, const struct diag *diag, const struct source *source, int gutter,
                          struct print_style style)
{
    const struct span *span = &diag->span;
    size_t length;
    const char *line = span->line ? source_line(source, span->line, &length) : NULL;
    if (!line)
        return;
    fprintf(to, "%*s |\n", gutter, "");
    if (source->kind == SOURCE_FILE)
        fprintf(to, "%*u | ", gutter, span->line);
    else
        fprintf(to, "%*s | ", gutter, "");
    print_clean(to, line, length);

    uint32_t count = characters_of(line, length);
    uint32_t column = span->column > count + 1 ? count + 1 : span->column ? span->column : 1;
    uint32_t carets = span->length && span->length < 4096 ? span->length : 1;
    if (carets > count - column + 1 && column <= count)
        carets = count - column + 1;
    fprintf(to, "\n%*s | ", gutter, "");
    print_under(to, line, length, 1, column, ' ');
    if (style.colour)
        fputs(severity_colour(diag_code_severity(diag->code)), to);
    print_under(to, line, length, column, column + carets, '^');
    if (diag->under) {
        fputc(' ', to);
        print_clean(to, diag->under, strlen(diag->under));
    }
    fputs(style.colour ? "\033[0m\n" : "\n", to);
}

static void print_text(FILE *to, const struct diag *diag, const struct sources *sources, struct print_style style)
{
    const struct source *source = source_of(sources, diag->span.source);
    enum severity severity = diag_code_severity(diag->code);
    print_place(to, &diag->span, source);
    fprintf(to, "%s%s[%s]%s: ", style.colour ? severity_colour(severity) : "", severity_word(severity),
            diag_code_name(diag->code), style.colour ? "\033[0m" : "");
    print_clean(to, diag->message, strlen(diag->message));
    fputc('\n', to);

    int gutter = gutter_of(&diag->span, source);
    if (source)
        print_snippet(to, diag, source, gutter, style);
    else if (diag->under)
        fprintf(to, "%*s = %s\n", gutter, "", printable(diag->under));
    if (diag->help) {
        fprintf(to, "%*s = help: ", gutter, "");
        print_clean(to, diag->help, strlen(diag->help));
        fputc('\n', to);
    }
}

static json_t *text_or_null(const char *text)
{
    return text ? json_any_text(text) : json_null();
}

static json_t *to_json(const struct diag *diag)
{
    const struct span *span = &diag->span;
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:I, s:o, s:o}", "code", diag_code_name(diag->code),
                     "severity", severity_word(diag_code_severity(diag->code)), "title", diag_code_title(diag->code),
                     "message", text_or_null(diag->message), "source", text_or_null(span->source), "line",
                     (json_int_t)span->line, "column", (json_int_t)span->column, "length", (json_int_t)span->length,
                     "under", text_or_null(diag->under), "help", text_or_null(diag->help));
}

static void print_all(FILE *to, const struct diag_list *diags, const struct sources *sources, struct print_style style)
{
    size_t shown = 0, left = 0;
    for (size_t i = 0; i < diags->count; i++) {
        bool is_note = diag_code_severity(diags->items[i].code) == SEVERITY_NOTE;
        if (style.hide_notes && is_note)
            continue;
        if (shown++ < SHOWN_MOST)
            print_text(to, &diags->items[i], sources, style);
        else
            left += !is_note;
    }
    if (left)
        fprintf(to, "%zu more are not shown; --json has all\n", left);
    if (diags->errors)
        fprintf(to, "%zu error%s\n", diags->errors, diags->errors == 1 ? "" : "s");
}

void diag_print(FILE *to, const struct diag_list *diags, const struct sources *sources, struct print_style style)
{
    if (!style.json) {
        print_all(to, diags, sources, style);
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < diags->count; i++)
        if (!style.hide_notes || diag_code_severity(diags->items[i].code) != SEVERITY_NOTE)
            json_array_append_new(list, to_json(&diags->items[i]));
    json_write(to, list, 2);
    json_decref(list);
}
