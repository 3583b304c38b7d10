#include "shim/telemetry/arenas.h"

#include <stddef.h>

#include "shim/telemetry/room.h"
#include "shim/telemetry/segment.h"

enum { ROW_FREE, ROW_CLAIMED, ROW_USED };

static bool is_row_of(const struct segment_arena *row, uint32_t rule, uint32_t region)
{
    return row->rule == rule && row->region == region;
}

/*
 * NULL: there is no room for its row. A walk is fast enough: the rows are few (rules that allocate, times nodes), and a heap looks for one every 50 ms at
 * most.
 */
static struct segment_arena *find_row(struct segment_header *header, uint32_t rule, uint32_t region)
{
    struct segment_arena *rows = segment_table(header, SEGMENT_ARENA_TABLE);
    uint32_t count = segment_sections[SEGMENT_ARENA_TABLE].capacity;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t used = ROW_FREE;
        if (!room_has(&rows[i], sizeof(rows[i])))
            return NULL;
        if (__atomic_compare_exchange_n(&rows[i].used, &used, ROW_CLAIMED, false, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
            rows[i].rule = rule;
            rows[i].region = region;
            __atomic_store_n(&rows[i].used, ROW_USED, __ATOMIC_RELEASE);
            return &rows[i];
        }
        if (used == ROW_USED && is_row_of(&rows[i], rule, region))
            return &rows[i];
    }
    return &rows[count - 1];
}

static void add(uint64_t *counter, uint64_t amount)
{
    if (amount)
        __atomic_fetch_add(counter, amount, __ATOMIC_RELAXED);
}

void telemetry_arena(uint32_t rule, uint32_t region, const struct segment_arena *more)
{
    struct segment_header *header = segment_mapped();
    if (!header)
        return;
    struct segment_arena *row = find_row(header, rule, region);
    if (!row)
        return;
    add(&row->allocations, more->allocations);
    add(&row->bytes, more->bytes);
    add(&row->remote_frees, more->remote_frees);
    add(&row->overflows, more->overflows);
}

void telemetry_region(uint32_t number, const struct segment_region *region)
{
    struct segment_header *header = segment_mapped();
    if (!header || number >= SEGMENT_REGIONS)
        return;
    struct segment_region *to = (struct segment_region *)segment_table(header, SEGMENT_REGION_TABLE) + number;
    if (!room_has(to, sizeof(*to)))
        return;
    *to = *region; /* a reader may see parts of two states; each field is correct by itself */
}
