#include "shim/arena/region.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>

#include "policy/reason.h"
#include "shim/arena/assert.h"
#include "shim/arena/lean.h"
#include "shim/arena/limits.h"
#include "shim/base/page_size.h"
#include "shim/base/state.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"

#define MAP_HUGE_SIZE_SHIFT 26 /* mmap(2), MAP_HUGE_SHIFT */

#define BASE_ALIGNMENT ((uintptr_t)2 << 20)
#define FIRST_STEP     16u  /* slices: small enough that no huge page is made for a program that needs a few KiB */
#define STEP           512u /* 32 MiB */
#define DESCRIBED_STEP 512u
#define LOOK_FROM      256u /* 16 MiB: a region that is larger looks at the limits when it grows */

struct region region_list[REGIONS_MAX];
static _Atomic uint32_t open_count;
_Alignas(64) struct arena_map region_map = {.shift = 63};

uint32_t regions_open(void)
{
    return atomic_load_explicit(&open_count, memory_order_relaxed);
}

/* --- the reservation --- */

static size_t slices_in(uint32_t regions, uint32_t shift)
{
    return (size_t)regions << (shift - SLICE_SHIFT);
}

static bool reserve(uint32_t regions, uint32_t shift)
{
    size_t total = (size_t)regions << shift;
    size_t descriptors = slices_in(regions, shift) * sizeof(struct page);
    size_t classes = slices_in(regions, shift);
    size_t size = total + descriptors + classes + BASE_ALIGNMENT;
    if (total >> shift != regions)
        return false;
    void *memory = raw_mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    if (memory == MAP_FAILED)
        return false;
    raw_madvise(memory, size, MADV_DONTDUMP); /* undone in steps, for what is used */
    uintptr_t start = ((uintptr_t)memory + descriptors + classes + BASE_ALIGNMENT - 1) & ~(BASE_ALIGNMENT - 1);
    region_map.pages = (struct page *)(start - descriptors);
    region_map.classes = (uint8_t *)(start - descriptors - classes);
    region_map.base = start;
    region_map.shift = shift;
    region_map.count = regions;
    return true;
}

static bool reserve_most(uint32_t regions)
{
    static const uint8_t ladder[] = {40, 38, 36, 34, 32, 30, 29, 28, 27, 26, 25, 24, 23, 22};
    for (size_t i = 0; i < sizeof(ladder); i++)
        if (reserve(regions, ladder[i]))
            return true;
    return false;
}

static void describe_region(uint32_t number, const struct flavour *flavour, uint32_t node)
{
    struct region *region = &region_list[number];
    region->number = number;
    lock_set_rank(&region->lock, LOCK_RANK_REGION + number);
    region->flavour = *flavour;
    region->node = flavour->binding == BINDING_NONE ? UINT32_MAX : node;
    region->large = region;
    region->slices = (uint32_t)(((size_t)1 << region_map.shift) >> SLICE_SHIFT);
}

int regions_reserve(const struct flavour *flavours, uint32_t flavour_count, const uint32_t *nodes, uint32_t node_count)
{
    uint32_t regions = flavour_count * node_count;
    int saved = errno;
    bool found = limits_at_start() ? lean_choose(regions) : reserve_most(regions);
    errno = saved;
    if (!found)
        return -ENOMEM;
    for (uint32_t number = 0; number < regions; number++)
        describe_region(number, &flavours[number / node_count], nodes[number % node_count]);
    return 0;
}

void regions_pair(uint32_t flavour, uint32_t large, uint32_t node_count)
{
    for (uint32_t i = 0; i < node_count; i++)
        region_list[flavour * node_count + i].large = &region_list[large * node_count + i];
}

/* --- binding --- */

static void bind_range(struct region *region, void *start, size_t size)
{
    uint64_t bits[NODE_WORDS] = {0};
    if (region_home(region) >= NODE_WORDS * 64)
        return;
    bits[region->node / 64] = UINT64_C(1) << region->node % 64;
    int error = sys_bind_memory(start, size, region->flavour.binding == BINDING_BIND ? MPOL_BIND : MPOL_PREFERRED, bits,
                                region->node / 64 + 1);
    if (error && region->bind_reason == REASON_OK)
        region->bind_reason = error == -EPERM    ? REASON_EPERM
                              : error == -ENOSYS ? REASON_ENOSYS
                              : error == -EINVAL ? REASON_MEM_NODE
                                                 : REASON_ERRNO;
}

/* Its descriptors; a page of them that another region shares stays where that one has it. */
void region_bind_table(struct region *region, const void *table, size_t size)
{
    uintptr_t start = page_ceiling((uintptr_t)table), end = page_floor((uintptr_t)table + size);
    if (region_map.count > 1 && start < end)
        bind_range(region, (void *)start, end - start);
}

static void *region_start(const struct region *region)
{
    return page_start(region_page(region, 0));
}

/* --- making it usable --- */

size_t region_huge_size(const struct region *region)
{
    if (region->flavour.huge_pages == HUGE_2MIB)
        return (size_t)2 << 20;
    return region->flavour.huge_pages == HUGE_1GIB ? (size_t)1 << 30 : 0;
}

/* Does the pool have so many free pages? A mapping reserves them, so making one tells. */
static bool pool_has(size_t size, int flags)
{
    void *memory = raw_mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1);
    if (memory == MAP_FAILED)
        return false;
    raw_munmap(memory, size);
    return true;
}

/*
 * Pages of the kernel's huge page pool in the place of the reservation; they need their binding again. A failing
 * MAP_FIXED leaves a hole, in which another mapping would have addresses of ours: so the pool is asked first, and if it
 * was emptied in between, the hole is closed again or the region ends before it.
 */
static bool map_huge(struct region *region, char *start, size_t size)
{
    int flags =
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (__builtin_ctzll(region_huge_size(region)) << MAP_HUGE_SIZE_SHIFT);
    if (((uintptr_t)start | size) & (region_huge_size(region) - 1) || !pool_has(size, flags))
        return false;
    if (raw_mmap(start, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1) != MAP_FAILED) {
        bind_range(region, start, size);
        return true;
    }
    if (raw_mmap(start, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1) !=
        start)
        region->slices = counter_read(&region->committed);
    return false;
}

/* The kernel's pool is empty: transparent huge pages come nearest. */
static void fall_back_to_thp(struct region *region)
{
    region->flavour.huge_pages = HUGE_THP;
    region->huge_reason = REASON_NO_HUGE_PAGES;
    if (!region->lean)
        raw_madvise(region_start(region), (size_t)region->slices << SLICE_SHIFT, MADV_HUGEPAGE);
}

static void prefault(const struct region *region, char *start, size_t size)
{
    bool asked = region->flavour.prefault == PREFAULT_POPULATE || region->flavour.prefault == PREFAULT_TOUCH;
    if (asked)
        raw_populate(start, size); /* without memory for all of it, the rest comes when it is used */
}

static bool make_usable(struct region *region, uint32_t from, uint32_t to)
{
    char *start = (char *)region_start(region) + ((size_t)from << SLICE_SHIFT);
    size_t size = (size_t)(to - from) << SLICE_SHIFT;
    if (region_huge_size(region) && map_huge(region, start, size))
        return true;
    if (region_huge_size(region))
        fall_back_to_thp(region);
    if (to > region->slices || raw_mprotect(start, size, PROT_READ | PROT_WRITE) != 0)
        return false;
    raw_madvise(start, size, MADV_DODUMP);
    return true;
}

/* Parts of a table at a border may share a page with another region's: usable twice is no harm. */
static bool make_table_usable(const void *from, const void *to)
{
    uintptr_t start = page_floor((uintptr_t)from), end = page_ceiling((uintptr_t)to);
    return raw_mprotect((void *)start, end - start, PROT_READ | PROT_WRITE) == 0;
}

int region_describe(struct region *region, uint32_t slices)
{
    uint32_t to = (slices + DESCRIBED_STEP - 1) / DESCRIBED_STEP * DESCRIBED_STEP;
    if (slices <= region->described)
        return 0;
    if (to > region->slices)
        to = region->slices;
    if (region->lean)
        return lean_describe(region, to);
    const struct page *first = region_page(region, region->described);
    const struct page *last = region_page(region, to);
    if (!make_table_usable(first, last) || !make_table_usable(class_entry(first), class_entry(last)))
        return -ENOMEM;
    region->described = to;
    return 0;
}

/* Where the next step ends: twice as far up to 32 MiB, then 32 MiB more; whole huge pages where they are asked. */
static uint32_t step_end(const struct region *region, uint32_t slices)
{
    uint32_t before = counter_read(&region->committed), step = before < FIRST_STEP ? FIRST_STEP : before;
    uint32_t unit = (uint32_t)(region_huge_size(region) >> SLICE_SHIFT);
    if (step > STEP)
        step = STEP;
    if (limits_are_set())
        step = FIRST_STEP;
    uint32_t end = before + step;
    if (end < slices)
        end = slices;
    if (unit)
        end = (end + unit - 1) / unit * unit;
    return end < region->slices ? end : region->slices;
}

static int make_described(struct region *region, uint32_t from, uint32_t to)
{
    int error = region_describe(region, to);
    if (error)
        return error;
    if (!region->lean)
        return make_usable(region, from, to) ? 0 : -ENOMEM;
    if (region_huge_size(region))
        fall_back_to_thp(region); /* whole pages of the pool could not be given back */
    return lean_map(region, from, to - from);
}

static int commit(struct region *region, uint32_t slices)
{
    uint32_t before = counter_read(&region->committed), end = step_end(region, slices);
    int error = make_described(region, before, end);
    if (error && end > slices) {
        end = slices; /* near a limit, only what is needed */
        error = make_described(region, before, end);
    }
    if (error)
        return error;
    counter_set(&region->committed, end);
    if (!region->flavour.prefault_size)
        prefault(region, (char *)region_start(region) + ((size_t)before << SLICE_SHIFT),
                 (size_t)(end - before) << SLICE_SHIFT);
    return 0;
}

int region_commit(struct region *region, uint32_t slices)
{
    uint32_t before = counter_read(&region->committed);
    ASSERT(lock_is_mine(&region->lock));
    if (slices > region->slices)
        return -ENOMEM;
    if (slices <= before)
        return 0;
    /* the program may have been limited from outside; the caller gives its lock back, obeys, and tries again */
    if (!region->lean && before >= LOOK_FROM && limits_appeared())
        return -ENOMEM;
    int saved = errno, error = commit(region, slices);
    errno = saved;
    return error;
}

static void prefault_beginning(struct region *region)
{
    uint64_t slices = (region->flavour.prefault_size + SLICE_SIZE - 1) >> SLICE_SHIFT;
    if (!slices)
        return;
    if (slices > region->slices)
        slices = region->slices;
    if (region_commit(region, (uint32_t)slices) == 0)
        prefault(region, region_start(region), (size_t)slices << SLICE_SHIFT);
}

/*
 * Where the system makes transparent huge pages everywhere (enabled = always), the beginning of a region gets none:
 * the heaps of a few threads touch a little of many pages, and each would become 2 MiB. Programs that use more have the
 * system's setting for it.
 */
static void advise_huge_pages(const struct region *region, uint32_t slice, uint32_t count)
{
    void *start = page_start(region_page(region, slice));
    if (region->flavour.huge_pages == HUGE_DEFAULT && slice + count > STEP)
        count = slice < STEP ? STEP - slice : 0;
    if (region->flavour.huge_pages == HUGE_THP)
        raw_madvise(start, (size_t)count << SLICE_SHIFT, MADV_HUGEPAGE);
    else if ((region->flavour.huge_pages == HUGE_NEVER || region->flavour.huge_pages == HUGE_DEFAULT) && count)
        raw_madvise(start, (size_t)count << SLICE_SHIFT, MADV_NOHUGEPAGE);
}

void region_dress(struct region *region, uint32_t slice, uint32_t count)
{
    int saved = errno;
    if (region_map.count > 1)
        bind_range(region, page_start(region_page(region, slice)), (size_t)count << SLICE_SHIFT);
    advise_huge_pages(region, slice, count);
    errno = saved;
}

bool region_has_huge_pages(const struct region *region, uintptr_t start)
{
    if (region->flavour.huge_pages == HUGE_DEFAULT)
        return start - (uintptr_t)region_start(region) >= (uintptr_t)STEP << SLICE_SHIFT;
    return region->flavour.huge_pages == HUGE_THP;
}

/* An object with room is counted by what it uses now: the sum is an estimate. */
static uint32_t slices_of(const struct page *page)
{
    return page->state & STATE_ROOM ? page->used : page->slices;
}

bool page_set_away(struct page *page, bool away)
{
    struct region *region = &region_list[page_region(page)];
    uint32_t slices = slices_of(page), before = counter_read(&region->away);
    ASSERT(lock_is_mine(&region->lock));
    bool was = atomic_exchange_explicit(&page->away, away, memory_order_relaxed);
    if (away && !was)
        counter_set(&region->away, before + slices);
    else if (was && !away)
        counter_set(&region->away, before > slices ? before - slices : 0);
    /* while blocks of it are in use, the state is the owner's */
    if (!away && page_kind(page) == PAGE_CACHED && (page->state & STATE_WAITS)) {
        page->state &= (uint8_t)~STATE_WAITS;
        counter_subtract(&region->waiting, page->slices);
    }
    return was;
}

bool region_open(struct region *region)
{
    int saved = errno;
    ASSERT(lock_is_mine(&region->lock));
    region->opened = true;
    atomic_fetch_add_explicit(&open_count, 1, memory_order_relaxed);
    if (!region->lean) {
        region_dress(region, 0, region->slices);
        region_bind_table(region, region_page(region, 0), region->slices * sizeof(struct page));
        region_bind_table(region, class_entry(region_page(region, 0)), region->slices);
    }
    prefault_beginning(region);
    errno = saved;
    return region_commit(region, 1) == 0;
}
