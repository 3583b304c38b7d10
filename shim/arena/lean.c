#include "shim/arena/lean.h"

#include <errno.h>
#include <sys/mman.h>

#include "shim/arena/assert.h"
#include "shim/arena/heap.h"
#include "shim/base/page_size.h"
#include "shim/sys/raw.h"

#define ALIGNMENT     ((uintptr_t)2 << 20)
#define LARGEST_SHIFT 38u /* 256 GiB a region: a limit may be raised later */

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000 /* Linux 4.17; before, the address is a hint */
#endif

/* --- where --- */

/* An address that the kernel would use next; what the program maps later comes below it, or above in the old layout. */
static uintptr_t next_address(void)
{
    void *probe = raw_mmap(NULL, page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    if (probe == MAP_FAILED)
        return 0;
    raw_munmap(probe, page_size());
    return (uintptr_t)probe;
}

/* The tables of a region fill whole pages; that of classes, the shorter one, has a byte a slice. */
static uint32_t least_shift(void)
{
    return SLICE_SHIFT + (uint32_t)__builtin_ctzll(page_size());
}

bool lean_choose(uint32_t regions)
{
    int saved = errno;
    uintptr_t top = next_address();
    errno = saved;
    for (uint32_t shift = LARGEST_SHIFT; shift >= least_shift(); shift--) {
        uintptr_t total = (uintptr_t)regions << shift, slices = total >> SLICE_SHIFT;
        uintptr_t tables = slices * sizeof(struct page) + slices;
        if (total + tables > top / 16)
            continue;
        uintptr_t start = (top - top / 64 - total) & ~(ALIGNMENT - 1);
        region_map.base = start;
        region_map.pages = (struct page *)(start - slices * sizeof(struct page));
        region_map.classes = (uint8_t *)(start - tables);
        region_map.shift = shift;
        region_map.count = regions;
        atomic_store_explicit(&region_map.lean, true, memory_order_relaxed);
        for (uint32_t number = 0; number < regions; number++)
            region_list[number].lean = true;
        return true;
    }
    return false;
}

/* --- mapping --- */

static int map_exactly(void *start, size_t size)
{
    int saved = errno, error = 0;
    void *memory = raw_mmap(start, size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1);
    if (memory == MAP_FAILED) {
        error = errno == EEXIST ? -EEXIST : -ENOMEM;
    } else if (memory != start) {
        raw_munmap(memory, size);
        error = -EEXIST;
    }
    errno = saved;
    return error;
}

static bool unmap(uintptr_t start, uintptr_t end)
{
    int saved = errno;
    bool done = start >= end || raw_munmap((void *)start, end - start) == 0;
    errno = saved;
    return done;
}

static uintptr_t address_of(const struct region *region, uint32_t slice)
{
    return (uintptr_t)page_start(region_page(region, slice));
}

int lean_map(struct region *region, uint32_t slice, uint32_t count)
{
    ASSERT(lock_is_mine(&region->lock) && region->lean);
    int error = map_exactly((void *)address_of(region, slice), (size_t)count << SLICE_SHIFT);
    if (!error)
        region_dress(region, slice, count);
    return error;
}

bool lean_unmap(struct region *region, uint32_t slice, uint32_t count)
{
    return unmap(address_of(region, slice), address_of(region, slice) + ((uintptr_t)count << SLICE_SHIFT));
}

/* --- the tables --- */

/* Whole pages between two places of a table: the page of `from` belongs to what is before it, that of `to` as well. */
static uintptr_t page_behind(const void *place)
{
    return page_ceiling((uintptr_t)place);
}

static int map_table(struct region *region, const void *from, const void *to)
{
    uintptr_t start = page_behind(from), end = page_behind(to);
    if (start >= end)
        return 0;
    int error = map_exactly((void *)start, end - start);
    if (!error)
        region_bind_table(region, (void *)start, end - start);
    return error;
}

/* Heaps have a copy; one that is late sends a free to the slow path. */
static void tell_heaps(struct region *region)
{
    for (struct heap *heap = region->heaps; heap; heap = heap->next_heap)
        heap_set_size(heap, lean_reach(region));
    word_store(&region_map.dense, region_map.count == 1 ? lean_reach(region) : 0);
}

int lean_describe(struct region *region, uint32_t to)
{
    const struct page *first = region_page(region, region->described), *last = region_page(region, to);
    if (to <= region->described)
        return 0;
    int error = map_table(region, first, last);
    if (error)
        return error;
    error = map_table(region, class_entry(first), class_entry(last));
    if (error) {
        unmap(page_behind(first), page_behind(last));
        return error;
    }
    region->described = to;
    tell_heaps(region);
    return 0;
}

/* --- giving back --- */

/* A page that the next region's part of a table shares stays. */
static void unmap_table(const void *from, const void *to)
{
    unmap(page_behind(from), page_floor((uintptr_t)to));
}

static uint32_t slices_of_region(void)
{
    return (uint32_t)(((size_t)1 << region_map.shift) >> SLICE_SHIFT);
}

static void give_reservation_back(struct region *region, uint32_t from)
{
    const struct page *first = region_page(region, region->described);
    const struct page *last = region_page(region, slices_of_region());
    unmap(address_of(region, from), (uintptr_t)page_start(last));
    unmap_table(first, last);
    unmap_table(class_entry(first), class_entry(last));
}

/* Other mappings may lie behind a short region. */
static void give_rest_back(struct region *region, uint32_t from)
{
    unmap(address_of(region, from), address_of(region, region->slices));
    region->slices = slices_of_region();
    region->shortened = false;
}

static void not_whole_any_more(void)
{
    atomic_store_explicit(&region_map.lean, true, memory_order_relaxed);
    word_store(&region_map.whole, 0);
}

void lean_drop(struct region *region, uint32_t from)
{
    uint32_t end = counter_read(&region->committed);
    counter_set(&region->committed, region->frontier);
    if (end > from)
        lean_unmap(region, from, end - from);
}

void lean_cut(struct region *region)
{
    ASSERT(lock_is_mine(&region->lock));
    uint32_t before = counter_read(&region->committed);
    uint32_t end = region_huge_size(region) ? before : region->frontier; /* no part of a large page can be given back */
    not_whole_any_more();
    counter_set(&region->committed, end);
    if (region->shortened)
        give_rest_back(region, end);
    else if (!region->lean)
        give_reservation_back(region, end);
    else if (before > end && !lean_unmap(region, end, before - end))
        counter_set(&region->committed, before);
    region->lean = true;
    tell_heaps(region);
}

bool lean_shorten(struct region *region, uint32_t slices)
{
    ASSERT(lock_is_mine(&region->lock) && !region->lean);
    uint32_t end = region->frontier > slices ? region->frontier : slices;
    if (region->shortened || end > region->slices || region_huge_size(region) || region_describe(region, end) != 0)
        return false;
    not_whole_any_more();
    if (counter_read(&region->committed) > end)
        counter_set(&region->committed, end);
    give_reservation_back(region, end);
    region->slices = end;
    region->shortened = true;
    tell_heaps(region);
    return true;
}
