#include "tools/picture/page_html.h"

#include <stdbool.h>
#include <string.h>

#include "tools/common/json_fields.h"
#include "tools/picture/markup.h"
#include "tools/picture/scene.h"

#define ROWS_OPEN 60u /* a longer table is folded */

static const char style[] =
    "*{box-sizing:border-box}body{margin:0 auto;padding:1rem;max-width:72rem;font:16px/1.5 system-ui,sans-serif;"
    "color:var(--ink);background:var(--paper)}h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.15rem;margin:1.6rem 0 "
    ".5rem}"
    "p{margin:.3rem 0}.quiet{color:var(--quiet)}.word{font-weight:700}.good{color:var(--good)}.bad{color:var(--bad)}"
    ".nodes{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,22rem),1fr));gap:1rem}"
    ".node{border:1px solid var(--line);border-radius:.5rem;background:var(--card);padding:.7rem "
    ".8rem;break-inside:avoid}"
    ".node h3{font-size:1rem;margin:0}.cells{display:flex;flex-wrap:wrap;gap:.25rem;margin:.5rem "
    "0;padding:0;list-style:none}"
    ".cells li{min-width:2.3rem;padding:.1rem .3rem;border:1px solid "
    "var(--line);border-radius:.25rem;text-align:center;"
    "font-size:.72rem;line-height:1.25}.cells b{display:block;min-height:1em}.who{margin:.2rem 0 "
    "0;padding:0;list-style:none;"
    "font-size:.88rem;overflow-wrap:anywhere}.mark{display:inline-block;min-width:1.5rem;padding:0 .25rem;border:1px "
    "solid "
    "var(--line);border-radius:.25rem;text-align:center;font-weight:700;font-size:.8rem}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem;min-width:100%}"
    "th,td{text-align:left;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}"
    "td.n{font-variant-numeric:tabular-nums}dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem "
    "1rem;margin:.5rem 0}"
    "dt{font-weight:600}dd{margin:0}summary{cursor:pointer;font-weight:600}code{font-size:.92em}"
    "@media print{body{max-width:none;padding:0}.wide{overflow:visible}table{font-size:.7rem}}";

/* --- frame --- */

static void begin_page(FILE *to, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
          to);
    markup_text(to, title);
    fprintf(to, "</title>\n<style>%s%s</style>\n</head>\n<body>\n<h1>", palette_css, style);
    markup_text(to, title);
    fputs("</h1>\n", to);
}

static void end_page(FILE *to)
{
    fputs("</body>\n</html>\n", to);
}

static void heading(FILE *to, const char *text)
{
    fputs("<h2>", to);
    markup_text(to, text);
    fputs("</h2>\n", to);
}

/* --- the machine --- */

static void mark(FILE *to, const struct scene *scene, size_t rule)
{
    fprintf(to, "<span class=\"mark\" style=\"background:var(--r%u)\">%s</span> ", palette_of(rule),
            scene_mark(scene, rule));
}

static void draw_cell(FILE *to, const struct scene *scene, const struct scene_cell *cell)
{
    size_t rule = cell->rule_count ? cell->rules[0] : SCENE_NO_RULE;
    fprintf(to, "<li style=\"background:var(--r%u)\" title=\"", palette_of(rule));
    markup_print(to, "%s %s: %zu thread%s", scene->cell_word, cell->label, cell->threads,
                 cell->threads == 1 ? "" : "s");
    fputs("\">", to);
    markup_text(to, cell->label);
    fputs("<b>", to);
    for (size_t i = 0; i < cell->rule_count && i < SCENE_MARKS; i++)
        fputs(scene_mark(scene, cell->rules[i]), to);
    fputs(cell->rule_count > SCENE_MARKS ? "+</b></li>" : "</b></li>", to);
}

static void list_groups(FILE *to, const struct scene *scene, const struct scene_group *const *groups, size_t count)
{
    fputs("<ul class=\"who\">\n", to);
    for (size_t i = 0; i < count; i++) {
        char label[80], cpus[300];
        scene_group_label(groups[i], label, sizeof(label));
        scene_group_cpus(groups[i], cpus, sizeof(cpus));
        fputs("<li>", to);
        mark(to, scene, groups[i]->rule);
        markup_print(to, "%s on %s", label, cpus);
        if (groups[i]->differing)
            fprintf(to, " <span class=\"bad\">%zu not as asked</span>", groups[i]->differing);
        fputs("</li>\n", to);
    }
    fputs("</ul>\n", to);
}

static void draw_node(FILE *to, const struct scene *scene, const struct scene_node *node)
{
    fprintf(to, "<section class=\"node\"><h3>node %lld</h3><p class=\"quiet\">", node->id);
    markup_print(to, "socket %s · %.1f GiB · %zu thread%s%s", *node->sockets ? node->sockets : "-",
                 (double)node->memory_bytes / (1 << 30), node->threads, node->threads == 1 ? "" : "s",
                 node->cell_count ? "" : " · no CPUs");
    fputs("</p>\n<ul class=\"cells\">", to);
    for (size_t i = 0; i < node->cell_count; i++)
        draw_cell(to, scene, &node->cells[i]);
    fputs("</ul>\n", to);
    list_groups(to, scene, node->groups, node->group_count);
    fputs("</section>\n", to);
}

static void draw_legend(FILE *to, const struct scene *scene)
{
    fputs("<p>", to);
    for (size_t i = 0; i < scene->rule_count; i++) {
        mark(to, scene, i);
        markup_print(to, "%s ", scene->rules[i].name);
    }
    fputs("<span class=\"mark\">·</span> no rule</p>\n", to);
}

static void draw_machine(FILE *to, const json_t *document)
{
    struct scene scene;
    heading(to, "The machine");
    if (scene_make(&scene, "", document) < 0) {
        fputs("<p class=\"quiet\">The plan was not readable when this was made, so the machine is not known.</p>\n",
              to);
        return;
    }
    fputs("<div class=\"nodes\">\n", to);
    for (size_t i = 0; i < scene.node_count; i++)
        draw_node(to, &scene, &scene.nodes[i]);
    fputs("</div>\n", to);
    if (scene.spread_count) {
        fputs("<p class=\"word\">On several nodes</p>\n", to);
        list_groups(to, &scene, scene.spread, scene.spread_count);
    }
    draw_legend(to, &scene);
    scene_free(&scene);
}

/* --- tables --- */

struct column {
    const char *heading, *key;
};

static void cell_of(FILE *to, const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    if (json_is_integer(value)) {
        fprintf(to, "<td class=\"n\">%lld</td>", (long long)json_integer_value(value));
    } else if (json_is_real(value) && strcmp(key, "page_locality") == 0) {
        fprintf(to, "<td class=\"n\">%.1f %%</td>", json_real_value(value) * 100);
    } else if (json_is_real(value)) {
        fprintf(to, "<td class=\"n\">%.1f</td>", json_real_value(value));
    } else {
        const char *text = text_of(row, key);
        fputs("<td>", to);
        markup_text(to, strcmp(text, "ok") == 0 || strcmp(text, "not-asked") == 0 ? "" : text);
        fputs("</td>", to);
    }
}

static void table_of(FILE *to, const json_t *rows, const struct column *columns, size_t count)
{
    size_t index;
    json_t *row;
    fputs("<div class=\"wide\"><table>\n<thead><tr>", to);
    for (size_t i = 0; i < count; i++)
        fprintf(to, "<th>%s</th>", columns[i].heading);
    fputs("</tr></thead>\n<tbody>\n", to);
    json_array_foreach(rows, index, row) {
        fputs("<tr>", to);
        for (size_t i = 0; i < count; i++)
            cell_of(to, row, columns[i].key);
        fputs("</tr>\n", to);
    }
    fputs("</tbody></table></div>\n", to);
}

static void section_of(FILE *to, const char *title, const json_t *rows, const struct column *columns, size_t count,
                       bool folded)
{
    if (json_array_size(rows) == 0)
        return;
    if (!folded && json_array_size(rows) <= ROWS_OPEN) {
        heading(to, title);
        table_of(to, rows, columns, count);
        return;
    }
    fputs("<details><summary>", to);
    markup_print(to, "%s (%zu)", title, json_array_size(rows));
    fputs("</summary>\n", to);
    table_of(to, rows, columns, count);
    fputs("</details>\n", to);
}
#define SECTION(to, title, rows, columns, folded)                                                                      \
    section_of(to, title, rows, columns, sizeof(columns) / sizeof(*(columns)), folded)

/* --- a report --- */

static void locality_line(FILE *to, const json_t *report, const char *name, const char *what)
{
    double value = locality_of(report, name);
    fprintf(to, "<dt>%s</dt><dd>", name);
    if (value >= 0)
        fprintf(to, "<b>%.1f %%</b> ", value * 100);
    else
        fputs("not known: ", to);
    markup_text(to, what);
    fputs("</dd>\n", to);
}

static void draw_verdict(FILE *to, const json_t *report)
{
    bool good = strcmp(verdict_word(report), "as_asked") == 0;
    fprintf(to, "<p><span class=\"word %s\">", good ? "good" : "bad");
    markup_text(to, verdict_word(report));
    fputs("</span>: ", to);
    markup_text(to, verdict_text(report));
    fputs(".</p>\n<dl>\n", to);
    locality_line(to, report, "alloc_locality", "allocations that came from the node of the CPU that ran the thread");
    locality_line(to, report, "page_locality", "resident pages on their users' node, from a sample (--pages)");
    locality_line(to, report, "access_locality",
                  text_of(json_object_get(report, "localities"), "access_locality_reason"));
    fputs("</dl>\n", to);
}

static void draw_hints(FILE *to, const json_t *report)
{
    size_t index;
    json_t *hint;
    if (json_array_size(json_object_get(report, "hints")) == 0)
        return;
    heading(to, "What to change");
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
    static const struct column rules[] = {{"Rule", "name"},     {"Asked", "asked"},    {"CPUs", "cpus"},
                                          {"Placed", "placed"}, {"Live", "live"},      {"Memory", "memory"},
                                          {"Origin", "origin"}, {"Note", "set_reason"}};
    static const struct column threads[] = {{"Thread", "tid"},
                                            {"Name", "name"},
                                            {"Rule", "rule"},
                                            {"State", "state"},
                                            {"Asked", "asked"},
                                            {"Now", "now"},
                                            {"Memory policy", "memory_policy"},
                                            {"Step", "step"},
                                            {"CPUs", "reason"},
                                            {"Memory", "memory_reason"},
                                            {"Stack", "stack_reason"}};
    static const struct column arenas[] = {{"Rule", "rule"},
                                           {"Node", "node"},
                                           {"Allocations", "allocations"},
                                           {"Bytes", "bytes"},
                                           {"Remote frees", "remote_frees"},
                                           {"Overflows", "overflows"}};
    static const struct column events[] = {{"ms", "ms"},         {"Thread", "tid"},  {"Event", "kind"},
                                           {"Rule", "rule"},     {"Value", "value"}, {"Outcome", "outcome"},
                                           {"Reason", "reason"}, {"Text", "text"}};
    static const struct column rule_pages[] = {{"Rule", "rule"},
                                               {"Bytes", "bytes"},
                                               {"Resident", "resident"},
                                               {"Of ended threads", "left"},
                                               {"On their nodes", "page_locality"}};
    static const struct column thread_pages[] = {{"Thread", "tid"},
                                                 {"Name", "name"},
                                                 {"Rule", "rule"},
                                                 {"Home node", "home_node"},
                                                 {"Bytes", "bytes"},
                                                 {"Resident", "resident"},
                                                 {"On its nodes", "page_locality"}};
    const json_t *pages = json_object_get(report, "pages");
    char title[96];
    snprintf(title, sizeof(title), "nodewise: %s", text_of(json_object_get(report, "process"), "comm"));
    begin_page(to, title);
    draw_verdict(to, report);
    draw_process(to, report);
    draw_hints(to, report);
    draw_machine(to, report);
    SECTION(to, "Rules", json_object_get(report, "rules"), rules, false);
    SECTION(to, "Threads", json_object_get(report, "threads"), threads, false);
    SECTION(to, "Memory from arenas", json_object_get(json_object_get(report, "arenas"), "rules"), arenas, false);
    SECTION(to, "Pages by rule", json_object_get(pages, "rules"), rule_pages, false);
    SECTION(to, "Pages by thread", json_object_get(pages, "threads"), thread_pages, true);
    SECTION(to, "Events", json_object_get(report, "events"), events, true);
    end_page(to);
}

/* --- a plan --- */

void page_plan(FILE *to, const json_t *plan)
{
    static const struct column rules[] = {{"Rule", "name"},           {"Asked", "asked"},   {"CPUs", "cpus"},
                                          {"Spread", "distribution"}, {"Over", "level"},    {"Bound to", "bind_to"},
                                          {"Memory", "memory"},       {"Origin", "origin"}, {"Note", "reason"}};
    static const struct column threads[] = {{"Thread", "thread"}, {"Rule", "rule"},     {"CPUs", "cpus"},
                                            {"Nodes", "nodes"},   {"Memory", "memory"}, {"Note", "reason"}};
    char title[300];
    snprintf(title, sizeof(title), "nodewise: plan of %s", text_of(plan, "policy"));
    begin_page(to, title);
    fputs("<p class=\"quiet\">", to);
    markup_print(to, "on %s", text_of(plan, "topology"));
    fputs("</p>\n", to);
    draw_machine(to, plan);
    SECTION(to, "Rules", json_object_get(plan, "rules"), rules, false);
    SECTION(to, "Threads", json_object_get(plan, "threads"), threads, false);
    end_page(to);
}
