#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/policy/fixture.h"

#define MACHINE "pack:2 numa:1 l3:1 core:4 pu:1" /* nodes 0-3 and 4-7 */

struct board {
    struct compiled compiled;
    struct occupancy occupancy;
    void *memory;
};

static struct board board_on(const char *machine, const char *policy)
{
    struct board board = {.compiled = compile_text(policy, machine)};
    assert_int_equal(board.compiled.result, 0);
    board.memory = calloc(1, occupancy_size(&board.compiled.view));
    assert_non_null(board.memory);
    occupancy_init(&board.occupancy, &board.compiled.view, board.memory);
    return board;
}

static struct board new_board(const char *policy)
{
    return board_on(MACHINE, policy);
}

static void free_board(struct board *board)
{
    free(board->memory);
    compiled_free(&board->compiled);
}

/* Takes a slot and checks its mask in list form and the reason. */
static struct pick take(struct board *board, uint32_t rule, uint32_t creator, const char *cpus, unsigned reason)
{
    uint64_t bits[2];
    bool shared;
    struct pick pick = pick_slot(&board->compiled.view, &board->occupancy, rule, creator);
    struct cpuset set = {bits, pick_mask(&board->compiled.view, &board->occupancy, pick, bits, 2, &shared)};
    assert_cpus(&set, cpus);
    assert_int_equal(pick.reason, reason);
    return pick;
}

static void compact_fills_and_reuses_what_is_given_back(void **state)
{
    struct board board = new_board("schema = 1\n[defaults]\nbind_to = \"node\"\ndistribution = \"compact\"\n");
    struct pick picks[4];
    (void)state;
    for (int i = 0; i < 4; i++)
        picks[i] = take(&board, 0, PLAN_NONE, "0-3", REASON_OK);
    take(&board, 0, PLAN_NONE, "4-7", REASON_OK);
    pick_release(&board.compiled.view, &board.occupancy, picks[2]);
    take(&board, 0, PLAN_NONE, "0-3", REASON_OK);
    for (int i = 0; i < 3; i++)
        take(&board, 0, PLAN_NONE, "4-7", REASON_OK);
    take(&board, 0, PLAN_NONE, "0-3", REASON_OVERSUBSCRIBED);
    take(&board, 0, PLAN_NONE, "4-7", REASON_OVERSUBSCRIBED);
    free_board(&board);
}

static void inherit_goes_where_the_creator_is(void **state)
{
    struct board board = new_board("schema = 1\n[defaults]\nbind_to = \"node\"\n");
    (void)state;
    struct pick first = take(&board, 0, PLAN_NONE, "0-3", REASON_OK);
    struct plan_view *plan = &board.compiled.view;
    uint32_t second_slot = plan->rules[0].slot_first + 1;
    take(&board, 0, second_slot, "4-7", REASON_OK);
    take(&board, 0, first.slot, "0-3", REASON_OK);
    free_board(&board);
}

static void round_robin_and_least_loaded_spread(void **state)
{
    struct board board = new_board("schema = 1\n[[rules]]\nname = \"turn\"\nmatch = { thread = \"a\" }\n"
                                   "distribution = \"round_robin\"\nbind_to = \"node\"\n"
                                   "[[rules]]\nname = \"load\"\nmatch = { thread = \"b\" }\n"
                                   "distribution = \"least_loaded\"\nbind_to = \"node\"\n");
    (void)state;
    take(&board, 0, PLAN_NONE, "0-3", REASON_OK);
    take(&board, 0, PLAN_NONE, "4-7", REASON_OK);
    take(&board, 0, PLAN_NONE, "0-3", REASON_OK);
    struct pick other = take(&board, 1, PLAN_NONE, "4-7", REASON_OK); /* the other rule has two and one */
    take(&board, 1, PLAN_NONE, "0-3", REASON_OK);
    pick_release(&board.compiled.view, &board.occupancy, other);
    take(&board, 1, PLAN_NONE, "4-7", REASON_OK);
    free_board(&board);
}

/* Two rules: threads a and threads b. */
static struct board board_of_two(const char *machine, const char *keys_of_a, const char *keys_of_b)
{
    char policy[512];
    snprintf(policy, sizeof(policy),
             "schema = 1\n[[rules]]\nname = \"a\"\nmatch = { thread = \"a\" }\n%s\n"
             "[[rules]]\nname = \"b\"\nmatch = { thread = \"b\" }\n%s\n",
             keys_of_a, keys_of_b);
    return board_on(machine, policy);
}

static void rules_keep_out_of_each_others_way(void **state)
{
    static const char *const distributions[] = {"inherit", "compact", "scatter", "least_loaded"};
    static const char *const bound_to[] = {"core", "cpu"};
    (void)state;
    for (int i = 0; i < 4 * 4 * 2; i++) {
        char a[128], b[128];
        unsigned seen = 0;
        snprintf(a, sizeof(a), "distribution = \"%s\"\nbind_to = \"%s\"", distributions[i % 4], bound_to[i / 16]);
        snprintf(b, sizeof(b), "distribution = \"%s\"\nbind_to = \"core\"", distributions[i / 4 % 4]);
        struct board board = board_of_two(MACHINE, a, b);
        for (uint32_t k = 0; k < 8; k++) { /* five and three, in turns */
            uint64_t bits[2];
            bool shared;
            struct pick pick = pick_slot(&board.compiled.view, &board.occupancy, k % 2 && k < 6, PLAN_NONE);
            pick_mask(&board.compiled.view, &board.occupancy, pick, bits, 2, &shared);
            seen |= (unsigned)bits[0];
        }
        assert_int_equal(seen, 0xff);
        free_board(&board);
    }
}

static void a_second_hardware_thread_is_no_free_core_for_another_rule(void **state)
{
    struct board board = board_of_two("pack:1 core:4 pu:2", "cpus = \"1,3\"\nbind_to = \"cpu\"",
                                      "bind_to = \"cpu\"\ndistribution = \"least_loaded\"");
    (void)state;
    take(&board, 0, PLAN_NONE, "1", REASON_OK);
    take(&board, 0, PLAN_NONE, "3", REASON_OK);
    take(&board, 1, PLAN_NONE, "4", REASON_OK);
    take(&board, 1, PLAN_NONE, "6", REASON_OK);
    take(&board, 1, PLAN_NONE, "0", REASON_OK); /* each core has one */
    take(&board, 1, PLAN_NONE, "2", REASON_OK);
    free_board(&board);
}

static void threads_that_may_be_elsewhere_on_the_node_give_way(void **state)
{
    struct board board =
        board_of_two(MACHINE, "bind_to = \"node\"\nnodes = \"0\"", "bind_to = \"core\"\ndistribution = \"compact\"");
    (void)state;
    for (int i = 0; i < 3; i++)
        take(&board, 0, PLAN_NONE, "0-3", REASON_OK);
    take(&board, 1, PLAN_NONE, "0", REASON_OK); /* the fourth on four CPUs */
    take(&board, 1, PLAN_NONE, "4", REASON_OK);
    free_board(&board);
}

static void exclusive_threads_go_where_nobody_is_bound(void **state)
{
    struct board board = board_of_two(MACHINE, "bind_to = \"core\"\ncpus = \"0-1\"",
                                      "bind_to = \"core\"\ncpus = \"0-2\"\nexclusive = true");
    (void)state;
    take(&board, 0, PLAN_NONE, "0", REASON_OK);
    take(&board, 1, PLAN_NONE, "1", REASON_OK);
    take(&board, 1, PLAN_NONE, "2", REASON_OK);
    take(&board, 1, PLAN_NONE, "0", REASON_OK); /* it asked for one alone */
    free_board(&board);
}

/* --- threads that chose their CPUs --- */

static struct occupancy_pin pin_on(struct board *board, const char *cpus)
{
    struct cpuset set = CPUSET_EMPTY;
    struct occupancy_pin pin;
    size_t wrong_at;
    assert_int_equal(cpuset_parse_list(&set, cpus, &wrong_at), 0);
    occupancy_pin_set(&pin, set.words, set.count);
    occupancy_pin_add(&board->compiled.view, &board->occupancy, &pin);
    cpuset_free(&set);
    return pin;
}

static void next_threads_avoid_cpus_that_a_thread_chose(void **state)
{
    static const char *const distributions[] = {"inherit", "compact", "scatter", "least_loaded"};
    (void)state;
    for (int i = 0; i < 4; i++) {
        char policy[128];
        snprintf(policy, sizeof(policy), "schema = 1\n[defaults]\nbind_to = \"core\"\ndistribution = \"%s\"\n",
                 distributions[i]);
        struct board board = new_board(policy);
        struct pick chose = pick_slot(&board.compiled.view, &board.occupancy, 0, PLAN_NONE);
        pick_count(&board.compiled.view, &board.occupancy, &chose, false); /* it left the first core */
        pin_on(&board, "1");
        pin_on(&board, "4");
        uint64_t bits[2], seen = 0;
        bool shared;
        for (int k = 0; k < 6; k++) {
            struct pick pick = pick_slot(&board.compiled.view, &board.occupancy, 0, PLAN_NONE);
            pick_mask(&board.compiled.view, &board.occupancy, pick, bits, 2, &shared);
            seen |= bits[0];
        }
        assert_int_equal(seen, 0xed);
        free_board(&board);
    }
}

static uint64_t all_counts(const struct board *board)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < board->compiled.view.count[PLAN_CPUS]; i++) {
        const struct occupancy_count *count = &board->occupancy.counts[i];
        sum += atomic_load(&count->own.all) + atomic_load(&count->own.tight) + atomic_load(&count->pinned.all);
    }
    return sum;
}

static void what_is_given_back_is_exactly_what_was_taken(void **state)
{
    static const char *const pins[] = {"0-6", "3", "0-127", "0-4,7,200", "0-900", "64"};
    struct board board =
        board_of_two("pack:7 numa:1 core:13 pu:1", "bind_to = \"core\"", "bind_to = \"none\"\ncpus = \"1-11\"");
    const struct plan_view *plan = &board.compiled.view;
    struct pick picks[64];
    (void)state;
    for (uint32_t i = 0; i < 64; i++) {
        picks[i] = pick_slot(plan, &board.occupancy, i % 2, PLAN_NONE);
        if (i % 3 == 0)
            pick_count(plan, &board.occupancy, &picks[i], false);
        if (i % 6 == 0)
            pick_count(plan, &board.occupancy, &picks[i], true);
    }
    assert_int_not_equal(all_counts(&board), 0);
    for (uint32_t i = 0; i < 6; i++) {
        struct occupancy_pin pin = pin_on(&board, pins[i]);
        occupancy_pin_remove(plan, &board.occupancy, &pin);
    }
    for (uint32_t i = 0; i < 64; i++)
        pick_release(plan, &board.occupancy, picks[i]);
    assert_int_equal(all_counts(&board), 0);
    free_board(&board);
}

/* However many CPUs it may use. */
static void a_thread_counts_as_one(void **state)
{
    struct board board = board_of_two("pack:7 numa:1 core:13 pu:1", "bind_to = \"none\"", "cpus = \"3-5,70\"");
    const struct plan_view *plan = &board.compiled.view;
    (void)state;
    pick_slot(plan, &board.occupancy, 0, PLAN_NONE);
    assert_int_equal(occupancy_load(plan, &board.occupancy, plan->slots[0].mask).all, OCCUPANCY_ONE);
    struct occupancy_pin pin = pin_on(&board, "0-16");
    assert_int_equal(occupancy_load(plan, &board.occupancy, plan->slots[0].mask).all, 2 * OCCUPANCY_ONE);
    occupancy_pin_remove(plan, &board.occupancy, &pin);
    free_board(&board);
}

static struct board board_of_nodes(const char *machine)
{
    return board_on(machine, "schema = 1\n[defaults]\nbind_to = \"node\"\ndistribution = \"least_loaded\"\n");
}

static void least_loaded_stays_with_the_creator_but_for_one_thread(void **state)
{
    struct board board = board_of_nodes(MACHINE);
    uint32_t second = board.compiled.view.rules[0].slot_first + 1;
    (void)state;
    struct pick there = take(&board, 0, second, "4-7", REASON_OK); /* of equals */
    take(&board, 0, second, "4-7", REASON_OK);                     /* with one more than the other */
    take(&board, 0, second, "0-3", REASON_OK);                     /* with two */
    take(&board, 0, PLAN_NONE, "0-3", REASON_OK);                  /* without a creator: fewer */
    pick_release(&board.compiled.view, &board.occupancy, there);
    take(&board, 0, PLAN_NONE, "4-7", REASON_OK);
    free_board(&board);
}

/* Creators that wait for what they make, two on each node: all stay where they are, in whatever order they come. */
static void least_loaded_stays_with_the_creator_when_all_is_full(void **state)
{
    struct board board = board_of_nodes("pack:2 numa:1 l3:1 core:2 pu:1");
    uint32_t slots = board.compiled.view.rules[0].slot_first;
    (void)state;
    for (int i = 0; i < 2; i++) {
        take(&board, 0, PLAN_NONE, "0-1", REASON_OK);
        take(&board, 0, PLAN_NONE, "2-3", REASON_OK);
    }
    struct pick made[4];
    for (int i = 0; i < 4; i++)
        made[i] = take(&board, 0, slots + (i < 2), i < 2 ? "2-3" : "0-1", REASON_OVERSUBSCRIBED);
    pick_release(&board.compiled.view, &board.occupancy, made[0]);
    pick_release(&board.compiled.view, &board.occupancy, made[3]);
    take(&board, 0, slots, "0-1", REASON_OVERSUBSCRIBED);
    take(&board, 0, slots + 1, "2-3", REASON_OVERSUBSCRIBED);
    free_board(&board);
}

static void least_loaded_leaves_no_cpu_idle_for_nearness(void **state)
{
    struct board board = board_of_nodes("pack:2 numa:1 l3:1 core:2 pu:1");
    uint32_t first = board.compiled.view.rules[0].slot_first;
    (void)state;
    take(&board, 0, first, "0-1", REASON_OK);
    take(&board, 0, first, "0-1", REASON_OK);
    take(&board, 0, first, "2-3", REASON_OK); /* two more */
    take(&board, 0, first, "2-3", REASON_OK); /* one more, but here is a CPU */
    free_board(&board);
    board = board_of_nodes("pack:2 numa:1 l3:1 core:1 pu:1");
    first = board.compiled.view.rules[0].slot_first;
    take(&board, 0, first, "0", REASON_OK);
    take(&board, 0, first, "1", REASON_OK);
    free_board(&board);
}

static void least_loaded_among_cores_is_no_matter_of_nearness(void **state)
{
    struct board board = new_board("schema = 1\n[defaults]\nbind_to = \"core\"\ndistribution = \"least_loaded\"\n");
    uint32_t third = board.compiled.view.rules[0].slot_first + 2;
    (void)state;
    for (int i = 0; i < 8; i++)
        pick_slot(&board.compiled.view, &board.occupancy, 0, PLAN_NONE);
    assert_int_equal(pick_slot(&board.compiled.view, &board.occupancy, 0, third).slot, third);
    assert_int_not_equal(pick_slot(&board.compiled.view, &board.occupancy, 0, third).slot, third);
    free_board(&board);
}

#define EXCLUSIVE                                                                                                      \
    "schema = 1\n[defaults]\nbind_to = \"node\"\nnodes = \"0\"\n[[rules]]\nname = \"x\"\n"                             \
    "match = { thread = \"x\" }\nbind_to = \"core\"\nexclusive = true\ndistribution = \"compact\"\n"

static void exclusive_cpus_leave_the_masks_of_others(void **state)
{
    struct board board = new_board(EXCLUSIVE);
    (void)state;
    struct pick x[4];
    x[0] = take(&board, 0, PLAN_NONE, "0", REASON_OK);
    assert_true(x[0].claims);
    take(&board, 1, PLAN_NONE, "1-3", REASON_OK);
    for (int i = 1; i < 4; i++)
        x[i] = pick_slot(&board.compiled.view, &board.occupancy, 0, PLAN_NONE);
    take(&board, 1, PLAN_NONE, "0-3", REASON_SHARED_CPU);
    struct pick late = pick_slot(&board.compiled.view, &board.occupancy, 0, PLAN_NONE);
    assert_false(late.claims);
    assert_int_equal(late.reason, REASON_NO_FREE_SLOT);
    pick_release(&board.compiled.view, &board.occupancy, x[2]);
    take(&board, 1, PLAN_NONE, "2", REASON_OK);
    free_board(&board);
}

/* --- many threads at once --- */

static _Atomic unsigned owners[8];
static struct board *contested;

static void main_stays_where_it_is_among_nodes(void **state)
{
    static const struct {
        const char *keys;
        bool stays;
    } rules[] = {
        {"bind_to = \"node\"", true},
        {"bind_to = \"l3\"\ndistribution = \"least_loaded\"", true},
        {"bind_to = \"node\"\ndistribution = \"compact\"", false},
        {"bind_to = \"node\"\ndistribution = \"primary\"", false},
        {"bind_to = \"core\"", false},
        {"bind_to = \"node\"\nnodes = \"1\"", false},
        {"bind_to = \"node\"\nexclusive = true", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
        char policy[200];
        snprintf(policy, sizeof(policy), "schema = 1\n[defaults]\n%s\n", rules[i].keys);
        struct board board = new_board(policy);
        assert_int_equal(pick_keeps_start(&board.compiled.view, 0), rules[i].stays);
        free_board(&board);
    }
}

static void primary_is_one_place_near_the_creator_of_the_first(void **state)
{
    struct board board = new_board("schema = 1\n[[rules]]\nname = \"io\"\nmatch = { thread = \"io\" }\nnodes = \"1\"\n"
                                   "bind_to = \"node\"\n[defaults]\nbind_to = \"node\"\ndistribution = \"primary\"\n"
                                   "rebalance = { steal = \"any\" }\n");
    const struct plan_rule *rule = &board.compiled.view.rules[1];
    struct pick creator = take(&board, 0, PLAN_NONE, "4-7", REASON_OK), elsewhere;
    (void)state;
    assert_int_equal(rule->slot_count, 2); /* threads may leave */
    assert_true(pick_keeps_start(&board.compiled.view, 1));
    struct pick first = take(&board, 1, creator.slot, "4-7", REASON_OK);
    take(&board, 1, PLAN_NONE, "4-7", REASON_OK);
    take(&board, 1, rule->slot_first, "4-7", REASON_OK); /* where the others are */
    elsewhere = pick_this(&board.compiled.view, &board.occupancy, rule->slot_first);
    take(&board, 1, elsewhere.slot, "4-7", REASON_OK); /* one that has left takes none with it */
    for (int i = 0; i < 2; i++)
        pick_release(&board.compiled.view, &board.occupancy, first);
    take(&board, 1, PLAN_NONE, "4-7", REASON_OK);
    free_board(&board);
}

static void primary_without_another_place_is_the_first(void **state)
{
    struct board board = new_board("schema = 1\n[defaults]\nbind_to = \"node\"\ndistribution = \"primary\"\n");
    (void)state;
    for (int i = 0; i < 4; i++)
        take(&board, 0, PLAN_NONE, "0-3", REASON_OK);
    take(&board, 0, PLAN_NONE, "0-3", REASON_OVERSUBSCRIBED);
    free_board(&board);
}

static void *grabs(void *unused)
{
    for (int i = 0; i < 20000; i++) {
        struct pick pick = pick_slot(&contested->compiled.view, &contested->occupancy, 0, PLAN_NONE);
        if (pick.claims) {
            const struct plan_view *plan = &contested->compiled.view;
            for (unsigned cpu = 0; cpu < 8; cpu++)
                if (plan_mask_has(plan, plan->slots[pick.slot].claim_mask, cpu) &&
                    atomic_fetch_add(&owners[cpu], 1) != 0)
                    abort(); /* two believe that the CPU is theirs alone */
            for (unsigned cpu = 0; cpu < 8; cpu++)
                if (plan_mask_has(plan, plan->slots[pick.slot].claim_mask, cpu))
                    atomic_fetch_sub(&owners[cpu], 1);
        }
        pick_release(&contested->compiled.view, &contested->occupancy, pick);
    }
    return unused;
}

static void no_cpu_is_ever_claimed_twice(void **state)
{
    struct board board = new_board(EXCLUSIVE);
    pthread_t threads[6];
    (void)state;
    contested = &board;
    for (int i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, grabs, NULL), 0);
    for (int i = 0; i < 6; i++)
        pthread_join(threads[i], NULL);
    for (uint32_t slot = 0; slot < board.compiled.view.count[PLAN_SLOTS]; slot++)
        assert_int_equal(atomic_load(&board.occupancy.used[slot]), 0);
    assert_int_equal(atomic_load(&board.occupancy.claimed[0]), 0);
    free_board(&board);
}

/* Compact fills places of 3, 1 and 2 CPUs before the next, and begins anew when all are full; the others take turns. */
/* Threads that have these CPUs, against the cores there: hardware threads are 2 n and 2 n + 1. */
static void assert_core_for_each(struct board *board, const struct pick *picks, size_t count, const char *what)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t mask[2] = {0};
        unsigned threads = 0, cores = 0;
        bool shared;
        pick_mask(&board->compiled.view, &board->occupancy, picks[i], mask, 2, &shared);
        for (size_t k = 0; k < count; k++) {
            uint64_t other[2] = {0};
            pick_mask(&board->compiled.view, &board->occupancy, picks[k], other, 2, &shared);
            threads += !(other[0] & ~mask[0]);
        }
        for (unsigned core = 0; core < 32; core++)
            cores += (mask[0] >> 2 * core & 3) != 0;
        if (threads > cores)
            fail_msg("%s: %u threads on %u cores", what, threads, cores);
    }
}

static void with_cores_first_no_two_threads_share_a_core_while_one_is_free(void **state)
{
    static const char *const distributions[] = {"inherit", "compact", "scatter", "round_robin", "least_loaded"};
    static const char *const levels[] = {"node", "socket", "l3", "core", "cpu"};
    static const char *const machines[] = {"pack:1 core:4 pu:2", "pack:2 numa:1 l3:2 core:2 pu:2"};
    static const unsigned cores[] = {4, 8};
    (void)state;
    for (unsigned i = 0; i < 5 * 5 * 5 * 2; i++) {
        const char *distribution = distributions[i % 5], *level = levels[i / 5 % 5], *bind_to = levels[i / 25 % 5];
        char policy[256];
        struct pick picks[8];
        unsigned count = cores[i / 125];
        snprintf(policy, sizeof(policy),
                 "schema = 1\n[defaults]\ndistribution = \"%s\"\nlevel = \"%s\"\nbind_to = \"%s\"\n", distribution,
                 level, bind_to);
        struct board board = board_on(machines[i / 125], policy);
        for (unsigned k = 0; k < count; k++)
            picks[k] = pick_slot(&board.compiled.view, &board.occupancy, 0, k ? picks[k - 1].slot : PLAN_NONE);
        assert_core_for_each(&board, picks, count, policy);
        for (unsigned k = 0; k < count; k++)
            assert_int_equal(picks[k].reason, REASON_OK);
        for (unsigned k = 0; k < count; k++) /* the second hardware threads have room, too */
            assert_int_equal(pick_slot(&board.compiled.view, &board.occupancy, 0, PLAN_NONE).reason, REASON_OK);
        free_board(&board);
    }
}

static void the_nth_thread_of_compact_counts_capacities(void **state)
{
    static const uint32_t compact[] = {0, 0, 0, 1, 2, 2, 0, 0, 0, 1, 2, 2};
    static const uint32_t turns[] = {0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2};
    struct board board = board_on("pack:3 numa:1 core:4 pu:1; allowed=0-2,4,8-9",
                                  "schema = 1\n[[rules]]\nname = \"c\"\nmatch = { thread = \"a\" }\n"
                                  "distribution = \"compact\"\nbind_to = \"node\"\n"
                                  "[[rules]]\nname = \"r\"\nmatch = { thread = \"b\" }\n"
                                  "distribution = \"round_robin\"\nbind_to = \"node\"\n"
                                  "[[rules]]\nname = \"i\"\nmatch = { thread = \"c\" }\nbind_to = \"node\"\n");
    const struct plan_view *plan = &board.compiled.view;
    (void)state;
    for (uint32_t n = 0; n < 12; n++) {
        assert_int_equal(pick_nth(plan, 0, n), plan->rules[0].slot_first + compact[n]);
        assert_int_equal(pick_nth(plan, 1, n), plan->rules[1].slot_first + turns[n]);
        assert_int_equal(pick_nth(plan, 2, n), PLAN_NONE); /* that is the creator's place */
    }
    free_board(&board);
}

/* Returns how many of the processes with consecutive numbers begin with a CPU that none before them has. */
static unsigned places_of(const char *words, uint32_t first, unsigned processes)
{
    char policy[256];
    uint64_t taken = 0;
    snprintf(policy, sizeof(policy), "schema = 1\n[defaults]\nbind_to = \"cpu\"\n%s\n", words);
    for (uint32_t number = first; number < first + processes; number++) {
        struct board board = new_board(policy);
        uint64_t mine = 0, bits[2];
        bool shared;
        occupancy_begin_at(&board.occupancy, number);
        for (int i = 0; i < 8; i++) {
            struct pick pick = pick_slot(&board.compiled.view, &board.occupancy, 0, PLAN_NONE);
            pick_mask(&board.compiled.view, &board.occupancy, pick, bits, 2, &shared);
            assert_false(mine & bits[0]); /* its own threads still have a CPU each */
            mine |= bits[0];
            if (!i)
                taken |= bits[0];
        }
        free_board(&board);
    }
    return (unsigned)__builtin_popcountll(taken);
}

static void processes_that_do_not_know_of_each_other_begin_apart(void **state)
{
    static const char *const words[] = {"distribution = \"inherit\"", "distribution = \"compact\"",
                                        "distribution = \"scatter\"", "distribution = \"least_loaded\"",
                                        "exclusive = true"};
    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        for (uint32_t first = 1; first < 100000; first += 9973) {
            assert_int_equal(places_of(words[i], first, 2), 2);
            assert_int_equal(places_of(words[i], first, 4), 4);
            assert_true(places_of(words[i], first, 8) > 4);
        }
}

/* A cpuset that is smaller than the plan, as a container's is: CPUs 6 and 7, on the second node. */
static void places_outside_a_smaller_cpuset_are_not_chosen(void **state)
{
    static const char *const words[] = {"round_robin", "scatter", "least_loaded", "compact", "inherit"};
    const uint64_t inside[] = {0xc0};
    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        for (int alone = 0; alone < 2; alone++) {
            char policy[256];
            snprintf(
                policy, sizeof(policy),
                "schema = 1\n[[rules]]\nname = \"x\"\nmatch = { thread = \"*\" }\nbind_to = \"cpu\"\ndistribution = \"%s\"\n%s",
                words[i], alone ? "exclusive = true" : "");
            struct board board = new_board(policy);
            uint64_t bits[2], taken = 0;
            bool shared;
            occupancy_narrow(&board.compiled.view, &board.occupancy, inside, 1);
            for (int thread = 0; thread < 3; thread++) {
                struct pick pick = pick_slot(&board.compiled.view, &board.occupancy, 0, PLAN_NONE);
                pick_mask(&board.compiled.view, &board.occupancy, pick, bits, 2, &shared);
                assert_true(pick_is_usable(&board.compiled.view, &board.occupancy, pick.slot));
                assert_int_equal(pick.claims, alone && thread < 2);
                assert_int_equal(bits[0] & ~inside[0], 0);
                taken |= bits[0];
            }
            assert_int_equal(taken, inside[0]);
            free_board(&board);
        }
}

static void a_claim_takes_what_is_inside(void **state)
{
    const uint64_t inside[] = {0x02};
    struct board board = board_on(
        "pack:1 core:2 pu:2", "schema = 1\n[[rules]]\nname = \"x\"\nmatch = { thread = \"*\" }\nbind_to = \"core\"\n"
                              "exclusive = true\n");
    (void)state;
    occupancy_narrow(&board.compiled.view, &board.occupancy, inside, 1);
    assert_true(pick_slot(&board.compiled.view, &board.occupancy, 0, PLAN_NONE).claims);
    assert_false(pick_slot(&board.compiled.view, &board.occupancy, 0, PLAN_NONE).claims);
    assert_int_equal(board.occupancy.claimed[0], 0x02);
    free_board(&board);
}

static void a_rule_that_is_all_outside_still_gives_a_place(void **state)
{
    const uint64_t inside[] = {0x80};
    struct board board = new_board(
        "schema = 1\n[[rules]]\nname = \"x\"\nmatch = { thread = \"*\" }\ncpus = \"0-1\"\nbind_to = \"cpu\"\n");
    (void)state;
    occupancy_narrow(&board.compiled.view, &board.occupancy, inside, 1);
    struct pick pick = take(&board, 0, PLAN_NONE, "0", REASON_SHARED_CPU);
    assert_false(pick_is_usable(&board.compiled.view, &board.occupancy, pick.slot));
    free_board(&board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processes_that_do_not_know_of_each_other_begin_apart),
        cmocka_unit_test(with_cores_first_no_two_threads_share_a_core_while_one_is_free),
        cmocka_unit_test(the_nth_thread_of_compact_counts_capacities),
        cmocka_unit_test(places_outside_a_smaller_cpuset_are_not_chosen),
        cmocka_unit_test(a_claim_takes_what_is_inside),
        cmocka_unit_test(a_rule_that_is_all_outside_still_gives_a_place),
        cmocka_unit_test(compact_fills_and_reuses_what_is_given_back),
        cmocka_unit_test(inherit_goes_where_the_creator_is),
        cmocka_unit_test(round_robin_and_least_loaded_spread),
        cmocka_unit_test(rules_keep_out_of_each_others_way),
        cmocka_unit_test(a_second_hardware_thread_is_no_free_core_for_another_rule),
        cmocka_unit_test(threads_that_may_be_elsewhere_on_the_node_give_way),
        cmocka_unit_test(exclusive_threads_go_where_nobody_is_bound),
        cmocka_unit_test(next_threads_avoid_cpus_that_a_thread_chose),
        cmocka_unit_test(what_is_given_back_is_exactly_what_was_taken),
        cmocka_unit_test(a_thread_counts_as_one),
        cmocka_unit_test(least_loaded_stays_with_the_creator_but_for_one_thread),
        cmocka_unit_test(least_loaded_stays_with_the_creator_when_all_is_full),
        cmocka_unit_test(least_loaded_leaves_no_cpu_idle_for_nearness),
        cmocka_unit_test(least_loaded_among_cores_is_no_matter_of_nearness),
        cmocka_unit_test(main_stays_where_it_is_among_nodes),
        cmocka_unit_test(primary_is_one_place_near_the_creator_of_the_first),
        cmocka_unit_test(primary_without_another_place_is_the_first),
        cmocka_unit_test(exclusive_cpus_leave_the_masks_of_others),
        cmocka_unit_test(no_cpu_is_ever_claimed_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
