/* walk: everything that the shim may do with a checked plan, for tests and fuzzers. */
#ifndef NODEWISE_TESTS_POLICY_WALK_H
#define NODEWISE_TESTS_POLICY_WALK_H

#include <stdlib.h>

#include "policy/match.h"
#include "policy/pick.h"

/* Matches threads of several kinds, takes slots of every rule and gives them back. Reads every text. */
static inline void walk_plan(const struct plan_view *plan)
{
    struct process_facts process = {
        .exe = "/bin/x", .comm = "x", .argv = "x y", .parent_comm = "sh", .index = 3, .uid = 7};
    struct thread_facts facts[] = {
        {.name = "x", .main = true, .process = &process},
        {.name = "io_thd_1", .index = 1, .start_library = "/a/b.so", .start_function = "f", .process = &process},
        {.unnamed = true,
         .index = 2,
         .creator_library = "c.so",
         .creator_function = "g",
         .frames = 1,
         .stack_library = {"s.so"},
         .stack_function = {"h"},
         .process = &process},
    };
    uint64_t bits[64];
    uint32_t key;
    bool shared;
    match_target(plan, &process, &key);
    if (plan->header->main_memory != PLAN_NONE) {
        const struct plan_rule *rule = &plan->rules[plan->header->main_memory];
        plan_mask_expand(plan, plan->slots[rule->slot_first].mem_mask, bits, 64);
    }
    for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++)
        match_rule(plan, &facts[i]);
    size_t size = occupancy_size(plan);
    void *memory = calloc(1, size ? size : 1);
    if (!memory)
        return;
    struct occupancy occupancy;
    occupancy_init(&occupancy, plan, memory);
    for (uint32_t rule = 0; rule < plan->count[PLAN_RULES] && rule < 64; rule++) {
        struct pick picks[5];
        for (int i = 0; i < 5; i++) {
            picks[i] = pick_slot(plan, &occupancy, rule, i ? picks[i - 1].slot : PLAN_NONE);
            pick_mask(plan, &occupancy, picks[i], bits, 64, &shared);
            plan_mask_expand(plan, plan->slots[picks[i].slot].mem_mask, bits, 64);
        }
        for (int i = 0; i < 5; i++)
            pick_release(plan, &occupancy, picks[i]);
        for (const char *p = plan_text(plan, plan->rules[rule].name); *p; p++)
            ;
        for (const char *p = plan_text(plan, plan->rules[rule].rename); *p; p++)
            ;
    }
    free(memory);
}

#endif
