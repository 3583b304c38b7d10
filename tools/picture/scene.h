/*
 * scene: what a picture of a machine shows: nodes with their cells (a CPU each; a core or a cache each on a machine too
 * large for that), the rules with a letter each, and which threads are where. Made from documents (`report`, `plan`);
 * scene_text.c and scene_svg.c draw it. Documents may be anybody's: missing or odd fields become nothing.
 */
#ifndef NODEWISE_TOOLS_PICTURE_SCENE_H
#define NODEWISE_TOOLS_PICTURE_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "policy/cpuset.h"

#define SCENE_CELLS   512u /* of the machine, at most: beyond, a cell is a core, then a cache */
#define SCENE_MARKS   3u   /* rules that a cell names */
#define SCENE_NO_RULE SIZE_MAX

/* Threads of one rule with one set of CPUs. */
struct scene_group {
    char *name;  /* of the only thread, else of the first */
    size_t rule; /* index in rules, or SCENE_NO_RULE */
    char *cpus;  /* as text */
    struct cpuset set;
    size_t count;
    size_t differing; /* have other CPUs than were asked */
};

struct scene_cell {
    struct cpuset cpus;
    char label[24];
    size_t threads; /* whose CPUs are within this cell, or are wider and include it */
    size_t rules[SCENE_MARKS];
    size_t rule_count; /* may be more than SCENE_MARKS */
};

struct scene_node {
    long long id, memory_bytes;
    const char *sockets, *cpus_text;
    struct cpuset cpus;
    struct scene_cell *cells;
    size_t cell_count;
    const struct scene_group **groups; /* within the node */
    size_t group_count, threads;
};

struct scene_rule {
    const char *name, *cpus;
    char mark[4]; /* "A" … "Z", "AA" … */
};

struct scene {
    const char *title, *cell_word; /* "CPU", "core", "cache" */
    struct scene_node *nodes;
    size_t node_count;
    struct scene_rule *rules;
    size_t rule_count;
    struct scene_group *groups;
    size_t group_count;
    const struct scene_group **spread; /* on several nodes, or on none that is known */
    size_t spread_count;
};

/*
 * Of a document: "machine" as machine_json() makes it; "rules" with "name" and "cpus"; "threads" with "rule", a name
 * ("name" or "thread") and CPUs ("now", else "asked", else "cpus"). Threads that have ended are left out, unless the
 * whole process has ("process"): then all are drawn. title and document are borrowed until scene_free(). 0, -ENODATA
 * (no machine in the document), -ENOMEM.
 */
int scene_make(struct scene *ret_scene, const char *title, const json_t *document);
void scene_free(struct scene *scene);

/* "3 threads", "io_thd_1": what a group is called. */
void scene_group_label(const struct scene_group *group, char *ret_label, size_t size);
/* "CPU 3", "CPUs 0-3", "CPUs not known". */
void scene_group_cpus(const struct scene_group *group, char *ret_text, size_t size);
/* "A" of a rule, "·" of none. */
const char *scene_mark(const struct scene *scene, size_t rule);

void scene_text(FILE *to, const struct scene *scene, unsigned width, bool colour);
/* A picture by itself, or as a part of a page (no XML declaration). */
void scene_svg(FILE *to, const struct scene *scene);

#endif
