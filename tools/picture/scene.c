#include "tools/picture/scene_machine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/json_fields.h"

/* --- rules --- */

/* Bijective base 26. */
static void make_mark(size_t index, char ret_mark[4])
{
    char text[4];
    size_t at = 3;
    text[3] = '\0';
    for (size_t n = index + 1; n > 0 && at > 0; n = (n - 1) / 26)
        text[--at] = (char)('A' + (n - 1) % 26);
    snprintf(ret_mark, 4, "%s", text + at);
}

static int make_rules(struct scene *scene, const json_t *rules)
{
    size_t count = json_array_size(rules);
    scene->rules = calloc(count + 1, sizeof(*scene->rules));
    if (!scene->rules)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const json_t *rule = json_array_get(rules, i);
        if (strcmp(text_of(rule, "name"), "(base)") == 0)
            continue;
        struct scene_rule *to = &scene->rules[scene->rule_count];
        to->name = text_of(rule, "name");
        to->cpus = text_of(rule, "cpus");
        make_mark(scene->rule_count++, to->mark);
    }
    return 0;
}

static size_t find_rule(const struct scene *scene, const char *name)
{
    for (size_t i = 0; i < scene->rule_count; i++)
        if (strcmp(scene->rules[i].name, name) == 0)
            return i;
    return SCENE_NO_RULE;
}

/* --- threads, those alike counted together --- */

static struct scene_group *group_of(struct scene *scene, size_t rule, const char *cpus, bool main)
{
    for (size_t i = 0; i < scene->group_count && !main; i++)
        if (scene->groups[i].rule == rule && strcmp(scene->groups[i].cpus, cpus) == 0 &&
            strcmp(scene->groups[i].name, "main") != 0)
            return &scene->groups[i];
    return NULL;
}

static int new_group(struct scene *scene, size_t rule, const char *name, const char *cpus)
{
    struct scene_group *group = &scene->groups[scene->group_count];
    *group = (struct scene_group){.rule = rule, .count = 1, .name = strdup(name), .cpus = strdup(cpus)};
    if (!group->name || !group->cpus) {
        free(group->name);
        free(group->cpus);
        return -ENOMEM;
    }
    if (cpuset_parse_list(&group->set, cpus, NULL) < 0)
        group->set = CPUSET_EMPTY;
    scene->group_count++;
    return 0;
}

static int add_thread(struct scene *scene, const json_t *thread)
{
    const char *now = text_of(thread, "now"), *asked = text_of(thread, "asked");
    const char *cpus = *now ? now : *asked ? asked : text_of(thread, "cpus");
    const char *name = *text_of(thread, "name") ? text_of(thread, "name") : text_of(thread, "thread");
    size_t rule = find_rule(scene, text_of(thread, "rule"));
    bool main = truth_of(thread, "main"), differs = *now && *asked && strcmp(now, asked) != 0;
    struct scene_group *group = group_of(scene, rule, cpus, main);
    if (group) {
        group->count++;
        group->differing += differs;
        return 0;
    }
    int error = new_group(scene, rule, main ? "main" : name, cpus);
    if (error == 0)
        scene->groups[scene->group_count - 1].differing = differs;
    return error;
}

/* A thread, or the process. */
static bool has_ended(const json_t *object)
{
    return strcmp(text_of(object, "state"), "ended") == 0;
}

/* all: a report at exit would show an empty machine otherwise. */
static int make_groups(struct scene *scene, const json_t *threads, bool all)
{
    size_t index;
    json_t *thread;
    int error = 0;
    scene->groups = calloc(json_array_size(threads) + 1, sizeof(*scene->groups));
    if (!scene->groups)
        return -ENOMEM;
    json_array_foreach(threads, index, thread) {
        if (error == 0 && (all || !has_ended(thread)))
            error = add_thread(scene, thread);
    }
    return error;
}

/* --- threads on nodes and cells --- */

static void note_rule(struct scene_cell *cell, size_t rule)
{
    for (size_t i = 0; i < cell->rule_count && i < SCENE_MARKS; i++)
        if (cell->rules[i] == rule)
            return;
    if (cell->rule_count < SCENE_MARKS)
        cell->rules[cell->rule_count] = rule;
    cell->rule_count++;
}

static void fill_cells(struct scene_node *node, const struct scene_group *group)
{
    for (size_t i = 0; i < node->cell_count; i++) {
        struct scene_cell *cell = &node->cells[i];
        if (!cpuset_intersects(&cell->cpus, &group->set))
            continue;
        cell->threads += group->count;
        if (group->rule != SCENE_NO_RULE)
            note_rule(cell, group->rule);
    }
}

static int settle_groups(struct scene *scene)
{
    scene->spread = calloc(scene->group_count + 1, sizeof(*scene->spread));
    if (!scene->spread)
        return -ENOMEM;
    for (size_t n = 0; n < scene->node_count; n++) {
        struct scene_node *node = &scene->nodes[n];
        node->groups = calloc(scene->group_count + 1, sizeof(*node->groups));
        if (!node->groups)
            return -ENOMEM;
        for (size_t i = 0; i < scene->group_count; i++) {
            const struct scene_group *group = &scene->groups[i];
            fill_cells(node, group);
            if (cpuset_is_empty(&group->set) || !cpuset_is_subset(&group->set, &node->cpus))
                continue;
            node->groups[node->group_count++] = group;
            node->threads += group->count;
        }
    }
    for (size_t i = 0; i < scene->group_count; i++) {
        bool placed = false;
        for (size_t n = 0; n < scene->node_count && !placed; n++)
            placed = !cpuset_is_empty(&scene->groups[i].set) &&
                     cpuset_is_subset(&scene->groups[i].set, &scene->nodes[n].cpus);
        if (!placed)
            scene->spread[scene->spread_count++] = &scene->groups[i];
    }
    return 0;
}

int scene_make(struct scene *ret_scene, const char *title, const json_t *document)
{
    const json_t *machine = json_object_get(document, "machine");
    bool over = has_ended(json_object_get(document, "process"));
    *ret_scene = (struct scene){.title = title, .exchanges = json_object_get(document, "exchanges")};
    if (json_array_size(json_object_get(machine, "nodes")) == 0)
        return -ENODATA;
    int error = make_rules(ret_scene, json_object_get(document, "rules"));
    if (error == 0)
        error = make_groups(ret_scene, json_object_get(document, "threads"), over);
    if (error == 0)
        error = scene_machine_make(ret_scene, machine);
    if (error == 0)
        error = settle_groups(ret_scene);
    if (error < 0)
        scene_free(ret_scene);
    return error;
}

void scene_free(struct scene *scene)
{
    scene_machine_free(scene);
    for (size_t i = 0; i < scene->group_count; i++) {
        free(scene->groups[i].name);
        free(scene->groups[i].cpus);
        cpuset_free(&scene->groups[i].set);
    }
    free(scene->groups);
    free(scene->rules);
    free(scene->spread);
    *scene = (struct scene){0};
}
