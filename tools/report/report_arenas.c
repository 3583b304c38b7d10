#include "tools/report/report_arenas.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/reason.h"
#include "policy/words.h"
#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/common/process.h"
#include "tools/report/report_values.h"

#define SAMPLE_PAGES 2048u
#define SLICE_BYTES  (UINT64_C(64) << 10) /* what the region's numbers are in */

struct sample {
    unsigned resident, on_node;
};

/* --- where pages are --- */

/* Evenly over what the region has made usable. */
static size_t choose_pages(const struct segment_region *region, void **ret_pages)
{
    uint64_t pages = region->usable / page_bytes();
    uint64_t step = pages / SAMPLE_PAGES + 1;
    size_t count = 0;
    for (uint64_t i = 0; i < pages && count < SAMPLE_PAGES; i += step)
        ret_pages[count++] = (void *)(uintptr_t)(region->start + i * page_bytes()); /* another process's address */
    return count;
}

static struct sample take_sample(pid_t pid, const struct segment_region *region)
{
    void **pages = malloc(SAMPLE_PAGES * sizeof(*pages));
    int *nodes = malloc(SAMPLE_PAGES * sizeof(*nodes));
    struct sample sample = {0, 0};
    size_t count = pages && nodes ? choose_pages(region, pages) : 0;
    if (count && syscall(SYS_move_pages, pid, count, pages, NULL, nodes, 0) == 0)
        for (size_t i = 0; i < count; i++) {
            sample.resident += nodes[i] >= 0; /* else a negative errno: the page does not exist */
            sample.on_node += nodes[i] >= 0 && (uint32_t)nodes[i] == region->node;
        }
    free(pages);
    free(nodes);
    return sample;
}

/* --- the document --- */

static json_t *node_json(uint32_t node)
{
    return node == UINT32_MAX ? json_null() : json_integer(node);
}

static json_t *region_json(const struct segment_region *region, uint32_t number, struct sample sample)
{
    static const char *const bindings[] = {"none", "preferred", "bind", "first-touch"};
    json_t *value = json_object();
    json_object_set_new(value, "number", json_integer(number));
    json_object_set_new(value, "node", node_json(region->node));
    json_object_set_new(value, "binding", json_string(region->binding < 4 ? bindings[region->binding] : "unknown"));
    json_object_set_new(value, "reason", json_string(reason_word(region->bind_reason)));
    json_object_set_new(value, "huge_pages", json_string(word_of(&words_huge_pages, region->huge_pages)));
    json_object_set_new(value, "huge_reason", json_string(reason_word(region->huge_reason)));
    json_object_set_new(value, "usable", json_integer((json_int_t)region->usable));
    json_object_set_new(value, "in_use", json_integer((json_int_t)region->in_use));
    json_object_set_new(value, "idle", json_integer((json_int_t)region->dirty));
    json_object_set_new(value, "away", json_integer((json_int_t)(region->away_slices * SLICE_BYTES)));
    json_object_set_new(value, "heaps", json_integer(region->heaps));
    json_object_set_new(value, "sampled", json_integer(sample.resident));
    json_object_set_new(value, "on_node", json_integer(sample.on_node));
    return value;
}

static json_t *arena_json(const struct snapshot *snapshot, const struct segment_arena *arena, uint32_t node)
{
    json_t *value = json_object();
    json_object_set_new(value, "rule",
                        report_rule_name(snapshot, arena->rule < 0xffff ? (uint16_t)arena->rule : 0xffff));
    json_object_set_new(value, "region", json_integer(arena->region));
    json_object_set_new(value, "node", node_json(node));
    json_object_set_new(value, "allocations", json_integer((json_int_t)arena->allocations));
    json_object_set_new(value, "bytes", json_integer((json_int_t)arena->bytes));
    json_object_set_new(value, "remote_frees", json_integer((json_int_t)arena->remote_frees));
    json_object_set_new(value, "overflows", json_integer((json_int_t)arena->overflows));
    return value;
}

/* What was moved to its users is elsewhere on purpose. */
static double purity(struct sample sample, const struct segment_region *region)
{
    double local = sample.on_node, pages = (double)(region->usable / page_bytes());
    double step = pages > SAMPLE_PAGES ? pages / SAMPLE_PAGES : 1;
    if (!sample.resident)
        return 1;
    local += (double)(region->away_slices * SLICE_BYTES / page_bytes()) / step;
    return local < sample.resident ? local / sample.resident : 1;
}

json_t *report_arenas(const struct snapshot *snapshot)
{
    json_t *regions = json_array(), *rules = json_array();
    struct sample *samples = calloc(snapshot->region_count + 1, sizeof(*samples));
    double local = 0, all = 0;
    for (size_t i = 0; samples && i < snapshot->region_count; i++) {
        if (snapshot->alive)
            samples[i] = take_sample((pid_t)snapshot->header.pid, &snapshot->regions[i]);
        json_array_append_new(regions, region_json(&snapshot->regions[i], snapshot->region_numbers[i], samples[i]));
    }
    for (size_t i = 0; samples && i < snapshot->arena_count; i++) {
        const struct segment_arena *arena = &snapshot->arenas[i];
        const struct segment_region *region = snapshot_region(snapshot, arena->region);
        json_array_append_new(rules, arena_json(snapshot, arena, region ? region->node : UINT32_MAX));
        if (!region || region->node == UINT32_MAX)
            continue;
        local += (double)arena->allocations * purity(samples[region - snapshot->regions], region);
        all += (double)arena->allocations + (double)arena->overflows;
    }
    free(samples);
    return json_pack("{s:o, s:o, s:o}", "alloc_locality", all > 0 ? json_real(local / all) : json_null(), "regions",
                     regions, "rules", rules);
}

/* --- text --- */

static void node_text(const json_t *object, char *ret_text, size_t size)
{
    if (json_is_null(json_object_get(object, "node")))
        snprintf(ret_text, size, "any");
    else
        snprintf(ret_text, size, "%lld", number_of(object, "node"));
}

static void print_rules(FILE *to, const json_t *arenas)
{
    static const char *const headings[] = {"RULE", "NODE", "ALLOCATIONS", "BYTES", "REMOTE-FREES", "OVERFLOWS"};
    struct table *table = table_new(headings, 6);
    size_t index;
    json_t *rule;
    json_array_foreach(json_object_get(arenas, "rules"), index, rule) {
        char node[24], allocations[24], bytes[32], remote[24], overflows[24];
        node_text(rule, node, sizeof(node));
        snprintf(allocations, sizeof(allocations), "%lld", number_of(rule, "allocations"));
        size_text((uint64_t)number_of(rule, "bytes"), bytes, sizeof(bytes));
        snprintf(remote, sizeof(remote), "%lld", number_of(rule, "remote_frees"));
        snprintf(overflows, sizeof(overflows), "%lld", number_of(rule, "overflows"));
        const char *const cells[] = {text_of(rule, "rule"), node, allocations, bytes, remote, overflows};
        table_row(table, cells);
    }
    fputc('\n', to);
    table_print(to, table);
}

/* What could not be had, in words; "" while all is well. */
static void region_note(const json_t *region, char *ret_note, size_t size)
{
    const char *bound = text_of(region, "reason"), *huge = text_of(region, "huge_reason");
    bool is_bound = strcmp(bound, "ok") == 0, is_huge = strcmp(huge, "ok") == 0;
    snprintf(ret_note, size, "%s%s%s%s", is_bound ? "" : "not-bound:", is_bound ? "" : bound,
             is_bound || is_huge ? "" : " ", is_huge ? "" : huge);
}

static void print_regions(FILE *to, const json_t *arenas)
{
    static const char *const headings[] = {"NODE", "BINDING", "IN-USE", "IDLE", "HEAPS", "ON-NODE", "NOTE"};
    struct table *table = table_new(headings, 7);
    size_t index;
    json_t *region;
    json_array_foreach(json_object_get(arenas, "regions"), index, region) {
        char node[24], used[32], idle[32], heaps[24], on_node[64] = "", note[96];
        node_text(region, node, sizeof(node));
        size_text((uint64_t)number_of(region, "in_use"), used, sizeof(used));
        size_text((uint64_t)number_of(region, "idle"), idle, sizeof(idle));
        snprintf(heaps, sizeof(heaps), "%lld", number_of(region, "heaps"));
        if (number_of(region, "sampled") && !json_is_null(json_object_get(region, "node")))
            snprintf(on_node, sizeof(on_node), "%lld of %lld pages", number_of(region, "on_node"),
                     number_of(region, "sampled"));
        region_note(region, note, sizeof(note));
        const char *const cells[] = {node, text_of(region, "binding"), used, idle, heaps, on_node, note};
        table_row(table, cells);
    }
    fputc('\n', to);
    table_print(to, table);
}

void report_arenas_text(FILE *to, const json_t *report)
{
    const json_t *arenas = json_object_get(report, "arenas"), *locality = json_object_get(arenas, "alloc_locality");
    if (json_array_size(json_object_get(arenas, "rules")) == 0)
        return;
    print_rules(to, arenas);
    print_regions(to, arenas);
    if (json_is_real(locality))
        fprintf(to, "\nalloc_locality: %.1f %% of allocations came from the allocating CPU's node\n",
                json_real_value(locality) * 100);
}
