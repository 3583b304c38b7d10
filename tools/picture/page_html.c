#include "tools/picture/page_html.h"

#include <stdbool.h>
#include <string.h>

#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/picture/markup.h"
#include "tools/picture/page_map.h"
#include "tools/picture/page_table.h"
#include "tools/picture/palette.h"

static const char style[] =
    "*{box-sizing:border-box}"
    "body{margin:0 auto;padding:1rem;max-width:78rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);"
    "background:var(--paper);overflow-wrap:anywhere}"
    "h1{font-size:1.5rem;line-height:1.25;margin:.2rem 0}h2{font-size:1.15rem;margin:1.6rem 0 .5rem}"
    "p{margin:.3rem 0}.quiet{color:var(--quiet)}.word{font-weight:700}.good{color:var(--good)}.bad{color:var(--bad)}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem;min-width:100%}"
    "th,td{text-align:left;padding:.25rem .9rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top;"
    "overflow-wrap:normal;white-space:nowrap}td.text{white-space:normal;min-width:5rem;max-width:24rem}"
    ".n{text-align:right;font-variant-numeric:tabular-nums}"
    "dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:.5rem 0}dt{font-weight:600}dd{margin:0}"
    "summary{cursor:pointer;font-weight:600}details{margin:1rem 0}code{font-size:.92em}"
    "@media(max-width:40rem){dl{grid-template-columns:1fr}dd{margin:0 0 .4rem}}"
    "@media print{body{max-width:none;padding:0}.wide{overflow:visible}table{font-size:.7rem}"
    "td,th{white-space:normal}*{print-color-adjust:exact}}";

/* --- frame --- */

static void begin_page(FILE *to, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
          to);
    markup_text(to, title);
    fputs("</title>\n<style>", to);
    palette_html_style(to);
    fprintf(to, "%s%s</style>\n</head>\n<body>\n<h1>", style, page_map_style);
    markup_text(to, title);
    fputs("</h1>\n", to);
}

static void end_page(FILE *to)
{
    fputs("</body>\n</html>\n", to);
}

#define TABLE(to, title, rows, columns, folded)                                                                        \
    page_table(to, title, rows, columns, sizeof(columns) / sizeof(*(columns)), folded)

/* --- a report --- */

static void locality_line(FILE *to, const json_t *report, const char *name, const char *what)
{
    double value = locality_of(report, name);
    fprintf(to, "<dt>%s</dt><dd>", name);
    if (value >= 0)
        fprintf(to, "<b>%.1f %%</b> ", value * 100);
    else
        fputs("not measured: ", to);
    markup_text(to, what);
    fputs("</dd>\n", to);
}

/* report_accesses.h says it in words for the text; here the numbers stand by themselves. */
static void access_lines(FILE *to, const json_t *report)
{
    const json_t *accesses = json_object_get(report, "accesses");
    char what[160];
    if (json_is_number(json_object_get(accesses, "low")))
        snprintf(what, sizeof(what),
                 "accesses that found their page on their thread's node, of %lld samples; 95 %%: %.1f to %.1f %%",
                 number_of(accesses, "samples"), json_number_value(json_object_get(accesses, "low")) * 100,
                 json_number_value(json_object_get(accesses, "high")) * 100);
    else
        snprintf(what, sizeof(what), "%s", text_of(accesses, "reason"));
    locality_line(to, report, "access_locality", what);
    snprintf(what, sizeof(what), "share of the sampled accesses that node %lld serves, the busiest",
             number_of(accesses, "busiest"));
    if (locality_of(report, "balance") >= 0)
        locality_line(to, report, "balance", what);
}

static void draw_verdict(FILE *to, const json_t *report)
{
    bool good = strcmp(verdict_word(report), "as_asked") == 0;
    fprintf(to, "<p><span class=\"word %s\">", good ? "good" : "bad");
    markup_text(to, verdict_word(report));
    fputs("</span>: ", to);
    markup_text(to, verdict_text(report));
    fputs(".</p>\n<dl>\n", to);
    locality_line(to, report, "alloc_locality", "allocations served from the allocating CPU's node");
    locality_line(to, report, "home_locality",
                  "pages on the home of the thread that made them, from a sample (--pages)");
    access_lines(to, report);
    fputs("</dl>\n", to);
}

static void draw_hints(FILE *to, const json_t *report)
{
    size_t index;
    json_t *hint;
    if (json_array_size(json_object_get(report, "hints")) == 0)
        return;
    page_heading(to, "What to change");
    fputs("<ul>\n", to);
    json_array_foreach(json_object_get(report, "hints"), index, hint) {
        fputs("<li><code>", to);
        markup_print(to, "%s%s%s", text_of(hint, "rule"), *text_of(hint, "rule") ? "." : "", text_of(hint, "key"));
        fputs("</code>: ", to);
        markup_text(to, text_of(hint, "text"));
        fputs("</li>\n", to);
    }
    fputs("</ul>\n", to);
}

static void draw_process(FILE *to, const json_t *report)
{
    const json_t *process = json_object_get(report, "process");
    fputs("<p class=\"quiet\">", to);
    markup_print(to, "process %lld, %s, started %s; %lld threads started, %lld ended; policy %s",
                 number_of(process, "pid"), text_of(process, "state"), text_of(process, "started"),
                 number_of(process, "threads_started"), number_of(process, "threads_ended"),
                 text_of(json_object_get(report, "plan"), "policy"));
    fputs("</p>\n", to);
}

void page_report(FILE *to, const json_t *report)
{
    static const struct column rules[] = {{"Rule", "name", COLUMN_WORD},     {"Asked", "asked", COLUMN_TEXT},
                                          {"CPUs", "cpus", COLUMN_TEXT},     {"Placed", "placed", COLUMN_COUNT},
                                          {"Live", "live", COLUMN_COUNT},    {"Memory", "memory", COLUMN_WORD},
                                          {"Origin", "origin", COLUMN_WORD}, {"Note", "set_reason", COLUMN_WORD}};
    static const struct column threads[] = {{"Thread", "tid", COLUMN_WORD},
                                            {"Name", "name", COLUMN_WORD},
                                            {"Rule", "rule", COLUMN_WORD},
                                            {"State", "state", COLUMN_WORD},
                                            {"Asked", "asked", COLUMN_TEXT},
                                            {"Now", "now", COLUMN_TEXT},
                                            {"Memory policy", "memory_policy", COLUMN_WORD},
                                            {"Step", "step", COLUMN_WORD},
                                            {"CPUs", "reason", COLUMN_WORD},
                                            {"Memory", "memory_reason", COLUMN_WORD},
                                            {"Stack", "stack_reason", COLUMN_WORD}};
    static const struct column arenas[] = {{"Rule", "rule", COLUMN_WORD},
                                           {"Node", "node", COLUMN_COUNT},
                                           {"Allocations", "allocations", COLUMN_COUNT},
                                           {"Allocated", "bytes", COLUMN_BYTES},
                                           {"Remote frees", "remote_frees", COLUMN_COUNT},
                                           {"Overflows", "overflows", COLUMN_COUNT}};
    static const struct column events[] = {{"ms", "ms", COLUMN_COUNT},        {"Thread", "tid", COLUMN_WORD},
                                           {"Event", "kind", COLUMN_WORD},    {"Rule", "rule", COLUMN_WORD},
                                           {"Value", "value", COLUMN_COUNT},  {"Outcome", "outcome", COLUMN_WORD},
                                           {"Reason", "reason", COLUMN_WORD}, {"Text", "text", COLUMN_TEXT}};
    static const struct column rule_pages[] = {{"Rule", "rule", COLUMN_WORD},
                                               {"Memory", "bytes", COLUMN_BYTES},
                                               {"Resident", "resident", COLUMN_BYTES},
                                               {"Of ended threads", "left", COLUMN_BYTES},
                                               {"On their makers' homes", "home_locality", COLUMN_SHARE}};
    static const struct column thread_pages[] = {{"Thread", "tid", COLUMN_WORD},
                                                 {"Name", "name", COLUMN_WORD},
                                                 {"Rule", "rule", COLUMN_WORD},
                                                 {"Home node", "home_node", COLUMN_COUNT},
                                                 {"Memory", "bytes", COLUMN_BYTES},
                                                 {"Resident", "resident", COLUMN_BYTES},
                                                 {"On its home", "home_locality", COLUMN_SHARE}};
    const json_t *pages = json_object_get(report, "pages");
    char title[96];
    snprintf(title, sizeof(title), "nodewise: %s", text_of(json_object_get(report, "process"), "comm"));
    begin_page(to, title);
    draw_verdict(to, report);
    draw_process(to, report);
    draw_hints(to, report);
    page_heading(to, "The machine");
    page_map(to, report);
    TABLE(to, "Rules", json_object_get(report, "rules"), rules, false);
    TABLE(to, "Threads", json_object_get(report, "threads"), threads, false);
    TABLE(to, "Memory from arenas", json_object_get(json_object_get(report, "arenas"), "rules"), arenas, false);
    TABLE(to, "Pages by rule", json_object_get(pages, "rules"), rule_pages, false);
    TABLE(to, "Pages by thread", json_object_get(pages, "threads"), thread_pages, true);
    TABLE(to, "Events", json_object_get(report, "events"), events, true);
    end_page(to);
}

/* --- a plan --- */

void page_plan(FILE *to, const json_t *plan)
{
    static const struct column rules[] = {{"Rule", "name", COLUMN_WORD},     {"Asked", "asked", COLUMN_TEXT},
                                          {"CPUs", "cpus", COLUMN_TEXT},     {"Spread", "distribution", COLUMN_WORD},
                                          {"Over", "level", COLUMN_WORD},    {"Bound to", "bind_to", COLUMN_WORD},
                                          {"Memory", "memory", COLUMN_WORD}, {"Origin", "origin", COLUMN_WORD},
                                          {"Note", "reason", COLUMN_WORD}};
    static const struct column threads[] = {{"Thread", "thread", COLUMN_WORD}, {"Rule", "rule", COLUMN_WORD},
                                            {"CPUs", "cpus", COLUMN_TEXT},     {"Nodes", "nodes", COLUMN_WORD},
                                            {"Memory", "memory", COLUMN_WORD}, {"Note", "reason", COLUMN_WORD}};
    char title[300];
    snprintf(title, sizeof(title), "nodewise: plan of %s", text_of(plan, "policy"));
    begin_page(to, title);
    fputs("<p class=\"quiet\">", to);
    markup_print(to, "on %s", text_of(plan, "topology"));
    fputs("</p>\n", to);
    page_heading(to, "The machine");
    page_map(to, plan);
    TABLE(to, "Rules", json_object_get(plan, "rules"), rules, false);
    TABLE(to, "Threads", json_object_get(plan, "threads"), threads, false);
    end_page(to);
}
