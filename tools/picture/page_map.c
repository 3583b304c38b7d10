#include "tools/picture/page_map.h"

#include <stdbool.h>

#include "tools/picture/markup.h"
#include "tools/picture/palette.h"
#include "tools/picture/scene.h"

const char page_map_style[] =
    ".flow{display:flex;flex-wrap:wrap;gap:.35rem;align-items:flex-start}.machine{gap:.8rem;align-items:stretch}"
    ".socket,.node,.l3,.core{border:1px solid var(--line);border-radius:.35rem;break-inside:avoid;min-width:0}"
    ".socket{background:var(--paper);padding:.5rem;flex:1 1 20rem;max-width:100%}"
    ".node{background:var(--card);padding:.5rem;flex:1 1 17rem}.l3{background:var(--paper);padding:.35rem}"
    ".core{background:var(--card);padding:.2rem}.core>.flow{gap:2px}.lacks{border-style:dashed}"
    ".socket h3,.node h4{font-size:1rem;margin:0 0 .35rem}.node h4{font-size:.95rem}"
    "h4 span{font-weight:400;color:var(--quiet);font-size:.88rem;margin-left:.3rem}"
    ".tag{display:block;font-size:.72rem;line-height:1.3;color:var(--quiet);margin-bottom:.15rem}"
    ".core .tag{text-align:center;margin:0}"
    ".unit{min-width:2.1rem;padding:.1rem 0;border:1px solid var(--line);border-radius:.2rem;text-align:center;"
    "font-size:.72rem;line-height:1.3;background:var(--paper);color:var(--quiet)}"
    ".unit.taken{color:var(--cell)}.unit b{display:flex;min-height:1.3em}.unit i{flex:1;font-style:normal}"
    ".threads,.rules{margin:.4rem 0 0;padding:0;list-style:none;font-size:.88rem}"
    ".threads li{padding-left:2.1rem;text-indent:-2.1rem}"
    ".rules{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,19rem),1fr));gap:.1rem 1rem}"
    ".mark{display:inline-block;text-indent:0;min-width:1.6rem;margin-right:.3rem;padding:0 .25rem;border:1px solid var(--line);"
    "border-radius:.2rem;text-align:center;font-weight:700;font-size:.76rem;line-height:1.35;color:var(--cell);"
    "background:var(--paper)}";

static void mark(FILE *to, const struct scene *scene, size_t rule)
{
    fprintf(to, "<span class=\"mark\" style=\"background:var(--%s)\">%s</span> ", palette_name(palette_of(rule)),
            scene_mark(scene, rule));
}

/* --- boxes, from the innermost --- */

/* Stripes of the rules' colours, as wide as each other. */
static void stripes(FILE *to, const struct scene_cell *cell, size_t count)
{
    fputs(" style=\"background:linear-gradient(90deg", to);
    for (size_t i = 0; i < count; i++)
        fprintf(to, ",var(--%s) %zu%% %zu%%", palette_name(i < SCENE_MARKS ? palette_of(cell->rules[i]) : TONE_CARD),
                100 * i / count, 100 * (i + 1) / count);
    fputs(")\"", to);
}

static void draw_cell(FILE *to, const struct scene *scene, const struct scene_cell *cell)
{
    size_t count = cell->rule_count > SCENE_MARKS ? SCENE_MARKS + 1 : cell->rule_count;
    fprintf(to, "<div class=\"unit %s%s\"", scene->level == SCENE_CPU ? "cpu" : scene_cell_word(scene),
            count ? " taken" : "");
    if (count)
        stripes(to, cell, count);
    fputs(" title=\"", to);
    markup_print(to, "%s %s: %zu thread%s", scene_cell_word(scene), cell->label, cell->threads,
                 cell->threads == 1 ? "" : "s");
    fputs("\">", to);
    markup_text(to, cell->label);
    fputs("<b>", to);
    for (size_t i = 0; i < count; i++)
        fprintf(to, "<i>%s</i>", i < SCENE_MARKS ? scene_mark(scene, cell->rules[i]) : "+");
    fputs(count || !cell->threads ? "</b></div>" : "<i>·</i></b></div>", to);
}

static void draw_core(FILE *to, const struct scene *scene, const struct scene_node *node, const struct scene_span *core)
{
    bool boxed = scene->level == SCENE_CPU;
    if (boxed)
        fprintf(to, "<div class=\"core\"><span class=\"tag\">core %lld</span><div class=\"flow\">", core->number);
    for (size_t i = 0; i < core->count; i++)
        draw_cell(to, scene, &node->cells[core->first + i]);
    fputs(boxed ? "</div></div>\n" : "\n", to);
}

static void draw_cache(FILE *to, const struct scene *scene, const struct scene_node *node,
                       const struct scene_span *cache)
{
    bool boxed = scene->level >= SCENE_CORE;
    if (boxed)
        fprintf(to, "<div class=\"l3\"><span class=\"tag\">L3 %lld</span><div class=\"flow\">\n", cache->number);
    for (size_t i = 0; i < cache->count; i++)
        draw_core(to, scene, node, &node->cores[cache->first + i]);
    if (boxed)
        fputs("</div></div>\n", to);
}

static void list_groups(FILE *to, const struct scene *scene, const struct scene_group *const *groups, size_t count)
{
    if (!count)
        return;
    fputs("<ul class=\"threads\">\n", to);
    for (size_t i = 0; i < count; i++) {
        char label[96], cpus[320];
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
    char label[128];
    bool has_cpus = !cpuset_is_empty(&node->cpus);
    scene_node_label(node, label, sizeof(label));
    fprintf(to, "<section class=\"node%s\"><h4>node %lld<span>", has_cpus && node->memory_bytes > 0 ? "" : " lacks",
            node->id);
    markup_text(to, label);
    fputs("</span></h4>\n", to);
    if (node->is_short && has_cpus) {
        fputs("<p class=\"quiet\">", to);
        markup_print(to, "CPUs %s unused", node->cpus_text);
        fputs("</p>\n", to);
    } else if (has_cpus) {
        fputs("<div class=\"flow\">", to);
        for (size_t i = 0; i < node->cache_count; i++)
            draw_cache(to, scene, node, &node->caches[i]);
        fputs("</div>\n", to);
    }
    list_groups(to, scene, node->groups, node->group_count);
    fputs("</section>\n", to);
}

static void draw_alike(FILE *to, const struct scene_package *package)
{
    char nodes[300], cpus[300], memory[32];
    cpuset_format(&package->node_ids, nodes, sizeof(nodes));
    cpuset_format(&package->cpus, cpus, sizeof(cpus));
    scene_memory(package->nodes[0], memory, sizeof(memory));
    fprintf(to, "<p>nodes %s, %s each</p>\n<p class=\"quiet\">CPUs %s unused</p>\n", nodes, memory, cpus);
}

static void draw_package(FILE *to, const struct scene *scene, const struct scene_package *package)
{
    char label[96];
    scene_package_label(package, label, sizeof(label));
    fprintf(to, "<section class=\"socket\"><h3>%s</h3>\n", label);
    if (package->alike > 1) {
        draw_alike(to, package);
    } else {
        fputs("<div class=\"flow\">\n", to);
        for (size_t i = 0; i < package->node_count; i++)
            draw_node(to, scene, package->nodes[i]);
        fputs("</div>\n", to);
    }
    fputs("</section>\n", to);
}

/* --- all of it --- */

static void draw_legend(FILE *to, const struct scene *scene)
{
    fputs("<ul class=\"rules\">\n", to);
    for (size_t i = 0; i < scene->rule_count; i++) {
        fputs("<li>", to);
        mark(to, scene, i);
        markup_text(to, scene->rules[i].name);
        fputs("</li>\n", to);
    }
    fputs("<li><span class=\"mark\">&#160;</span> no threads</li>\n</ul>\n", to);
}

void page_map(FILE *to, const json_t *document)
{
    struct scene scene;
    if (scene_make(&scene, "", document) < 0) {
        fputs("<p class=\"quiet\">The plan was not readable when this was made, so the machine is not known.</p>\n",
              to);
        return;
    }
    fputs("<div class=\"flow machine\">\n", to);
    for (size_t i = 0; i < scene.package_count; i++)
        draw_package(to, &scene, &scene.packages[i]);
    fputs("</div>\n", to);
    if (scene.spread_count) {
        fputs("<p class=\"word\">On several nodes</p>\n", to);
        list_groups(to, &scene, scene.spread, scene.spread_count);
    }
    draw_legend(to, &scene);
    scene_free(&scene);
}
