#include <stdio.h>
#include <string.h>

#include "policy/balance.h"
#include "tests/unit/policy/fixture.h"

/* Two packages with two nodes each, four CPUs a node; a place a CPU. */
#define MACHINE "pack:2 numa:2 l3:1 core:4"
#define POLICY                                                                                                         \
    "schema = 1\n[defaults]\nbind_to = \"cpu\"\ndistribution = \"compact\"\nlevel = \"cpu\"\n"                         \
    "rebalance = { steal = \"%s\", imbalance = 0.25 }\n"

struct load {
    unsigned cpu, load;
};

static uint32_t slot_on(const struct plan_view *plan, unsigned cpu)
{
    for (uint32_t slot = 0; slot < plan->count[PLAN_SLOTS]; slot++)
        if (plan->masks[plan->slots[slot].mask].weight == 1 && plan_mask_has(plan, plan->slots[slot].mask, cpu))
            return slot;
    fail_msg("no place on CPU %u", cpu);
    return 0;
}

static unsigned cpu_of(const struct plan_view *plan, uint32_t slot)
{
    unsigned cpu = 0;
    while (!plan_mask_has(plan, plan->slots[slot].mask, cpu))
        cpu++;
    return cpu;
}

/* "0 4": CPUs of the threads after one look; a thread that is not movable has a load of more than 10000. */
static void after_a_look(const char *steal, const struct load *loads, size_t count, char *ret_text, size_t size,
                         uint32_t *ret_moves)
{
    char policy[512];
    snprintf(policy, sizeof(policy), POLICY, steal);
    struct compiled compiled = compile_text(policy, MACHINE);
    struct balance_thread threads[32];
    uint32_t cpu_load[64];
    for (size_t i = 0; i < count; i++)
        threads[i] = (struct balance_thread){.rule = 0,
                                             .slot = slot_on(&compiled.view, loads[i].cpu),
                                             .load = loads[i].load % 10000,
                                             .movable = loads[i].load < 10000};
    *ret_moves = balance(&compiled.view, threads, (uint32_t)count, cpu_load, 64);
    *ret_text = '\0';
    for (size_t i = 0; i < count; i++)
        snprintf(ret_text + strlen(ret_text), size - strlen(ret_text), "%s%u", i ? " " : "",
                 cpu_of(&compiled.view, threads[i].slot));
    compiled_free(&compiled);
}

static void looks(void **state)
{
    static const struct {
        const char *what, *steal;
        size_t count;
        struct load loads[9];
        const char *cpus;
        uint32_t moves;
    } cases[] = {
        {"nothing to do", "any", 2, {{0, 1000}, {1, 1000}}, "0 1", 0},
        {"off", "off", 2, {{0, 1000}, {0, 1000}}, "0 0", 0},
        {"two on one", "any", 2, {{0, 990}, {0, 985}}, "1 0", 1},
        {"all on one spread over the node", "node", 4, {{0, 1000}, {0, 1000}, {0, 1000}, {0, 1000}}, "1 2 3 0", 3},
        {"what sleeps is no load", "any", 3, {{0, 1000}, {0, 0}, {0, 0}}, "0 0 0", 0},
        {"half a load each fits on one", "any", 2, {{0, 480}, {0, 480}}, "0 0", 0},
        {"within the node only", "node", 5, {{0, 1000}, {0, 1000}, {1, 1000}, {2, 1000}, {3, 1000}}, "0 0 1 2 3", 0},
        {"within the socket", "socket", 5, {{0, 1000}, {0, 1000}, {1, 1000}, {2, 1000}, {3, 1000}}, "4 0 1 2 3", 1},
        {"a thread that came a moment ago stays", "any", 2, {{0, 11000}, {0, 11000}}, "0 0", 0},
        {"and another one goes", "any", 2, {{0, 11000}, {0, 1000}}, "0 1", 1},
        {"a difference that is put up with",
         "any",
         6,
         {{0, 600}, {0, 500}, {1, 900}, {2, 900}, {3, 900}, {4, 950}},
         "0 0 1 2 3 4",
         0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[128];
        uint32_t moves;
        after_a_look(cases[i].steal, cases[i].loads, cases[i].count, text, sizeof(text), &moves);
        if (moves != cases[i].moves || strcmp(text, cases[i].cpus) != 0)
            fail_msg("%s: %u moves, then on %s", cases[i].what, moves, text);
    }
}

/* A second look at what the first one made changes nothing, whatever the load. */
static void it_settles(void **state)
{
    unsigned seed = 1;
    (void)state;
    for (int round = 0; round < 200; round++) {
        char policy[512];
        snprintf(policy, sizeof(policy), POLICY, "any");
        struct compiled compiled = compile_text(policy, MACHINE);
        struct balance_thread threads[24];
        uint32_t cpu_load[64];
        for (size_t i = 0; i < 24; i++) {
            seed = seed * 1103515245 + 12345;
            threads[i] =
                (struct balance_thread){.slot = slot_on(&compiled.view, seed >> 16 & 3), .load = (seed >> 20) % 1001};
        }
        for (int look = 0; look < 3; look++) {
            for (size_t i = 0; i < 24; i++)
                threads[i].movable = true;
            balance(&compiled.view, threads, 24, cpu_load, 64);
        }
        for (size_t i = 0; i < 24; i++)
            threads[i].movable = true;
        assert_int_equal(balance(&compiled.view, threads, 24, cpu_load, 64), 0);
        compiled_free(&compiled);
    }
}

/* One thread more or less is hardly a difference there; many are. */
static void nodes_of_many_cpus_are_balanced_too(void **state)
{
    struct compiled compiled = compile_text("schema = 1\n[defaults]\nbind_to = \"node\"\ndistribution = \"primary\"\n"
                                            "rebalance = { steal = \"any\" }\n",
                                            "pack:2 numa:1 core:64");
    struct balance_thread threads[128];
    uint32_t cpu_load[128], left = 0;
    (void)state;
    for (size_t i = 0; i < 128; i++)
        threads[i] = (struct balance_thread){.load = 1000, .movable = true};
    for (int look = 0; look < 2; look++) {
        assert_int_equal(balance(&compiled.view, threads, 128, cpu_load, 64) > 0, look == 0);
        for (size_t i = 0; i < 128; i++)
            threads[i].movable = true;
    }
    for (size_t i = 0; i < 128; i++)
        left += threads[i].slot == 0;
    assert_in_range(left, 64, 84); /* a quarter more than CPUs is put up with */
    compiled_free(&compiled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(looks), cmocka_unit_test(it_settles),
                                       cmocka_unit_test(nodes_of_many_cpus_are_balanced_too)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
