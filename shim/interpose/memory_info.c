/*
 * memory_info: malloc's calls about itself. With arenas the figures are those of the arenas. The few blocks that came
 * from the C library's allocator, before the arenas or beside them, are not counted.
 *
 * malloc_stats and malloc_info write to the caller's destination: their text is the program's own output.
 */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>

#include "shim/arena/arena.h"
#include "shim/arena/stats.h"
#include "shim/base/common.h"
#include "shim/base/next.h"

PUBLIC int malloc_trim(size_t pad)
{
    int others = NEXT_OR_BIND(malloc_trim) ? NEXT(malloc_trim)(pad) : 0;
    return arena_trim() || others;
}

/*
 * mallinfo(3): arena and hblks count what the allocator holds; uordblks and fordblks count the used and the free part
 * of it.
 */
static struct mallinfo2 own_mallinfo2(void)
{
    struct arena_totals totals;
    stats_totals(&totals);
    return (struct mallinfo2){
        .arena = totals.in_use + totals.dirty,
        .hblks = totals.large_objects,
        .uordblks = totals.live,
        .fordblks = totals.in_use + totals.dirty > totals.live ? totals.in_use + totals.dirty - totals.live : 0,
        .keepcost = totals.dirty,
    };
}

PUBLIC struct mallinfo2 mallinfo2(void)
{
    if (!arena_is_on())
        return NEXT_OR_BIND(mallinfo2) ? NEXT(mallinfo2)() : (struct mallinfo2){0};
    return own_mallinfo2();
}

static int saturate(size_t number)
{
    return number > INT_MAX ? INT_MAX : (int)number;
}

PUBLIC struct mallinfo mallinfo(void)
{
    if (!arena_is_on())
        return NEXT_OR_BIND(mallinfo) ? NEXT(mallinfo)() : (struct mallinfo){0};
    struct mallinfo2 info = own_mallinfo2();
    return (struct mallinfo){
        .arena = saturate(info.arena),
        .hblks = saturate(info.hblks),
        .uordblks = saturate(info.uordblks),
        .fordblks = saturate(info.fordblks),
        .keepcost = saturate(info.keepcost),
    };
}

PUBLIC void malloc_stats(void)
{
    struct arena_totals one;
    if (!arena_is_on()) {
        if (NEXT_OR_BIND(malloc_stats))
            NEXT(malloc_stats)();
        return;
    }
    next_fprintf *print = NEXT_OR_BIND(fprintf);
    FILE **to = (FILE **)next_find_first("stderr");
    for (uint32_t i = 0; i < region_map.count; i++) {
        struct region *region = &region_list[i];
        if (!print || !to || !stats_region(region, &one))
            continue;
        print(*to, "Arena %u (node %d):\n", i, region->node == UINT32_MAX ? -1 : (int)region->node);
        print(*to, "system bytes     = %10zu\n", one.in_use + one.dirty);
        print(*to, "in use bytes     = %10zu\n", one.live);
        print(*to, "idle bytes       = %10zu\n", one.dirty);
        print(*to, "heaps            = %10zu\n", one.heaps);
    }
}

PUBLIC int malloc_info(int options, FILE *stream)
{
    struct arena_totals one;
    if (!arena_is_on())
        return NEXT_OR_BIND(malloc_info) ? NEXT(malloc_info)(options, stream) : -1;
    if (options != 0) {
        errno = EINVAL;
        return -1;
    }
    next_fprintf *print = NEXT_OR_BIND(fprintf);
    next_fputs *put = NEXT_OR_BIND(fputs);
    if (!print || !put)
        return -1;
    put("<malloc version=\"nodewise-1\">\n", stream);
    for (uint32_t i = 0; i < region_map.count; i++) {
        struct region *region = &region_list[i];
        if (!stats_region(region, &one))
            continue;
        print(stream,
              "<heap nr=\"%u\" node=\"%d\">\n<system type=\"current\" size=\"%zu\"/>\n"
              "<live size=\"%zu\"/>\n<idle size=\"%zu\"/>\n<large count=\"%zu\"/>\n<heaps count=\"%zu\"/>\n</heap>\n",
              i, region->node == UINT32_MAX ? -1 : (int)region->node, one.in_use + one.dirty, one.live, one.dirty,
              one.large_objects, one.heaps);
    }
    put("</malloc>\n", stream);
    return 0;
}

/* The limits that it sets are glibc's own (mallopt(3)). They still apply to the blocks that glibc serves. */
PUBLIC int mallopt(int parameter, int value)
{
    return NEXT_OR_BIND(mallopt) ? NEXT(mallopt)(parameter, value) : 1;
}
