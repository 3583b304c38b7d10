#include <stdio.h>
#include <string.h>

#include "policy/grouping.h"
#include "policy/pick.h"
#include "tests/unit/policy/fixture.h"

#define TWO_NODES  "numa:2 l3:1 core:4 pu:1"
#define FOUR_NODES "numa:4 l3:1 core:2 pu:1"
#define BY_NODE    "schema = 1\n[defaults]\nbind_to = \"node\"\ndistribution = \"least_loaded\"\nlevel = \"node\"\n"
#define BY_CPU     "schema = 1\n[defaults]\nbind_to = \"cpu\"\ndistribution = \"compact\"\nlevel = \"cpu\"\n"
#define ONE        10u
#define OFTEN      40u /* observations of a pair that has much in common */

/* A machine, threads on it, and what they have in common in each round. */
struct board {
    struct compiled compiled;
    struct grouping grouping;
    struct occupancy occupancy;
    struct pick picks[GROUPING_THREADS];
    uint64_t memory[4096];
    grouping_weights rounds[2];
};

static struct board board;

static void begin(const char *policy, const char *machine)
{
    memset(&board, 0, sizeof(board));
    board.compiled = compile_text(policy, machine);
    assert_int_equal(board.compiled.result, 0);
    assert_true(board.compiled.view.count[PLAN_SLOTS] <= 64);
    board.grouping.plan = &board.compiled.view;
    board.grouping.found = &board.rounds[0];
    board.grouping.shown = &board.rounds[1];
    board.grouping.one = ONE;
    assert_true(occupancy_size(&board.compiled.view) <= sizeof(board.memory));
    occupancy_init(&board.occupancy, &board.compiled.view, board.memory);
    board.grouping.occupancy = &board.occupancy;
}

static uint32_t slot_with(uint32_t rule, unsigned cpu)
{
    const struct plan_view *plan = &board.compiled.view;
    for (uint32_t i = 0; i < plan->rules[rule].slot_count; i++)
        if (plan_mask_has(plan, plan->slots[plan->rules[rule].slot_first + i].mask, cpu))
            return plan->rules[rule].slot_first + i;
    fail_msg("no slot with CPU %u", cpu);
    return 0;
}

static struct grouping_thread *add(uint32_t rule, unsigned cpu)
{
    struct grouping_thread *thread = &board.grouping.threads[board.grouping.count];
    *thread = (struct grouping_thread){rule, slot_with(rule, cpu), true};
    board.picks[board.grouping.count++] = pick_this(&board.compiled.view, &board.occupancy, thread->slot);
    return thread;
}

static void add_all(const unsigned *cpus, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add(0, cpus[i]);
}

static void share_in(uint32_t round, uint32_t a, uint32_t b, uint32_t times)
{
    board.rounds[round][a][b] += times * ONE;
    board.rounds[round][b][a] += times * ONE;
}

static void share(uint32_t a, uint32_t b, uint32_t times)
{
    share_in(0, a, b, times);
    share_in(1, a, b, times);
}

static unsigned node_of(uint32_t slot)
{
    return board.compiled.view.slots[slot].home_node;
}

static void put(uint32_t thread, uint32_t slot)
{
    pick_release(&board.compiled.view, &board.occupancy, board.picks[thread]);
    board.picks[thread] = pick_this(&board.compiled.view, &board.occupancy, slot);
    board.grouping.threads[thread].slot = slot;
}

/* Takes the steps. */
static uint32_t look(void)
{
    const struct grouping_step *steps;
    uint32_t count = grouping_find(&board.grouping, &steps);
    for (uint32_t i = 0; i < count; i++) {
        struct grouping_thread *first = &board.grouping.threads[steps[i].first];
        assert_int_equal(first->slot, steps[i].from);
        put(steps[i].first, steps[i].to);
        if (steps[i].second == PLAN_NONE)
            continue;
        assert_int_equal(board.grouping.threads[steps[i].second].slot, steps[i].to);
        put(steps[i].second, steps[i].from);
    }
    return count;
}

/* "00110011": the nodes of the threads. */
static void assert_nodes(const char *expected)
{
    char text[GROUPING_THREADS + 1] = "";
    for (uint32_t i = 0; i < board.grouping.count; i++)
        text[i] = (char)('0' + node_of(board.grouping.threads[i].slot));
    assert_string_equal(text, expected);
}

static void end(void)
{
    compiled_free(&board.compiled);
}

/* --- what comes together --- */

static const unsigned in_turn[] = {0, 4, 1, 5, 2, 6, 3, 7};

static void those_who_share_come_to_one_node(void **state)
{
    (void)state;
    begin(BY_NODE, TWO_NODES);
    add_all(in_turn, 8);
    for (uint32_t a = 0; a < 8; a++)
        for (uint32_t b = 0; b < a; b++)
            share(a, b, a / 4 == b / 4 ? OFTEN : 1);
    assert_int_equal(look(), 2);
    assert_int_equal(node_of(board.grouping.threads[0].slot), node_of(board.grouping.threads[3].slot));
    assert_int_equal(board.occupancy.used[0], 4);
    assert_int_equal(board.occupancy.used[1], 4);
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(node_of(board.grouping.threads[i].slot), node_of(board.grouping.threads[i / 4 * 4].slot));
    assert_int_equal(look(), 0);
    end();
}

/* Each stage of a pipeline has something in common with the next one only, and no single exchange brings anything. */
static void two_exchanges_do_what_none_does_alone(void **state)
{
    static const unsigned crossed[] = {0, 1, 4, 5, 6, 7, 2, 3};
    (void)state;
    begin(BY_NODE, TWO_NODES);
    add_all(crossed, 8);
    for (uint32_t stage = 0; stage < 3; stage++) {
        share(stage, stage + 1, OFTEN);
        share(4 + stage, 4 + stage + 1, OFTEN);
    }
    assert_nodes("00111100");
    assert_int_equal(look(), 2);
    for (uint32_t i = 0; i < 8; i++)
        assert_int_equal(node_of(board.grouping.threads[i].slot), node_of(board.grouping.threads[i / 4 * 4].slot));
    end();
}

static void pairs_come_together_where_four_do_not_fit(void **state)
{
    static const unsigned cpus[] = {0, 2, 4, 6, 1, 3, 5, 7};
    (void)state;
    begin(BY_NODE, FOUR_NODES);
    add_all(cpus, 8);
    for (uint32_t i = 0; i < 8; i += 2)
        share(i, i + 1, OFTEN);
    assert_true(look() <= 3);
    for (uint32_t i = 0; i < 8; i += 2)
        assert_int_equal(node_of(board.grouping.threads[i].slot), node_of(board.grouping.threads[i + 1].slot));
    end();
}

static void a_cache_of_its_own_is_better_than_a_node_alone(void **state)
{
    (void)state;
    begin(BY_CPU, "numa:2 l3:2 core:2 pu:1");
    for (unsigned cpu = 0; cpu < 8; cpu++)
        add(0, cpu);
    share(0, 2, 4 * OFTEN); /* a cache is worth less than a node */
    assert_int_equal(look(), 1);
    unsigned a = board.grouping.threads[0].slot, b = board.grouping.threads[2].slot;
    const struct plan_view *plan = &board.compiled.view;
    assert_int_equal(plan->slots[a].home_node, 0);
    assert_int_equal(plan->slots[b].home_node, 0);
    assert_int_equal(a / 2, b / 2);
    end();
}

/* --- room --- */

static void a_thread_goes_where_a_core_is_left(void **state)
{
    static const unsigned cpus[] = {0, 4, 1, 5};
    (void)state;
    begin(BY_NODE, TWO_NODES);
    add_all(cpus, 4);
    share(0, 1, OFTEN);
    share(2, 0, 1);
    share(3, 0, 1);
    assert_int_equal(look(), 1);
    assert_int_equal(node_of(board.grouping.threads[0].slot), node_of(board.grouping.threads[1].slot));
    end();
}

static void second_hardware_threads_are_no_room(void **state)
{
    static const unsigned cpus[] = {0, 4};
    (void)state;
    begin(BY_NODE, "numa:2 l3:1 core:1 pu:4");
    add_all(cpus, 2);
    share(0, 1, OFTEN);
    assert_int_equal(look(), 0);
    end();
}

static void threads_of_others_take_room(void **state)
{
    static const unsigned cpus[] = {0, 4, 5};
    struct occupancy_pin pin;
    uint64_t all_of_both = 0xff;
    (void)state;
    begin(BY_NODE, TWO_NODES);
    add_all(cpus, 3);
    board.grouping.threads[2].movable = false;
    share(0, 1, OFTEN);
    occupancy_pin_set(&pin, &all_of_both, 1);
    for (int i = 0; i < 6; i++)
        occupancy_pin_add(&board.compiled.view, &board.occupancy, &pin);
    assert_int_equal(look(), 0); /* three of them on each node */
    occupancy_pin_remove(&board.compiled.view, &board.occupancy, &pin);
    occupancy_pin_remove(&board.compiled.view, &board.occupancy, &pin);
    assert_int_equal(look(), 1);
    end();
}

/* Three that share everything are as near to each other as they can be without a reason to crowd. */
static void what_all_have_in_common_moves_none(void **state)
{
    static const unsigned cpus[] = {0, 4, 1};
    (void)state;
    begin(BY_NODE, TWO_NODES);
    add_all(cpus, 3);
    for (uint32_t a = 0; a < 3; a++)
        for (uint32_t b = 0; b < a; b++)
            share(a, b, OFTEN);
    assert_int_equal(look(), 0);
    end();
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return *seed >> 16;
}

/* Whatever the evidence: no slot has more threads than before, unless each has a core. And it comes to an end. */
static void no_place_becomes_more_crowded(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 200; round++) {
        uint32_t seed = round + 1, before[64], looks = 0;
        begin(BY_NODE, round % 2 ? TWO_NODES : "numa:4 l3:1 core:2 pu:2");
        unsigned cpus = board.compiled.view.count[PLAN_CPUS];
        for (uint32_t i = 0; i < 3 + round % 12; i++)
            add(0, next_random(&seed) % cpus);
        for (uint32_t i = 0; i < 40; i++) {
            uint32_t a = next_random(&seed) % board.grouping.count, b = next_random(&seed) % board.grouping.count;
            if (a != b)
                share(a, b, next_random(&seed) % 30);
        }
        do {
            for (uint32_t slot = 0; slot < 4; slot++)
                before[slot] = board.occupancy.used[slot];
            looks += look() > 0;
            for (uint32_t slot = 0; slot < board.compiled.view.count[PLAN_SLOTS]; slot++) {
                const struct plan_slot *of = &board.compiled.view.slots[slot];
                assert_true(board.occupancy.used[slot] <= before[slot] || board.occupancy.used[slot] <= of->cores);
            }
        } while (memcmp(before, (const void *)board.occupancy.used, sizeof(before[0]) * 4) != 0 && looks < 20);
        assert_true(looks < 20);
        end();
    }
}

/* --- hysteresis --- */

static void chance_moves_nothing(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 100; round++) {
        uint32_t seed = round + 1;
        begin(BY_NODE, round % 2 ? TWO_NODES : FOUR_NODES);
        for (unsigned cpu = 0; cpu < 8; cpu++)
            add(0, cpu);
        for (uint32_t i = 0; i < 600; i++) {
            uint32_t a = next_random(&seed) % 8, b = next_random(&seed) % 8;
            if (a != b)
                share_in(i % 2, a, b, 1);
        }
        assert_int_equal(look(), 0);
        end();
    }
}

static void one_round_is_not_enough(void **state)
{
    (void)state;
    begin(BY_NODE, TWO_NODES);
    add_all(in_turn, 8);
    share_in(0, 0, 1, OFTEN);
    assert_int_equal(look(), 0);
    share_in(1, 0, 1, OFTEN);
    assert_int_equal(look(), 1);
    end();
}

static void little_is_not_enough(void **state)
{
    (void)state;
    begin(BY_NODE, TWO_NODES);
    add_all(in_turn, 8);
    share(0, 1, 3);
    assert_int_equal(look(), 0);
    share(0, 1, OFTEN);
    for (uint32_t other = 2; other < 8; other += 2) { /* those on its own node */
        share(0, other, OFTEN - 2);
        share(1, other + 1, OFTEN - 2);
    }
    assert_int_equal(look(), 0);
    end();
}

/* --- who moves --- */

static void what_may_not_move_stays_and_others_come(void **state)
{
    (void)state;
    begin(BY_NODE, TWO_NODES);
    add_all(in_turn, 8);
    board.grouping.threads[0].movable = false;
    share(0, 1, OFTEN);
    assert_int_equal(look(), 1);
    assert_int_equal(node_of(board.grouping.threads[0].slot), 0);
    assert_int_equal(node_of(board.grouping.threads[1].slot), 0);
    end();
}

static void rules_keep_their_places(void **state)
{
    (void)state;
    begin("schema = 1\n[[rules]]\nname = \"first\"\nmatch = { thread = \"first\" }\nnodes = \"0\"\n"
          "[defaults]\nbind_to = \"node\"\ndistribution = \"least_loaded\"\nlevel = \"node\"\n",
          TWO_NODES);
    add(0, 0);
    for (size_t i = 0; i < 6; i++)
        add(1, in_turn[i + 1]);
    share(0, 1, OFTEN); /* on node 1 */
    for (int i = 0; i < 4; i++)
        pick_this(&board.compiled.view, &board.occupancy, slot_with(1, 0)); /* threads that share nothing */
    assert_int_equal(look(), 1);
    assert_int_equal(node_of(board.grouping.threads[0].slot), 0);
    assert_int_equal(node_of(board.grouping.threads[1].slot), 0);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_who_share_come_to_one_node),
        cmocka_unit_test(two_exchanges_do_what_none_does_alone),
        cmocka_unit_test(pairs_come_together_where_four_do_not_fit),
        cmocka_unit_test(a_cache_of_its_own_is_better_than_a_node_alone),
        cmocka_unit_test(a_thread_goes_where_a_core_is_left),
        cmocka_unit_test(second_hardware_threads_are_no_room),
        cmocka_unit_test(threads_of_others_take_room),
        cmocka_unit_test(what_all_have_in_common_moves_none),
        cmocka_unit_test(no_place_becomes_more_crowded),
        cmocka_unit_test(chance_moves_nothing),
        cmocka_unit_test(one_round_is_not_enough),
        cmocka_unit_test(little_is_not_enough),
        cmocka_unit_test(what_may_not_move_stays_and_others_come),
        cmocka_unit_test(rules_keep_their_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
