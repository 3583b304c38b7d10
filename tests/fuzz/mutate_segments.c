/*
 * Segments and plans with random damage, through every view: mutate_segments COUNT SEED PLAN…
 * COUNT inputs, the same ones for the same SEED. An input that ends the process is the last one that was written to
 * mutate_segments.input in the current folder (KEEP=1 in the environment).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/plan.h"
#include "tests/fuzz/segment_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define DAMAGE_MOST 12u

/* --- chance --- */

static uint64_t state;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static size_t below(size_t limit)
{
    return limit ? (size_t)(next() % limit) : 0;
}

/* --- sound inputs --- */

enum {
    RULES = 5,
    THREADS = 6,
    EVENTS = 12,
    REGIONS = 4,
    ARENAS = 6,
    MAPPINGS = 2,
    POOLS = 3,
    WORKERS = 8,
    EXCHANGES = 2,
    PEERS = 6,
    FLOWS = 5,
    STRINGS = 128
};

static struct segment_section place(size_t *at, size_t record, uint32_t count)
{
    struct segment_section section = {(uint32_t)*at, (uint32_t)record, count, 0};
    *at = (*at + record * count + 7) & ~(size_t)7;
    return section;
}

static void *table(char *segment, enum segment_section_id id)
{
    return segment + ((struct segment_header *)(void *)segment)->sections[id].offset;
}

static void fill_exchanges(char *segment)
{
    struct segment_named *exchanges = table(segment, SEGMENT_EXCHANGE_TABLE);
    struct segment_peer *peers = table(segment, SEGMENT_PEER_TABLE);
    struct segment_flow *flows = table(segment, SEGMENT_FLOW_TABLE);
    for (uint32_t i = 0; i < EXCHANGES; i++)
        exchanges[i] = (struct segment_named){.name = "exchange", .open = i};
    for (uint32_t i = 0; i < PEERS; i++)
        peers[i] = (struct segment_peer){
            .exchange = (uint16_t)(1 + i % EXCHANGES), .state = WORKER_LIVES, .node = i % 2, .slept = i};
    for (uint32_t i = 0; i < FLOWS; i++)
        flows[i] =
            (struct segment_flow){.exchange = (uint16_t)(1 + i % EXCHANGES), .from = i % 2, .to = i % 3, .bytes = i};
}

static void fill_tables(char *segment)
{
    struct segment_thread *threads = table(segment, SEGMENT_THREAD_TABLE);
    struct segment_event *events = table(segment, SEGMENT_EVENT_TABLE);
    struct segment_region *regions = table(segment, SEGMENT_REGION_TABLE);
    struct segment_arena *arenas = table(segment, SEGMENT_ARENA_TABLE);
    struct segment_seen *seen = table(segment, SEGMENT_SEEN_TABLE);
    for (uint32_t i = 0; i < THREADS; i++) {
        threads[i] = (struct segment_thread){.seq = 2,
                                             .tid = 100 + i,
                                             .index = i,
                                             .state = THREAD_LIVE,
                                             .flags = i ? THREAD_FLAG_NAMED : THREAD_FLAG_MAIN,
                                             .rule = (uint16_t)(i % RULES),
                                             .slot = i,
                                             .home_node = (uint16_t)(i % 2),
                                             .start_library = 1};
        snprintf(threads[i].name, sizeof(threads[i].name), "thread-%u", i);
    }
    for (uint32_t i = 0; i < EVENTS; i++)
        events[i] = (struct segment_event){
            .number = i + 1, .kind = (uint16_t)(1 + i % (EVENT_KINDS - 1)), .tid = 100, .time_ns = i, .text = "event"};
    for (uint32_t i = 0; i < REGIONS; i++)
        regions[i] =
            (struct segment_region){.start = (i + 1ul) << 32, .usable = 1 << 20, .in_use = 4096, .node = i % 2};
    *seen = (struct segment_seen){.samples = 90,
                                  .local = 60,
                                  .remote = 40,
                                  .windows = 3,
                                  .weight = 100,
                                  .weight_local = 60,
                                  .xx = 3400,
                                  .xy = 2000,
                                  .yy = 1250,
                                  .served = {60, 40}};
    for (uint32_t i = 0; i < ARENAS; i++)
        arenas[i] =
            (struct segment_arena){.used = 2, .rule = i % RULES, .region = i % REGIONS, .allocations = i, .bytes = i};
    struct segment_named *pools = table(segment, SEGMENT_POOL_TABLE);
    struct segment_worker *workers = table(segment, SEGMENT_WORKER_TABLE);
    for (uint32_t i = 0; i < POOLS; i++)
        pools[i] = (struct segment_named){.name = "pool", .open = i};
    for (uint32_t i = 0; i < WORKERS; i++)
        workers[i] = (struct segment_worker){
            .pool = (uint16_t)(1 + i % POOLS), .state = WORKER_LIVES, .node = i % 2, .counts = {.run = i}};
    fill_exchanges(segment);
    strcpy((char *)table(segment, SEGMENT_STRING_TABLE) + 1, "/usr/lib/libx.so");
}

static size_t make_segment(char *ret_segment, size_t room)
{
    struct segment_header *header = (void *)ret_segment;
    size_t at = (sizeof(*header) + 63) & ~(size_t)63;
    memset(ret_segment, 0, room);
    *header = (struct segment_header){.comm = "program",
                                      .exe = "/usr/bin/program",
                                      .strings_used = STRINGS,
                                      .base_mask = {0xff},
                                      .base_mask_words = 1};
    header->sections[SEGMENT_RULE_TABLE] = place(&at, sizeof(struct segment_rule), RULES);
    header->sections[SEGMENT_THREAD_TABLE] = place(&at, sizeof(struct segment_thread), THREADS);
    header->sections[SEGMENT_EVENT_TABLE] = place(&at, sizeof(struct segment_event), EVENTS);
    header->sections[SEGMENT_STRING_TABLE] = place(&at, 1, STRINGS);
    header->sections[SEGMENT_REGION_TABLE] = place(&at, sizeof(struct segment_region), REGIONS);
    header->sections[SEGMENT_ARENA_TABLE] = place(&at, sizeof(struct segment_arena), ARENAS);
    header->sections[SEGMENT_SEEN_TABLE] = place(&at, sizeof(struct segment_seen), 1);
    header->sections[SEGMENT_MAPPING_TABLE] = place(&at, sizeof(struct segment_mapping), MAPPINGS);
    header->sections[SEGMENT_POOL_TABLE] = place(&at, sizeof(struct segment_named), POOLS);
    header->sections[SEGMENT_WORKER_TABLE] = place(&at, sizeof(struct segment_worker), WORKERS);
    header->sections[SEGMENT_EXCHANGE_TABLE] = place(&at, sizeof(struct segment_named), EXCHANGES);
    header->sections[SEGMENT_PEER_TABLE] = place(&at, sizeof(struct segment_peer), PEERS);
    header->sections[SEGMENT_FLOW_TABLE] = place(&at, sizeof(struct segment_flow), FLOWS);
    fill_tables(ret_segment);
    return at;
}

/* --- damage --- */

static void damage(uint8_t *bytes, size_t size)
{
    static const uint64_t values[] = {0,         1,          2,      7,        8,       0x7f,      0x80,
                                      0xff,      0x100,      0x7fff, 0xffff,   0x10000, INT32_MAX, UINT32_MAX,
                                      INT64_MAX, UINT64_MAX, 0x9bc2, 0xae80e2, 0x1b};
    /* half of it where the numbers are that all else hangs on */
    size_t start = next() % 2 && size > sizeof(struct segment_header) ? 0 : below(size);
    size_t span = start ? size - start : sizeof(struct segment_header);
    size_t at = start + below(span < size ? span : size);
    size_t width = (size_t)1 << below(4);
    if (at >= size)
        return;
    if (width > size - at)
        width = size - at;
    uint64_t value = next() % 3 ? values[below(sizeof(values) / sizeof(*values))] : next();
    if (next() % 2)
        at &= ~(width - 1);
    memcpy(bytes + at, &value, width);
}

static size_t make_input(uint8_t *input, const char *segment, size_t segment_size, const uint8_t *plan,
                         size_t plan_size)
{
    memset(input, 0, INPUT_HEAD);
    input[0] = (uint8_t)(INPUT_HEADER | INPUT_PLAN | INPUT_IS_OURS);
    if (next() % 8 == 0)
        input[0] = (uint8_t)next();
    memcpy(input + INPUT_HEAD, segment, segment_size);
    memcpy(input + INPUT_HEAD + segment_size, plan, plan_size);
    size_t part = next() % 3; /* the segment, the plan, or both */
    for (size_t i = 1 + below(DAMAGE_MOST); i > 0; i--) {
        if (part != 1)
            damage(input + INPUT_HEAD, segment_size);
        if (part != 0)
            damage(input + INPUT_HEAD + segment_size, plan_size);
    }
    uint32_t says = (uint32_t)(next() % 16 ? segment_size : below(segment_size + plan_size));
    memcpy(input + 4, &says, sizeof(says));
    return INPUT_HEAD + segment_size + (next() % 16 ? plan_size : below(plan_size));
}

/* ---- */

struct file {
    uint8_t *data;
    size_t size;
};

static struct file read_whole(const char *path)
{
    FILE *from = fopen(path, "rb");
    struct file file = {malloc(INPUT_MOST), 0};
    if (!from || !file.data) {
        perror(path);
        exit(2);
    }
    file.size = fread(file.data, 1, INPUT_MOST / 2, from) & ~(size_t)7;
    fclose(from);
    struct plan_view view;
    const char *what = "";
    if (plan_check(&view, file.data, file.size, &what) !=
        0) { /* each damaged one would be refused for the same reason */
        fprintf(stderr, "%s is no plan of today: %s\n", path, what);
        exit(2);
    }
    return file;
}

static void keep(const uint8_t *input, size_t size)
{
    FILE *to = fopen("mutate_segments.input", "wb");
    if (to) {
        fwrite(input, 1, size, to);
        fclose(to);
    }
}

int main(int argc, char **argv)
{
    static char segment[1 << 16];
    static uint8_t input[INPUT_MOST + 64];
    struct file plans[16];
    int plan_count = 0;
    FILE *said = stdout;
    if (argc < 4) {
        fputs("mutate_segments COUNT SEED PLAN...\n", stderr);
        return 2;
    }
    unsigned long count = strtoul(argv[1], NULL, 10);
    state = strtoul(argv[2], NULL, 10) * 2 + 1;
    for (; plan_count < argc - 3 && plan_count < 16; plan_count++)
        plans[plan_count] = read_whole(argv[plan_count + 3]);
    size_t size = make_segment(segment, sizeof(segment));
    for (unsigned long i = 0; i < count; i++) {
        const struct file *plan = &plans[below((size_t)plan_count)];
        size_t length = make_input(input, segment, size, plan->data, plan->size);
        if (getenv("KEEP"))
            keep(input, length);
        LLVMFuzzerTestOneInput(input, length);
    }
    fprintf(said, "%lu segments and plans with damage through every view, %lu of them shown\n", count, segments_shown);
    for (int i = 0; i < plan_count; i++)
        free(plans[i].data);
    return 0;
}
