#include "tools/prepare/left_out.h"

#include <stdbool.h>

static bool any_arena(const struct plan_view *plan)
{
    for (uint32_t i = 0; i < plan->count[PLAN_RULES]; i++)
        if (plan->rules[i].arena != ARENA_OFF)
            return true;
    return false;
}

json_t *left_out_json(const struct plan_view *plan)
{
    const struct plan_header *header = plan->header;
    const struct {
        bool is_asked;
        const char *text;
    } all[] = {
        {header->features & (PLAN_NEEDS_LIBRARIES | PLAN_NEEDS_FUNCTIONS | PLAN_NEEDS_CALLSTACK),
         "conditions on start routines, creators and call stacks (none holds)"},
        {any_arena(plan), "arenas"},
        {header->features & PLAN_HAS_MEMPOLICY, "memory policies of threads"},
        {header->features & PLAN_HAS_STACKS, "stacks"},
        {header->features & PLAN_HAS_NEXT_TOUCH, "next touch"},
        {header->features & PLAN_HAS_MAPPING_RULES, "mapping rules"},
        {header->features & PLAN_HAS_RENAME, "names of threads"},
        {header->features & (PLAN_HAS_STEAL | PLAN_HAS_SHARING), "moving threads by load and use"},
        {header->process_shares > 0, "shares of processes"},
        {header->cpu_report != CPUS_AUTO && header->cpu_report != CPUS_HOST,
         "the number of CPUs that the program is told"},
        {header->at_exit != AT_EXIT_OFF, "the report at the end"},
    };
    json_t *missing = json_array();
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        if (all[i].is_asked)
            json_array_append_new(missing, json_string(all[i].text));
    return missing;
}

void left_out_text(FILE *to, const json_t *left_out)
{
    size_t index;
    json_t *text;
    json_array_foreach(left_out, index, text)
        fprintf(to, "%s%s", index ? ", " : "", json_string_value(text));
}
