/* khugepaged excepted where pages are apart: on real memory, with nodes that the test brings along. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "shim/arena/away.h"
#include "shim/base/page_size.h"
#include "shim/base/state.h"
#include "shim/memory/apart.h"
#include "shim/sys/placing.h"

#define HUGE   huge_page_size()
#define RANGES 4u

/* --- the neighbourhood --- */

struct arena_map region_map;
struct region region_list[REGIONS_MAX];

static uint64_t now = 1;

uint64_t monotonic_ns(void)
{
    return now;
}

static char *memory; /* RANGES ranges */
static unsigned asked;
static int (*node_of)(size_t page); /* negative: not present */

int sys_move_pages(unsigned long count, void *const *pages, const int *nodes, int *ret_status)
{
    assert_null(nodes);
    asked++;
    for (unsigned long i = 0; i < count; i++)
        ret_status[i] = node_of(((uintptr_t)pages[i] - (uintptr_t)memory) % HUGE / page_size());
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    char *room =
        mmap(NULL, (RANGES + 1) * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED)
        return -1;
    memory = (char *)(((uintptr_t)room + HUGE - 1) & ~(HUGE - 1));
    region_map = (struct arena_map){.base = 0, .total = 0};
    asked = 0;
    return 0;
}

/* Whether the kernel makes no huge pages there ("nh" in smaps). */
static bool is_excepted(const char *start)
{
    FILE *file = fopen("/proc/self/smaps", "re");
    char line[512];
    bool here = false, found = false;
    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            here = (uintptr_t)start >= from && (uintptr_t)start < to;
        else if (here && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, " nh") != NULL;
    }
    fclose(file);
    return found;
}

static size_t pages(void)
{
    return HUGE / page_size();
}

static int on_one(size_t page)
{
    (void)page;
    return 3;
}

static int on_two(size_t page)
{
    return page < pages() / 2 ? 0 : 1;
}

static int hardly_on_two(size_t page)
{
    return page < pages() / 16 ? 0 : 1;
}

static int not_there(size_t page)
{
    (void)page;
    return -2;
}

static int little_on_two(size_t page)
{
    return page >= 16 * (pages() / 128) ? -2 : page < 8 * (pages() / 128) ? 0 : 1;
}

static void look(struct apart *apart)
{
    now += 1000000000;
    while (apart_wait(apart) == 0)
        apart_look(apart);
}

static void move(struct apart *apart, size_t from, size_t to, uint32_t node)
{
    for (size_t page = from; page < to; page++)
        apart_note(apart, (uintptr_t)memory + page * page_size(), node);
}

/* --- */

static void only_what_is_apart_is_excepted(void **state)
{
    static const struct {
        int (*node_of)(size_t page);
        bool excepted;
    } cases[] = {{on_one, false}, {on_two, true}, {hardly_on_two, false}, {not_there, false}, {little_on_two, true}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        static struct apart apart;
        set_up(state);
        node_of = cases[i].node_of;
        memset(&apart, 0, sizeof(apart));
        apart_note(&apart, (uintptr_t)memory + HUGE + 5 * page_size(), 1);
        apart_note(&apart, (uintptr_t)memory + HUGE, 1);
        assert_int_equal(apart.count, 1);
        look(&apart);
        assert_int_equal(asked, 1);
        assert_int_equal(apart.count, 0);
        assert_int_equal(is_excepted(memory + HUGE), cases[i].excepted);
        assert_false(is_excepted(memory + HUGE - page_size()));
        assert_false(is_excepted(memory + 2 * HUGE));
    }
}

static void moves_have_a_while_to_end(void **state)
{
    static struct apart apart;
    (void)state;
    node_of = on_two;
    assert_true(apart_wait(&apart) == UINT64_MAX);
    apart_note(&apart, (uintptr_t)memory, 1);
    assert_in_range(apart_wait(&apart), 1, 1000000000);
    apart_look(&apart);
    assert_int_equal(asked, 0);
    assert_int_equal(apart.count, 1);
    look(&apart);
    assert_int_equal(asked, 1);
    apart_note(&apart, (uintptr_t)memory, 1);
    assert_int_equal(apart.count, 1); /* moved once more */
}

/* The table is full: none is forgotten. */
static void a_range_in_the_way_is_looked_at_at_once(void **state)
{
    static struct apart apart;
    (void)state;
    node_of = on_two;
    apart_note(&apart, (uintptr_t)memory, 1);
    apart_note(&apart, (uintptr_t)memory + APART_RANGES * HUGE, 1);
    assert_int_equal(asked, 1);
    assert_true(is_excepted(memory));
    assert_int_equal(apart.count, 1);
}

static void a_wish_for_huge_pages_holds(void **state)
{
    static struct apart apart;
    (void)state;
    node_of = on_two;
    region_map = (struct arena_map){.base = (uintptr_t)memory, .total = RANGES * HUGE};
    while ((UINT64_C(1) << region_map.shift) < HUGE)
        region_map.shift++;
    region_list[1].flavour.huge_pages = HUGE_THP;
    region_list[2].flavour.huge_pages = HUGE_DEFAULT;
    apart_note(&apart, (uintptr_t)memory + HUGE, 1);
    apart_note(&apart, (uintptr_t)memory + 2 * HUGE, 1);
    look(&apart);
    assert_false(is_excepted(memory + HUGE));
    assert_true(is_excepted(memory + 2 * HUGE));
    node_of = on_one; /* as the policy wants it */
    move(&apart, pages(), 2 * pages(), 1);
    look(&apart);
    assert_false(apart_has_undone(&apart));
    move(&apart, pages(), pages() * 3 / 2, 1);
    move(&apart, pages() * 3 / 2, 2 * pages(), 2);
    assert_false(is_excepted(memory + HUGE));
}

/* khugepaged merges what is on two nodes within a second, where it is told to. */
static void what_moves_to_two_nodes_is_excepted_at_once(void **state)
{
    static struct apart apart;
    (void)state;
    node_of = on_two;
    move(&apart, 0, pages() / 2, 0);
    move(&apart, pages() / 2, pages() * 5 / 8 - 1, 1);
    assert_false(is_excepted(memory));
    move(&apart, pages() * 5 / 8 - 1, pages() * 5 / 8, 1);
    assert_true(is_excepted(memory));
    look(&apart);
    assert_false(apart_has_undone(&apart));
}

/* A half had moved to node 1 when khugepaged came, and put all on node 3. */
static void what_was_merged_meanwhile_is_excepted_and_undone(void **state)
{
    static struct apart apart;
    (void)state;
    node_of = on_one;
    move(&apart, 0, pages() / 2, 1);
    look(&apart);
    assert_true(is_excepted(memory));
    assert_true(apart_has_undone(&apart));
    assert_true(apart_undone(&apart) == (uintptr_t)memory);
    assert_true(apart_undone(&apart) == 0);
    assert_false(apart_has_undone(&apart));
}

static void what_is_where_it_went_is_not_undone(void **state)
{
    static struct apart apart;
    (void)state;
    node_of = on_one;
    move(&apart, 0, pages() / 2, 1); /* and on, to where it is now */
    move(&apart, 0, pages(), 3);
    look(&apart);
    assert_false(apart_has_undone(&apart));
    memset(&apart, 0, sizeof(apart));
    move(&apart, 0, pages() / 16, 1); /* too little to matter */
    look(&apart);
    assert_false(apart_has_undone(&apart));
}

static void of_many_undone_ranges_the_oldest_make_room(void **state)
{
    static struct apart apart;
    (void)state;
    node_of = on_one;
    for (unsigned i = 0; i < APART_UNDONE + 3; i++) {
        for (size_t page = 0; page < pages() / 2; page++)
            apart_note(&apart, (uintptr_t)memory + i * HUGE + page * page_size(), 1);
        look(&apart);
    }
    for (unsigned i = APART_UNDONE + 3; i > 3; i--)
        assert_true(apart_undone(&apart) == (uintptr_t)memory + (i - 1) * HUGE);
    assert_true(apart_undone(&apart) == 0);
    assert_false(apart_has_undone(&apart));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(only_what_is_apart_is_excepted, set_up),
        cmocka_unit_test_setup(moves_have_a_while_to_end, set_up),
        cmocka_unit_test_setup(a_range_in_the_way_is_looked_at_at_once, set_up),
        cmocka_unit_test_setup(a_wish_for_huge_pages_holds, set_up),
        cmocka_unit_test_setup(what_moves_to_two_nodes_is_excepted_at_once, set_up),
        cmocka_unit_test_setup(what_was_merged_meanwhile_is_excepted_and_undone, set_up),
        cmocka_unit_test_setup(what_is_where_it_went_is_not_undone, set_up),
        cmocka_unit_test_setup(of_many_undone_ranges_the_oldest_make_room, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
