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

static size_t pages_of_range(void)
{
    return huge_page_size() / page_size();
}

/* false: most of its pages are on one node, or the kernel does not tell. */
static bool is_mixed(struct apart *apart, uintptr_t start)
{
    size_t all = pages_of_range(), step = all > APART_PAGES ? all / APART_PAGES : 1;
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

/* A good part of the range was moved, and is not where it went. */
static bool is_undone(const struct apart_range *range)
{
    void *pages[APART_PROOFS];
    int nodes[APART_PROOFS];
    uint32_t elsewhere = 0;
    if (range->moved * APART_PART < pages_of_range())
        return false;
    for (uint32_t i = 0; i < range->proof_count; i++)
        pages[i] = (void *)(range->start + range->proofs[i].page * page_size());
    if (sys_move_pages(range->proof_count, pages, NULL, nodes) != 0)
        return false;
    for (uint32_t i = 0; i < range->proof_count; i++)
        elsewhere += nodes[i] >= 0 && nodes[i] != range->proofs[i].node;
    return elsewhere * 4 >= range->proof_count;
}

static void except(struct apart_range *range)
{
    int saved = errno;
    if (!range->excepted)
        raw_madvise((void *)range->start, huge_page_size(), MADV_NOHUGEPAGE);
    range->excepted = true;
    errno = saved;
}

static void note_undone(struct apart *apart, uintptr_t start)
{
    apart->undone[apart->undone_count++ % APART_UNDONE] = start;
}

static void look_at(struct apart *apart, struct apart_range *range)
{
    if (!asked_for_huge_pages(range->start)) {
        bool undone = is_undone(range);
        if (undone)
            note_undone(apart, range->start);
        if (undone || (!range->excepted && is_mixed(apart, range->start)))
            except(range);
    }
    range->start = 0;
    apart->count--;
}

/* The newest; of a page that went on, the last. */
static void keep_proof(struct apart_range *range, uint16_t page, uint16_t node)
{
    uint8_t i = 0;
    while (i < range->proof_count && range->proofs[i].page != page)
        i++;
    if (i == range->proof_count) {
        i = range->next_proof++ % APART_PROOFS;
        if (range->proof_count < APART_PROOFS)
            range->proof_count++;
    }
    range->proofs[i] = (struct apart_proof){page, node};
}

static struct apart_range *range_of(struct apart *apart, uintptr_t start, uint32_t node)
{
    struct apart_range *range = &apart->ranges[start / huge_page_size() % APART_RANGES];
    if (range->start == start)
        return range;
    if (range->start)
        look_at(apart, range);
    *range = (struct apart_range){.start = start, .due = monotonic_ns() + REST, .first = (uint16_t)node};
    apart->count++;
    return range;
}

void apart_note(struct apart *apart, uintptr_t address, uint32_t node)
{
    uintptr_t start = address & ~(huge_page_size() - 1);
    struct apart_range *range = range_of(apart, start, node);
    range->moved++;
    range->others += node != range->first;
    keep_proof(range, (uint16_t)((address - start) / page_size()), (uint16_t)node);
    uint32_t least = range->others < range->moved - range->others ? range->others : range->moved - range->others;
    if (least * APART_PART >= pages_of_range() && !asked_for_huge_pages(start))
        except(range); /* khugepaged may be quicker than a look */
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

bool apart_has_undone(const struct apart *apart)
{
    return apart->undone_count > 0;
}

uintptr_t apart_undone(struct apart *apart)
{
    uintptr_t start = 0;
    if (!apart->undone_count)
        return start;
    uint32_t place = --apart->undone_count % APART_UNDONE;
    start = apart->undone[place];
    apart->undone[place] = 0;
    if (!start)
        apart->undone_count = 0; /* the older ones have made room */
    return start;
}
