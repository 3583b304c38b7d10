#include "tools/report/report_pages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/common/process.h"
#include "tools/report/report_survey.h"

#define BATCH      1024u
#define NODES_MOST 1024u

enum kind { KIND_ARENAS, KIND_HEAP, KIND_STACK, KIND_ANONYMOUS, KIND_FILE, KIND_SHARED, KIND_COUNT };

static const char *const kind_words[KIND_COUNT] = {"arenas", "heap", "main stack", "anonymous", "file", "shared"};

struct area {
    uint64_t start, end;
    enum kind kind;
    uint32_t node; /* of an arena's region, else UINT32_MAX */
};

struct areas {
    struct area *items;
    size_t count, capacity;
};

struct tally {
    uint64_t mapped, asked, resident;
    uint64_t local; /* of the arenas' */
    uint64_t on[NODES_MOST];
};

/* --- what is mapped --- */

static int add_area(struct areas *areas, struct area area)
{
    if (area.start >= area.end)
        return 0;
    if (areas->count == areas->capacity) {
        size_t capacity = areas->capacity ? 2 * areas->capacity : 256;
        struct area *items = realloc(areas->items, capacity * sizeof(*items));
        if (!items)
            return -ENOMEM;
        areas->items = items;
        areas->capacity = capacity;
    }
    areas->items[areas->count++] = area;
    return 0;
}

static enum kind kind_of(const char *permissions, const char *name)
{
    if (permissions[3] == 's')
        return KIND_SHARED;
    if (strncmp(name, "[heap]", 6) == 0)
        return KIND_HEAP;
    if (strncmp(name, "[stack", 6) == 0)
        return KIND_STACK;
    return *name == '/' ? KIND_FILE : KIND_ANONYMOUS;
}

/* The kernel merges neighbours of one policy: beyond the region's end are tables, which are no program's memory. */
static int add_mapping(struct areas *areas, const struct snapshot *snapshot, struct area mapping)
{
    for (size_t i = 0; i < snapshot->region_count; i++) {
        const struct segment_region *region = &snapshot->regions[i];
        uint64_t end = region->start + region->usable;
        if (mapping.start >= region->start && mapping.start < end)
            return add_area(
                areas, (struct area){mapping.start, mapping.end < end ? mapping.end : end, KIND_ARENAS, region->node});
    }
    return add_area(areas, mapping);
}

static int read_areas(struct areas *areas, const struct snapshot *snapshot)
{
    char path[64], line[4352];
    int error = 0;
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)snapshot->header.pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    while (error == 0 && fgets(line, sizeof(line), file)) {
        char permissions[5] = "";
        int name = 0;
        struct area area = {.node = UINT32_MAX};
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s %n", &area.start, &area.end, permissions, &name) <
                3 ||
            permissions[0] != 'r' || strncmp(line + name, "[v", 2) == 0)
            continue; /* reserved only; the kernel's own ([vdso], [vvar]) */
        area.kind = kind_of(permissions, name ? line + name : "");
        error = add_mapping(areas, snapshot, area);
    }
    fclose(file);
    return error;
}

/* --- where it is --- */

struct asking {
    pid_t pid;
    struct tally *tallies;
    uint32_t count;
    void *pages[BATCH];
    const struct area *areas[BATCH];
};

static int ask(struct asking *asking)
{
    int nodes[BATCH];
    if (asking->count &&
        syscall(SYS_move_pages, asking->pid, (unsigned long)asking->count, asking->pages, NULL, nodes, 0) != 0)
        return -errno;
    for (uint32_t i = 0; i < asking->count; i++) {
        struct tally *tally = &asking->tallies[asking->areas[i]->kind];
        tally->asked++;
        if (nodes[i] < 0 || (unsigned)nodes[i] >= NODES_MOST)
            continue; /* not there */
        tally->resident++;
        tally->on[nodes[i]]++;
        tally->local += (uint32_t)nodes[i] == asking->areas[i]->node;
    }
    asking->count = 0;
    return 0;
}

/* Every step-th page; `phase` goes on from one area to the next, so small ones have their share. */
static int ask_area(struct asking *asking, const struct area *area, uint64_t step, uint64_t *phase)
{
    uint64_t at = area->start + *phase * page_bytes();
    int error = 0;
    for (; at < area->end && error == 0; at += step * page_bytes()) {
        asking->areas[asking->count] = area;
        asking->pages[asking->count++] = (void *)(uintptr_t)at; /* another process's address */
        if (asking->count == BATCH)
            error = ask(asking);
    }
    *phase = (at - area->end) / page_bytes();
    return error;
}

static int ask_all(const struct snapshot *snapshot, const struct areas *areas, struct tally *tallies)
{
    struct asking asking = {.pid = (pid_t)snapshot->header.pid, .tallies = tallies};
    uint64_t pages = 0, phase = 0;
    int error = 0;
    for (size_t i = 0; i < areas->count; i++) {
        pages += (areas->items[i].end - areas->items[i].start) / page_bytes();
        tallies[areas->items[i].kind].mapped += areas->items[i].end - areas->items[i].start;
    }
    for (size_t i = 0; i < areas->count && error == 0; i++)
        error = ask_area(&asking, &areas->items[i], pages / PAGES_SAMPLED + 1, &phase);
    return error < 0 ? error : ask(&asking);
}

/* --- the document --- */

static json_int_t estimate(const struct tally *tally, uint64_t pages)
{
    return tally->asked ? (json_int_t)((double)tally->mapped * (double)pages / (double)tally->asked) : 0;
}

static json_t *kind_json(const struct tally *tally, enum kind kind)
{
    json_t *nodes = json_object();
    for (unsigned i = 0; i < NODES_MOST; i++)
        if (tally->on[i]) {
            char name[16];
            snprintf(name, sizeof(name), "%u", i);
            json_object_set_new(nodes, name, json_integer(estimate(tally, tally->on[i])));
        }
    return json_pack("{s:s, s:I, s:I, s:o}", "kind", kind_words[kind], "mapped", (json_int_t)tally->mapped, "resident",
                     estimate(tally, tally->resident), "nodes", nodes);
}

/* Of the arenas. What was moved after its users lies elsewhere than its address says, and where it is used. */
static json_t *locality(const struct snapshot *snapshot, const struct tally *tally)
{
    uint64_t away = 0, known = tally->resident;
    for (size_t i = 0; i < snapshot->region_count; i++)
        away += (uint64_t)snapshot->regions[i].away_slices << 16;
    if (!known)
        return json_null();
    double local = (double)tally->local + (double)away * (double)tally->asked / (double)tally->mapped;
    return json_real(local < (double)known ? local / (double)known : 1.0);
}

json_t *report_pages(const struct snapshot *snapshot, int *ret_error)
{
    struct areas areas = {0};
    struct tally *tallies = calloc(KIND_COUNT, sizeof(*tallies));
    json_t *pages = NULL;
    uint64_t sampled = 0;
    *ret_error = tallies ? read_areas(&areas, snapshot) : -ENOMEM;
    if (*ret_error == 0)
        *ret_error = ask_all(snapshot, &areas, tallies);
    if (*ret_error == 0) {
        json_t *kinds = json_array();
        for (unsigned i = 0; i < KIND_COUNT; i++) {
            sampled += tallies[i].asked;
            if (tallies[i].asked)
                json_array_append_new(kinds, kind_json(&tallies[i], i));
        }
        pages = json_pack("{s:I, s:o, s:o}", "sampled", (json_int_t)sampled, "home_locality",
                          locality(snapshot, &tallies[KIND_ARENAS]), "kinds", kinds);
    }
    free(areas.items);
    free(tallies);
    return pages;
}

/* --- text --- */

static void print_kind(struct table *table, const json_t *kind)
{
    char mapped[32], resident[32], nodes[512] = "";
    const char *name;
    json_t *bytes;
    json_object_foreach((json_t *)json_object_get(kind, "nodes"), name, bytes) {
        size_t length = strlen(nodes);
        snprintf(nodes + length, sizeof(nodes) - length, "%s%s: %.1f", length ? ", " : "", name,
                 (double)json_integer_value(bytes) / (1 << 20));
    }
    snprintf(mapped, sizeof(mapped), "%.1f", (double)number_of(kind, "mapped") / (1 << 20));
    snprintf(resident, sizeof(resident), "%.1f", (double)number_of(kind, "resident") / (1 << 20));
    const char *const row[] = {text_of(kind, "kind"), mapped, resident, nodes};
    table_row(table, row);
}

void report_pages_text(FILE *to, const json_t *report)
{
    static const char *const headings[] = {"MEMORY", "MAPPED-MIB", "RESIDENT-MIB", "ON-NODES-MIB"};
    const json_t *pages = json_object_get(report, "pages"), *share = json_object_get(pages, "home_locality");
    size_t index;
    json_t *kind;
    if (!pages)
        return;
    struct table *table = table_new(headings, 4);
    json_array_foreach(json_object_get(pages, "kinds"), index, kind)
        print_kind(table, kind);
    fprintf(to, "\nwhere the pages are, from a sample of %lld:\n", number_of(pages, "sampled"));
    table_print(to, table);
    survey_text(to, pages);
    if (json_is_real(share))
        fprintf(to, "home_locality: %.1f %% of the %s resident pages are on the home of the thread that made them\n",
                json_real_value(share) * 100,
                json_is_array(json_object_get(pages, "threads")) ? "threads'" : "arenas'");
}
