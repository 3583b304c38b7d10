/* Spans against a model that knows for each slice who has it: nothing overlaps, what is said to be zero is zero. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "shim/arena/fork.h"
#include "shim/arena/harden.h"
#include "shim/arena/lean.h"
#include "shim/arena/limits.h"
#include "shim/arena/pressure.h"
#include "shim/arena/region.h"
#include "shim/arena/span.h"
#include "shim/base/page_size.h"
#include "shim/sys/placing.h"

#define OBJECTS 300u
#define SLICES  32768u /* of the region that are looked at: 2 GiB of address space */

/* What the allocator asks of the rest of the shim. */
bool harden_on;

static uint32_t bearable = UINT32_MAX;

uint32_t pressure_limit(void)
{
    return bearable;
}

bool limits_are_set(void)
{
    return false;
}

bool limits_at_start(void)
{
    return false;
}

bool limits_appeared(void)
{
    return false;
}

void arena_check_fork(void)
{
}

int sys_bind_memory(void *start, size_t size, int mode, const uint64_t *nodes, size_t words)
{
    (void)start, (void)size, (void)mode, (void)nodes, (void)words;
    return 0;
}

static struct object {
    struct page *page; /* NULL: none */
    uint32_t slices, reach;
    bool room;
} objects[OBJECTS];

static uint16_t holder[SLICES]; /* number of the object + 1 */
static struct region *region;
static uint64_t random_state = 1;
static uint32_t clock_ms;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % limit;
}

static void open_region(void)
{
    const struct flavour flavour = {.binding = BINDING_PREFERRED};
    const uint32_t node = 0;
    if (!region)
        assert_int_equal(regions_reserve(&flavour, 1, &node, 1), 0);
    region = &region_list[0];
}

static char *first_word(struct page *page, uint32_t slice)
{
    return (char *)page_start(page) + ((size_t)slice << SLICE_SHIFT);
}

static void hold(struct object *object, uint32_t from, uint32_t to)
{
    uint32_t start = region_slice(region, object->page);
    for (uint32_t i = from; i < to; i++) {
        assert_true(start + i < SLICES);
        assert_int_equal(holder[start + i], 0); /* nobody else has it */
        holder[start + i] = (uint16_t)(object - objects + 1);
    }
}

static void let_go(struct object *object, uint32_t from, uint32_t to)
{
    uint32_t start = region_slice(region, object->page);
    for (uint32_t i = from; i < to; i++) {
        assert_int_equal(holder[start + i], object - objects + 1);
        holder[start + i] = 0;
    }
}

/* Each slice of an object carries the object's number at its beginning and its end. */
static void write_to(struct object *object, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        *(uint32_t *)first_word(object->page, i) = (uint32_t)(object - objects + 1);
        *(uint32_t *)(first_word(object->page, i + 1) - 4) = (uint32_t)(object - objects + 1);
    }
}

static void check_content(struct object *object)
{
    for (uint32_t i = 0; i < (object->room ? object->reach : object->slices); i++) {
        assert_int_equal(*(uint32_t *)first_word(object->page, i), object - objects + 1);
        assert_int_equal(*(uint32_t *)(first_word(object->page, i + 1) - 4), object - objects + 1);
    }
}

static void check_zero(struct object *object)
{
    for (uint32_t i = 0; i < object->slices; i++) {
        assert_int_equal(*(uint32_t *)first_word(object->page, i), 0);
        assert_int_equal(*(uint32_t *)(first_word(object->page, i + 1) - 4), 0);
    }
}

static void take_one(struct object *object)
{
    uint32_t slices = random_below(4) ? 1 + random_below(6) : 1 + random_below(40);
    uint32_t alignment = random_below(8) ? 1 : 1u << random_below(5);
    bool zeroed = false;
    object->page = span_take(region, slices, alignment, &zeroed);
    if (!object->page)
        return;
    assert_int_equal((region_slice(region, object->page) + ((uintptr_t)region_map.base >> SLICE_SHIFT)) % alignment, 0);
    page_set_kind(object->page, PAGE_LARGE);
    object->page->state = 0;
    *object = (struct object){object->page, slices, slices, false};
    hold(object, 0, slices);
    if (zeroed)
        check_zero(object);
    write_to(object, 0, slices);
}

static void take_room(struct object *object)
{
    object->page = span_take_room(region, 64);
    if (!object->page)
        return;
    page_set_kind(object->page, PAGE_LARGE);
    object->page->state = STATE_ROOM;
    counter_add(&region->rooms, 1);
    *object = (struct object){object->page, 64, 1 + random_below(20), true};
    hold(object, 0, 64);
    check_zero(object);
    write_to(object, 0, object->reach);
}

static void give_one(struct object *object)
{
    check_content(object);
    let_go(object, 0, object->slices);
    if (object->room) {
        counter_subtract(&region->rooms, 1);
        span_give_room(region, object->page, object->reach, clock_ms);
    } else {
        span_give(region, object->page, object->slices, clock_ms);
    }
    object->page = NULL;
}

static void resize_one(struct object *object)
{
    uint32_t slices = 1 + random_below(2 * object->slices);
    check_content(object);
    if (object->room || slices == object->slices)
        return;
    if (slices < object->slices) {
        let_go(object, slices, object->slices);
        span_shorten(region, object->page, slices, clock_ms);
    } else {
        if (!span_extend(region, object->page, slices))
            return;
        hold(object, object->slices, slices);
        write_to(object, object->slices, slices);
    }
    page_set_kind(object->page, PAGE_LARGE);
    object->slices = object->reach = slices;
}

static uint32_t slices_in_use(void)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < OBJECTS; i++)
        count += objects[i].page && !objects[i].room ? objects[i].slices : 0;
    return count;
}

static void whatever_is_done_to_spans_nothing_overlaps(void **state)
{
    (void)state;
    open_region();
    assert_true(lock_take(&region->lock));
    for (unsigned step = 0; step < 60000; step++) {
        struct object *object = &objects[random_below(OBJECTS)];
        clock_ms += random_below(3);
        if (object->page)
            random_below(3) ? give_one(object) : resize_one(object);
        else
            random_below(6) ? take_one(object) : take_room(object);
        if (step % 500 == 0)
            span_purge(region, clock_ms, step % 1000 ? 0 : 100);
        assert_int_equal(counter_read(&region->in_use), slices_in_use());
    }
    for (unsigned i = 0; i < OBJECTS; i++)
        if (objects[i].page)
            give_one(&objects[i]);
    span_purge(region, clock_ms, 0);
    assert_int_equal(counter_read(&region->dirty), 0);
    assert_int_equal(counter_read(&region->in_use), 0);
    assert_int_equal(region->frontier, 0); /* everything came together again */
    lock_give(&region->lock);
}

/* Of the reservation's parts, but where it begins and ends itself, which is the kernel's choice. */
static void assert_parts_are_whole_pages(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    uintptr_t from = (uintptr_t)region_map.classes, to = region_map.base + ((uintptr_t)1 << region_map.shift);
    unsigned long start, end;
    unsigned parts = 0;
    assert_non_null(maps);
    while (fscanf(maps, "%lx-%lx%*[^\n]", &start, &end) == 2)
        if (start > from && start < to) {
            if (start % page_size())
                fail_msg("a part begins at %lx", start);
            parts++;
        }
    fclose(maps);
    assert_true(parts > 0);
}

static void tables_and_memory_become_usable_in_whole_pages(void **state)
{
    (void)state;
    open_region();
    assert_true(lock_take(&region->lock));
    for (uint32_t slices = 1; slices < SLICES; slices += slices < 600 ? 37 : 1531) {
        assert_int_equal(region_commit(region, slices), 0);
        assert_parts_are_whole_pages();
        class_entry(region_page(region, slices - 1))[0] = 0;
        page_set_kind(region_page(region, slices - 1), PAGE_UNUSED);
    }
    lock_give(&region->lock);
}

/* A used span. */
static struct page *need(uint32_t slices)
{
    bool zeroed;
    struct page *page = span_take(region, slices, 1, &zeroed);
    assert_non_null(page);
    page_set_kind(page, PAGE_LARGE);
    page->state = 0;
    return page;
}

static void idle_memory_goes_back_when_it_is_old(void **state)
{
    (void)state;
    open_region();
    assert_true(lock_take(&region->lock));
    struct page *page = need(10), *other = need(10);
    memset(page_start(page), 1, 10 * SLICE_SIZE);
    clock_ms += 10000;
    span_give(region, page, 10, clock_ms);
    assert_int_equal(counter_read(&region->dirty), 10);
    span_decay(region, clock_ms + 100);
    assert_int_equal(counter_read(&region->dirty), 10);
    span_decay(region, clock_ms + 1000);
    assert_int_equal(counter_read(&region->dirty), 0);
    assert_int_equal(*(char *)page_start(page), 0);
    span_give(region, other, 10, clock_ms);
    span_purge(region, clock_ms, 0);
    assert_int_equal(region->frontier, 0); /* other tests begin with nothing */
    lock_give(&region->lock);
}

static void part_by_part_memory_goes_back_when_it_is_old(void **state)
{
    (void)state;
    open_region();
    assert_true(lock_take(&region->lock));
    struct page *most = need(1000), *behind = need(10);
    span_give(region, most, 1000, clock_ms += 10000);
    for (unsigned turn = 0; turn < 10; turn++) { /* its first slices come and go */
        struct page *few = need(20);
        assert_ptr_equal(few, most);
        span_give(region, few, 20, clock_ms += 70);
        assert_true(counter_read(&region->dirty) >= 20); /* what is young does not go with what is old */
    }
    assert_int_equal(counter_read(&region->dirty), 20);
    span_give(region, behind, 10, clock_ms);
    span_purge(region, clock_ms, 0);
    lock_give(&region->lock);
}

static void what_was_in_use_a_moment_ago_is_no_surplus(void **state)
{
    (void)state;
    open_region();
    assert_true(lock_take(&region->lock));
    struct page *behind = NULL;
    for (unsigned turn = 0; turn < 50; turn++) {
        struct page *most = need(4000 - turn % 4 * 500);
        if (!behind)
            behind = need(1);
        clock_ms += turn % 2 ? 100 : 3000;
        span_give(region, most, most->slices, clock_ms);
        assert_true(counter_read(&region->dirty) >= 2500);
    }
    span_give(region, behind, 1, clock_ms);
    span_purge(region, clock_ms, 0);
    lock_give(&region->lock);
}

static void of_a_surplus_only_the_surplus_goes_back(void **state)
{
    (void)state;
    open_region();
    assert_true(lock_take(&region->lock));
    struct page *most = need(3000), *behind = need(1);
    bearable = 2000;
    span_give(region, most, 3000, clock_ms += 10000);
    assert_int_equal(counter_read(&region->dirty), 2000);
    bearable = UINT32_MAX;
    span_give(region, behind, 1, clock_ms);
    span_purge(region, clock_ms, 0);
    assert_int_equal(counter_read(&region->dirty), 0);
    assert_int_equal(region->frontier, 0);
    lock_give(&region->lock);
}

/* --- lean regions --- */

#define OTHERS 40u

/* Mappings of others, a page each, in what a lean region has not mapped. */
static char *others[OTHERS];

static void map_another(void)
{
    uint32_t slice = random_below(region->frontier + 200);
    for (unsigned i = 0; i < OTHERS; i++) {
        if (others[i])
            continue;
        char *wanted = (char *)page_start(region_page(region, slice)) +
                       page_size() * random_below((uint32_t)(SLICE_SIZE / page_size()));
        char *memory =
            mmap(wanted, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (memory == MAP_FAILED)
            return; /* the region's own */
        assert_ptr_equal(memory, wanted);
        memset(memory, (int)(i + 1), page_size());
        others[i] = memory;
        return;
    }
}

static void check_others(void)
{
    for (unsigned i = 0; i < OTHERS; i++) {
        if (!others[i])
            continue;
        assert_true(lean_is_hole((uintptr_t)others[i] - region_map.base));
        for (unsigned byte = 0; byte < page_size(); byte++)
            assert_int_equal(others[i][byte], (char)(i + 1));
    }
}

static void check_not_a_hole(struct object *object)
{
    assert_false(lean_is_hole((uintptr_t)page_start(object->page) - region_map.base));
}

static bool is_mapped(uint32_t slice)
{
    unsigned char unused[SLICE_SIZE / 4096]; /* no kernel has smaller pages */
    return mincore(page_start(region_page(region, slice)), SLICE_SIZE, unused) == 0;
}

/* Where a page is a slice, another's may fill it. */
static bool is_anothers(uint32_t slice)
{
    for (unsigned i = 0; i < OTHERS; i++)
        if (others[i] == (char *)page_start(region_page(region, slice)))
            return true;
    return false;
}

/* Free spans that are too short for a hole are dirty; all others are nobody's. */
static uint32_t count_mapped(void)
{
    uint32_t count = 0;
    for (uint32_t slice = 0; slice < region->frontier + 1000; slice++)
        count += is_mapped(slice) && !is_anothers(slice);
    return count;
}

static void use_at_random(unsigned steps)
{
    for (unsigned step = 0; step < steps; step++) {
        struct object *object = &objects[random_below(OBJECTS)];
        clock_ms += random_below(3);
        if (!object->page)
            take_one(object);
        else if (random_below(3))
            give_one(object);
        else
            resize_one(object);
        if (object->page)
            check_not_a_hole(object);
        if (step % 500 == 0)
            span_purge(region, clock_ms, step % 1000 ? 0 : 100);
        if (step % 200 == 199 && region->lean)
            map_another();
    }
}

/* Is each slice below `end` the region's, and none from there on? */
static void check_reservation_ends_at(uint32_t end)
{
    for (uint32_t slice = 0; slice < end; slice++)
        assert_true(is_mapped(slice));
    for (uint32_t slice = end; slice < end + 1000; slice++)
        assert_false(is_mapped(slice));
}

static void a_short_region_lives_from_what_it_kept(void **state)
{
    bool zeroed;
    (void)state;
    open_region();
    assert_true(lock_take(&region->lock));
    use_at_random(3000);
    uint32_t kept = region->frontier + 500;
    assert_true(span_make_short(region, kept, clock_ms));
    check_reservation_ends_at(kept);
    assert_null(span_take(region, kept, 1, &zeroed));
    use_at_random(3000);
    assert_true(span_make_short(region, kept - 400, clock_ms)); /* once: what it kept stays */
    void *other = mmap(page_start(region_page(region, kept)), SLICE_SIZE, PROT_READ,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    assert_ptr_equal(other, page_start(region_page(region, kept)));
    assert_null(span_take(region, kept - region->frontier + 1, 1, &zeroed)); /* it would reach into another's */
    assert_int_equal(munmap(other, SLICE_SIZE), 0);
    struct page *last = span_take(region, kept - region->frontier, 1, &zeroed);
    assert_non_null(last);
    check_reservation_ends_at(kept);
    span_give(region, last, last->slices, clock_ms);
    for (unsigned i = 0; i < OBJECTS; i++)
        if (objects[i].page)
            check_content(&objects[i]);
    lock_give(&region->lock);
}

static void a_lean_region_maps_what_it_uses(void **state)
{
    (void)state;
    open_region();
    assert_true(lock_take(&region->lock));
    use_at_random(3000);
    span_make_lean(region, clock_ms);
    for (unsigned i = 0; i < OBJECTS; i++)
        if (objects[i].page)
            check_content(&objects[i]);
    assert_int_equal(count_mapped(), slices_in_use() + counter_read(&region->dirty));
    use_at_random(3000);
    span_make_lean(region, clock_ms);
    assert_int_equal(count_mapped(), slices_in_use() + counter_read(&region->dirty));
    assert_parts_are_whole_pages();
    lock_give(&region->lock);
}

static void a_lean_region_leaves_the_mappings_of_others_alone(void **state)
{
    (void)state;
    assert_true(lock_take(&region->lock));
    use_at_random(60000);
    assert_non_null(others[OTHERS / 2]);
    check_others();
    for (unsigned i = 0; i < OBJECTS; i++)
        if (objects[i].page)
            give_one(&objects[i]);
    span_purge(region, clock_ms, 0);
    check_others();
    assert_int_equal(counter_read(&region->in_use), 0);
    lock_give(&region->lock);
}

static void the_holder_of_a_lock_is_told_apart(void **state)
{
    struct lock lock = {0};
    (void)state;
    assert_true(lock_take(&lock));
    assert_false(lock_take(&lock)); /* a signal handler of the same thread */
    lock_give(&lock);
    assert_true(lock_take(&lock));
    lock_give(&lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_is_done_to_spans_nothing_overlaps),
        cmocka_unit_test(idle_memory_goes_back_when_it_is_old),
        cmocka_unit_test(tables_and_memory_become_usable_in_whole_pages),

        cmocka_unit_test(part_by_part_memory_goes_back_when_it_is_old),
        cmocka_unit_test(what_was_in_use_a_moment_ago_is_no_surplus),
        cmocka_unit_test(of_a_surplus_only_the_surplus_goes_back),
        cmocka_unit_test(a_short_region_lives_from_what_it_kept),
        cmocka_unit_test(a_lean_region_maps_what_it_uses),
        cmocka_unit_test(a_lean_region_leaves_the_mappings_of_others_alone),
        cmocka_unit_test(the_holder_of_a_lock_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
