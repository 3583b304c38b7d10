/*
 * scene: what a picture of a machine shows: packages, their nodes, caches, cores and cells (a CPU each; a core, a cache
 * or a node each on a machine too large for that), the rules with a letter each, and which threads are where. Made from
 * documents (`report`, `plan`); scene_text.c, scene_svg.c and page_map.c draw it. A document may come from anywhere:
 * missing or odd fields become nothing.
 */
#ifndef NODEWISE_TOOLS_PICTURE_SCENE_H
#define NODEWISE_TOOLS_PICTURE_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "policy/cpuset.h"

#define SCENE_WHOLE   128u /* CPUs; of a larger machine, nodes without threads are shown in a line each */
#define SCENE_CELLS   512u /* of the nodes that are drawn, at most: beyond, a cell is a core, then a cache, then a node */
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

/* What a cell stands for. A level's boxes are drawn around the cells of a finer one. */
enum scene_level { SCENE_NODE, SCENE_CACHE, SCENE_CORE, SCENE_CPU };

struct scene_cell {
    struct cpuset cpus;
    char label[24];
    size_t threads; /* whose CPUs are within this cell, or are wider and include it */
    size_t rules[SCENE_MARKS];
    size_t rule_count; /* may be more than SCENE_MARKS */
};

/* A core (of cells) or a cache (of cores) of a node. */
struct scene_span {
    long long number;
    size_t first, count;
};

struct scene_node {
    long long id, memory_bytes;
    const char *sockets, *cpus_text;
    struct cpuset cpus;
    bool is_used;  /* by a thread */
    bool is_short; /* shown in a line, without cells */
    struct scene_cell *cells;
    struct scene_span *cores, *caches; /* each cell is in one core, each core in one cache */
    size_t cell_count, core_count, cache_count;
    const struct scene_group **groups; /* within the node */
    size_t group_count, threads;
};

/* Nodes with the same sockets. Nodes without CPUs are one, without a socket. */
struct scene_package {
    struct cpuset sockets;
    const struct scene_node **nodes;
    size_t node_count;
    size_t alike;                 /* packages that are drawn as one: 1, or more that are unused and of the same size */
    struct cpuset node_ids, cpus; /* of all alike */
};

struct scene_rule {
    const char *name, *cpus;
    char mark[4]; /* "A" … "Z", "AA" … */
};

struct scene {
    const char *title;
    const json_t *exchanges; /* of the document, for their matrices; may be NULL */
    enum scene_level level;
    struct scene_package *packages;
    size_t package_count;
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

/* "CPU", "core", "cache", "node". */
const char *scene_cell_word(const struct scene *scene);
/* "3 threads (io_thd_1, …)", "io_thd_1": what a group is called. */
void scene_group_label(const struct scene_group *group, char *ret_label, size_t size);
/* "CPU 3", "CPUs 0-3", "CPUs not known". */
void scene_group_cpus(const struct scene_group *group, char *ret_text, size_t size);
/* "1.0 GiB", "no memory". */
void scene_memory(const struct scene_node *node, char *ret_text, size_t size);
/* "socket 0", "sockets 1-7", "memory only". */
void scene_package_label(const struct scene_package *package, char *ret_label, size_t size);
/* What a node says behind its number: "1.0 GiB · 6 threads", "no memory · 0 threads", "64.0 GiB · no CPUs". */
void scene_node_label(const struct scene_node *node, char *ret_label, size_t size);
/* "A" of a rule, "·" of none. */
const char *scene_mark(const struct scene *scene, size_t rule);

void scene_text(FILE *to, const struct scene *scene, unsigned width, bool colour);
/* A picture by itself, or as a part of a page (no XML declaration). */
void scene_svg(FILE *to, const struct scene *scene);

#endif
