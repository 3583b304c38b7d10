#include "shim/memory/apart.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "shim/arena/away.h"
#include "shim/arena/region.h"
#include "shim/base/common.h"
#include "shim/base/page_size.h"
#include "shim/base/state.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"

#define REST  NS_PER_S /* khugepaged comes every ten seconds */
#define NODES 64u      /* that are told apart; pages of further ones count as elsewhere */

static bool asked_for_huge_pages(uintptr_t start)
{
    if (!away_covers(start))
        return false;
    return region_list[(start - region_map.base) >> region_map.shift].flavour.huge_pages == HUGE_THP;
}

/* false: most of its pages are on one node, or the kernel does not tell. */
static bool is_mixed(struct apart *apart, uintptr_t start)
{
    size_t all = huge_page_size() / page_size(), step = all > APART_PAGES ? all / APART_PAGES : 1;
    uint32_t count = 0, on[NODES] = {0}, present = 0, most = 0;
    for (size_t i = 0; i < all && count < APART_PAGES; i += step)
        apart->pages[count++] = (void *)(start + i * page_size());
    if (sys_move_pages(count, apart->pages, NULL, apart->nodes) != 0)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (apart->nodes[i] < 0)
            continue;
        present++;
        if ((uint32_t)apart->nodes[i] < NODES && ++on[apart->nodes[i]] > most)
            most = on[apart->nodes[i]];
    }
    return (present - most) * APART_PART >= present && present > 0;
}

static void look_at(struct apart *apart, struct apart_range *range)
{
    uintptr_t start = range->start;
    range->start = 0;
    apart->count--;
    if (!asked_for_huge_pages(start) && is_mixed(apart, start))
        raw_madvise((void *)start, huge_page_size(), MADV_NOHUGEPAGE);
}

void apart_note(struct apart *apart, uintptr_t address)
{
    uintptr_t start = address & ~(huge_page_size() - 1);
    struct apart_range *range = &apart->ranges[start / huge_page_size() % APART_RANGES];
    if (range->start == start)
        return;
    if (range->start)
        look_at(apart, range);
    *range = (struct apart_range){start, monotonic_ns() + REST};
    apart->count++;
}

uint64_t apart_wait(const struct apart *apart)
{
    uint64_t now, least = UINT64_MAX;
    if (!apart->count)
        return least;
    now = monotonic_ns();
    for (uint32_t i = 0; i < APART_RANGES; i++)
        if (apart->ranges[i].start) {
            uint64_t wait = apart->ranges[i].due > now ? apart->ranges[i].due - now : 0;
            least = wait < least ? wait : least;
        }
    return least;
}

void apart_look(struct apart *apart)
{
    uint64_t now = monotonic_ns();
    uint32_t looks = 0;
    int saved = errno;
    for (uint32_t i = 0; i < APART_RANGES && looks < APART_BATCH; i++)
        if (apart->ranges[i].start && apart->ranges[i].due <= now) {
            look_at(apart, &apart->ranges[i]);
            looks++;
        }
    errno = saved;
}
