#include "tools/picture/page_html.h"

#include <stdbool.h>
#include <string.h>

#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/picture/markup.h"
#include "tools/picture/page_flows.h"
#include "tools/picture/page_frame.h"
#include "tools/picture/page_map.h"
#include "tools/picture/page_table.h"

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
    page_begin(to, title, page_map_style);
    draw_verdict(to, report);
    draw_process(to, report);
    draw_hints(to, report);
    page_heading(to, "The machine");
    page_map(to, report);
    TABLE(to, "Rules", json_object_get(report, "rules"), rules, false);
    TABLE(to, "Threads", json_object_get(report, "threads"), threads, false);
    TABLE(to, "Memory from arenas", json_object_get(json_object_get(report, "arenas"), "rules"), arenas, false);
    page_matrices(to, json_object_get(report, "exchanges"));
    TABLE(to, "Pages by rule", json_object_get(pages, "rules"), rule_pages, false);
    TABLE(to, "Pages by thread", json_object_get(pages, "threads"), thread_pages, true);
    TABLE(to, "Events", json_object_get(report, "events"), events, true);
    page_end(to);
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
    page_begin(to, title, page_map_style);
    fputs("<p class=\"quiet\">", to);
    markup_print(to, "on %s", text_of(plan, "topology"));
    fputs("</p>\n", to);
    page_heading(to, "The machine");
    page_map(to, plan);
    TABLE(to, "Rules", json_object_get(plan, "rules"), rules, false);
    TABLE(to, "Threads", json_object_get(plan, "threads"), threads, false);
    page_end(to);
}
