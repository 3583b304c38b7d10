/*
 * What people try by hand: all threads on one CPU, core, cache or node; what numactl does with its three idioms; each
 * thread on a core of its own. One that comes to the same as another on this machine is left out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tune/candidate.h"

/* a key of [defaults] and its value, and the option of `run` that says the same */
struct setting {
    const char *key, *value;
};

static const struct {
    const char *key, *option;
} shorthands[] = {{"cpus", "-C"}, {"nodes", "-N"}, {"bind_to", "--bind"}, {"distribution", "--spread"}};

struct text {
    char *bytes;
    size_t size;
    FILE *to;
};

static void text_begin(struct text *text)
{
    *text = (struct text){0};
    text->to = open_memstream(&text->bytes, &text->size);
}

/* malloc'd; NULL without memory. */
static char *text_end(struct text *text)
{
    if (!text->to || fclose(text->to) != 0) {
        free(text->bytes);
        return NULL;
    }
    return text->bytes;
}

static char *policy_text(const struct setting *settings)
{
    struct text text;
    text_begin(&text);
    if (text.to)
        fputs("schema = 1\n\n[defaults]\n", text.to);
    for (; text.to && settings->key; settings++)
        fprintf(text.to, "%s = \"%s\"\n", settings->key, settings->value);
    return text_end(&text);
}

static const char *shorthand_of(const char *key)
{
    for (size_t i = 0; i < sizeof(shorthands) / sizeof(*shorthands); i++)
        if (strcmp(shorthands[i].key, key) == 0)
            return shorthands[i].option;
    return NULL;
}

/* Within one node, what `auto` binds to comes to the same as no binding. */
static bool is_implied(const struct setting *all, const struct setting *setting)
{
    return strcmp(setting->key, "bind_to") == 0 && strcmp(setting->value, "none") == 0 &&
           (strcmp(all->key, "cpus") == 0 || strcmp(all->key, "nodes") == 0);
}

static char *options_text(const struct setting *all)
{
    struct text text;
    const char *blank = "";
    text_begin(&text);
    for (const struct setting *settings = all; text.to && settings->key; settings++) {
        const char *option = shorthand_of(settings->key);
        if (is_implied(all, settings))
            continue;
        if (option)
            fprintf(text.to, "%s%s %s", blank, option, settings->value);
        else
            fprintf(text.to, "%s--set defaults.%s=%s", blank, settings->key, settings->value);
        blank = " ";
    }
    return text_end(&text);
}

static struct candidate *add(struct candidates *candidates, const char *group, const char *name,
                             const struct setting *settings)
{
    struct candidate *added = candidate_add(candidates, group, strdup(name), policy_text(settings));
    if (added)
        added->options = options_text(settings);
    return added;
}

static void leave_out(struct candidates *candidates, const char *group, const char *name, const char *why)
{
    struct candidate *added = candidate_add(candidates, group, strdup(name), strdup(""));
    if (added)
        candidate_end(added, CANDIDATE_LEFT_OUT, "%s", why);
}

/* --- one place for all --- */

/* The CPU that all others are looked at from: the first that may be used. NULL: there is none. */
static const struct topo_cpu *first_cpu(const struct topology *topology)
{
    for (size_t i = 0; i < topology->cpu_count; i++)
        if (cpuset_has(&topology->allowed, topology->cpu[i].id))
            return &topology->cpu[i];
    return NULL;
}

/* What may be used of the place around that CPU. */
static struct cpuset place_around(const struct topology *topology, enum level level, unsigned cpu)
{
    struct cpuset set = CPUSET_EMPTY;
    const struct place *place = topology_place_of(topology, level, cpu);
    if (place && cpuset_copy(&set, &place->cpus) == 0)
        cpuset_and(&set, &topology->allowed);
    return set;
}

static void add_one(struct candidates *candidates, const struct topology *topology, enum level level, const char *name)
{
    static const char *const same[] = {
        [LEVEL_CORE] = "a core is one CPU here", [LEVEL_L3] = "a cache is one core, a node or the machine here"};
    const struct topo_cpu *cpu = first_cpu(topology);
    struct cpuset set = place_around(topology, level, cpu->id), core = place_around(topology, LEVEL_CORE, cpu->id);
    struct cpuset node = place_around(topology, LEVEL_NODE, cpu->id);
    char *text = cpuset_to_string(&set);
    bool is_another = level == LEVEL_CPU || (level == LEVEL_CORE && cpuset_weight(&set) > 1) ||
                      (level == LEVEL_L3 && !cpuset_equal(&set, &core) && !cpuset_equal(&set, &node));
    if (cpuset_equal(&set, &topology->allowed))
        leave_out(candidates, "places", name, "it is all that there is here");
    else if (!is_another)
        leave_out(candidates, "places", name, same[level]);
    else
        add(candidates, "places", name, (const struct setting[]){{"cpus", text}, {"bind_to", "none"}, {0}});
    free(text);
    cpuset_free(&set);
    cpuset_free(&core);
    cpuset_free(&node);
}

/* Nodes with CPUs and memory that may be used. */
static unsigned usable_nodes(const struct topology *topology, char *ret_first, size_t size)
{
    unsigned count = 0;
    for (size_t i = 0; i < topology->node_count; i++) {
        const struct topo_node *node = &topology->nodes[i];
        if (!node->memory_allowed || !cpuset_intersects(&node->cpus, &topology->allowed))
            continue;
        if (count++ == 0)
            snprintf(ret_first, size, "%u", node->id);
    }
    return count;
}

static void add_places(struct candidates *candidates, const struct topology *topology, const char *node)
{
    add_one(candidates, topology, LEVEL_CPU, "one-cpu");
    add_one(candidates, topology, LEVEL_CORE, "one-core");
    add_one(candidates, topology, LEVEL_L3, "one-l3");
    if (!node)
        leave_out(candidates, "places", "one-node", "one node is all that there is here");
    else
        add(candidates, "places", "one-node",
            (const struct setting[]){
                {"nodes", node}, {"bind_to", "none"}, {"memory.policy", "bind"}, {"memory.nodes", node}, {0}});
}

/* --- numactl's --- */

/* Without our malloc: what numactl would have done, no more. */
static void add_numactl(struct candidates *candidates, const char *node)
{
    const struct setting bind[] = {{"nodes", node},        {"bind_to", "none"},     {"memory.policy", "bind"},
                                   {"memory.nodes", node}, {"memory.arena", "off"}, {0}};
    const struct setting preferred[] = {
        {"bind_to", "none"}, {"memory.policy", "preferred"}, {"memory.nodes", node}, {"memory.arena", "off"}, {0}};
    static const struct setting interleave[] = {
        {"bind_to", "none"}, {"memory.policy", "interleave"}, {"memory.arena", "off"}, {0}};
    static const char *const names[] = {"bind", "interleave", "preferred"};
    const struct setting *const settings[] = {bind, interleave, preferred};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (node)
            add(candidates, "numactl", names[i], settings[i]);
        else
            leave_out(candidates, "numactl", names[i], "all memory is on one node here");
}

/* --- each thread a place of its own --- */

static bool has_siblings(const struct topology *topology)
{
    return topology->place_count[LEVEL_CORE] < topology->cpu_count;
}

static void add_spreads(struct candidates *candidates, const struct topology *topology)
{
    static const struct setting cores[] = {{"bind_to", "core"}, {"distribution", "compact"}, {0}};
    static const struct setting scatter[] = {{"bind_to", "core"}, {"distribution", "scatter"}, {0}};
    static const struct setting cpus[] = {{"bind_to", "cpu"}, {"distribution", "round_robin"}, {0}};
    bool is_flat = topology->place_count[LEVEL_NODE] <= 1 && topology->place_count[LEVEL_SOCKET] <= 1 &&
                   topology->place_count[LEVEL_L3] <= 1;
    add(candidates, "spreads", "cores", cores);
    if (is_flat)
        leave_out(candidates, "spreads", "scatter", "all cores are equally far apart here: it is `cores`");
    else
        add(candidates, "spreads", "scatter", scatter);
    if (has_siblings(topology))
        add(candidates, "spreads", "cpus", cpus);
    else
        leave_out(candidates, "spreads", "cpus", "a core is one CPU here: it is `cores`");
}

/* ---- */

void candidates_begin(struct candidates *candidates)
{
    struct candidate *plain = candidate_add(candidates, "plain", strdup("plain"), strdup(""));
    if (plain) {
        free(plain->text);
        plain->text = NULL;
    }
}

void candidates_add_places(struct candidates *candidates, const struct topology *topology)
{
    static const struct setting library[] = {{"bind_to", "none"}, {0}};
    char first[16];
    const char *node = usable_nodes(topology, first, sizeof(first)) > 1 ? first : NULL;
    add(candidates, "library", "library", library);
    if (!first_cpu(topology))
        return;
    add_places(candidates, topology, node);
    add_numactl(candidates, node);
    if (cpuset_weight(&topology->allowed) > 1)
        add_spreads(candidates, topology);
}
