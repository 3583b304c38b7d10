#include "tools/prepare/plan_view.h"

#include <stdlib.h>
#include <string.h>

#include "config/json_text.h"
#include "config/printable.h"
#include "policy/main_memory.h"
#include "policy/reason.h"
#include "tools/common/cli.h"

#define SLOTS_SHOWN 8u

char *plan_mask_text(const struct plan_view *plan, uint32_t mask)
{
    struct cpuset set = CPUSET_EMPTY;
    char *text = plan_mask_cpuset(plan, mask, &set) == 0 ? cpuset_to_string(&set) : NULL;
    cpuset_free(&set);
    return text;
}

char *plan_nodes_of(const struct plan_view *plan, const struct cpuset *cpus)
{
    struct cpuset nodes = CPUSET_EMPTY;
    CPUSET_FOREACH(id, cpus)
        if ((uint32_t)id < plan->count[PLAN_CPUS] && plan->cpus[id].node != PLAN_NONE)
            cpuset_add(&nodes, plan->cpus[id].node);
    char *text = cpuset_to_string(&nodes);
    cpuset_free(&nodes);
    return text;
}

char *plan_memory_text(const struct plan_view *plan, const struct plan_rule *rule, uint32_t slot)
{
    const char *word = word_of(&words_mem_policy, rule->mem_policy);
    uint32_t mask = slot == PLAN_NONE ? 0 : plan->slots[slot].mem_mask;
    char *nodes = mask ? plan_mask_text(plan, mask) : NULL, *text = NULL;
    if (asprintf(&text, nodes && *nodes ? "%s %s" : "%s", word, nodes ? nodes : "") < 0)
        text = NULL;
    free(nodes);
    return text;
}

char *plan_main_memory_text(const struct plan_view *plan)
{
    uint32_t shared = plan->header->main_memory;
    if (shared == PLAN_NONE)
        return strdup("default");
    return plan_memory_text(plan, &plan->rules[shared], plan->rules[shared].slot_first);
}

/* --- text --- */

static void print_slots(FILE *to, const struct plan_view *plan, const struct plan_rule *rule)
{
    fprintf(to, "    places  ");
    for (uint32_t i = 0; i < rule->slot_count && i < SLOTS_SHOWN; i++) {
        char *cpus = plan_mask_text(plan, plan->slots[rule->slot_first + i].mask);
        fprintf(to, "%s%s", i ? " | " : "", cpus ? cpus : "?");
        free(cpus);
    }
    if (rule->slot_count > SLOTS_SHOWN)
        fprintf(to, " | … %u in all", rule->slot_count);
    fputc('\n', to);
}

static void print_rule(FILE *to, const struct plan_view *plan, uint32_t index)
{
    const struct plan_rule *rule = &plan->rules[index];
    char *cpus = plan_mask_text(plan, rule->set_mask);
    char *memory = plan_memory_text(plan, rule, rule->slot_first);
    fputs(printable(plan_text(plan, rule->name)), to);
    if (*plan_text(plan, rule->origin))
        fprintf(to, "  (%s)", printable(plan_text(plan, rule->origin)));
    fprintf(to, "\n    asked   %s -> CPUs %s", printable(plan_text(plan, rule->asked)), cpus ? cpus : "?");
    if (rule->set_reason != REASON_OK)
        fprintf(to, "  [%s]", reason_word(rule->set_reason));
    fprintf(to, "\n    spread  %s over %s, bound to %s", word_of(&words_distribution, rule->distribution),
            word_of(&words_level, rule->level), word_of(&words_level, rule->bind_to));
    if (rule->distribution == DIST_SHARING)
        fputs(", as least_loaded at birth", to);
    if (rule->smt != SMT_CORES_FIRST)
        fprintf(to, ", smt %s", word_of(&words_smt, rule->smt));
    if (rule->flags & PLAN_RULE_EXCLUSIVE)
        fprintf(to, ", exclusive");
    if (rule->enforcement == ENFORCE_HARD)
        fprintf(to, ", hard");
    if (rule->rename)
        fprintf(to, ", unnamed threads become %s", printable(plan_text(plan, rule->rename)));
    fputc('\n', to);
    print_slots(to, plan, rule);
    if (rule->mem_policy != MEM_DEFAULT)
        fprintf(to, "    memory  %s%s%s%s\n", memory ? memory : "?", rule->mem_reason ? "  [" : "",
                rule->mem_reason ? reason_word(rule->mem_reason) : "", rule->mem_reason ? "]" : "");
    free(cpus);
    free(memory);
}

static struct main_memory main_memory_in(const struct plan_view *plan)
{
    return main_memory_of(plan->rules, plan->count[PLAN_RULES], plan->header->default_rule, plan->slots);
}

static const char *rule_name(const struct plan_view *plan, uint32_t rule)
{
    return plan_text(plan, plan->rules[rule].name);
}

static void print_main_memory(FILE *to, const struct plan_view *plan)
{
    struct main_memory memory = main_memory_in(plan);
    char *text = plan_main_memory_text(plan);
    switch (memory.answer) {
    case MAIN_MEMORY_NOT_ASKED:
        break;
    case MAIN_MEMORY_SHARED:
        fprintf(to, "    memory  %s, as all rules say\n", text ? text : "?");
        break;
    case MAIN_MEMORY_UNMATCHED:
        fputs("    memory  the program's own, as that of all threads that no rule takes\n", to);
        break;
    case MAIN_MEMORY_DIFFERS:
        fprintf(to, "    memory  the program's own: rule %s says otherwise", printable(rule_name(plan, memory.rule)));
        fprintf(to, " than %s\n", printable(rule_name(plan, memory.other)));
        break;
    case MAIN_MEMORY_BY_PLACE:
        fprintf(to, "    memory  the program's own: that of rule %s goes by the place of each thread\n",
                printable(rule_name(plan, memory.rule)));
        break;
    }
    free(text);
}

static void print_main(FILE *to, const struct plan_view *plan)
{
    char *cpus = plan_mask_text(plan, plan->header->main_mask);
    fprintf(to, "main thread: no rule names it, so it keeps the union of all rules' CPUs: %s\n", cpus ? cpus : "?");
    print_main_memory(to, plan);
    free(cpus);
}

void plan_print_rules(FILE *to, const struct plan_view *plan)
{
    for (uint32_t i = 0; i < plan->count[PLAN_RULES]; i++)
        print_rule(to, plan, i);
    if (!(plan->header->features & PLAN_HAS_MAIN_RULE))
        print_main(to, plan);
}

static const char *rule_label(const struct plan_view *plan, const struct sim_thread *thread)
{
    if (thread->rule != PLAN_NONE)
        return plan_text(plan, plan->rules[thread->rule].name);
    return thread->main_union ? "(union)" : "(base)";
}

static char *memory_label(const struct plan_view *plan, const struct sim_thread *thread)
{
    if (thread->rule == PLAN_NONE)
        return thread->main_union ? plan_main_memory_text(plan) : strdup("default");
    return plan_memory_text(plan, &plan->rules[thread->rule], thread->pick.slot);
}

void plan_print_threads(FILE *to, const struct plan_view *plan, const struct thread_list *list)
{
    static const char *const headings[] = {"THREAD", "RULE", "CPUS", "NODE", "MEMORY", "NOTE"};
    struct table *table = table_new(headings, 6);
    for (size_t i = 0; i < list->count; i++) {
        const struct sim_thread *thread = &list->threads[i];
        char *cpus = cpuset_to_string(&thread->cpus);
        char *nodes = plan_nodes_of(plan, &thread->cpus);
        char *memory = memory_label(plan, thread);
        const char *note = thread->reason == REASON_OK ? "" : reason_word(thread->reason);
        const char *const cells[] = {thread_list_label(list, i), rule_label(plan, thread), cpus, nodes, memory, note};
        table_row(table, cells);
        free(cpus);
        free(nodes);
        free(memory);
    }
    table_print(to, table);
}

/* --- JSON --- */

static json_t *text_json(char *text)
{
    json_t *value = json_string(text ? text : "");
    free(text);
    return value;
}

static json_t *slots_json(const struct plan_view *plan, const struct plan_rule *rule)
{
    json_t *slots = json_array();
    for (uint32_t i = 0; i < rule->slot_count; i++) {
        const struct plan_slot *slot = &plan->slots[rule->slot_first + i];
        json_array_append_new(slots,
                              json_pack("{s:o, s:i, s:o}", "cpus", text_json(plan_mask_text(plan, slot->mask)),
                                        "capacity", (int)slot->capacity, "node",
                                        slot->home_node == PLAN_NONE ? json_null() : json_integer(slot->home_node)));
    }
    return slots;
}

json_t *plan_rules_json(const struct plan_view *plan)
{
    json_t *rules = json_array();
    for (uint32_t i = 0; i < plan->count[PLAN_RULES]; i++) {
        const struct plan_rule *rule = &plan->rules[i];
        json_array_append_new(
            rules, json_pack("{s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:o, s:s, s:o}", "name",
                             json_any_text(plan_text(plan, rule->name)), "origin",
                             json_any_text(plan_text(plan, rule->origin)), "asked",
                             json_any_text(plan_text(plan, rule->asked)), "cpus",
                             text_json(plan_mask_text(plan, rule->set_mask)), "reason", reason_word(rule->set_reason),
                             "distribution", word_of(&words_distribution, rule->distribution), "level",
                             word_of(&words_level, rule->level), "bind_to", word_of(&words_level, rule->bind_to), "smt",
                             word_of(&words_smt, rule->smt), "exclusive", (rule->flags & PLAN_RULE_EXCLUSIVE) != 0,
                             "enforcement", word_of(&words_enforcement, rule->enforcement), "memory",
                             text_json(plan_memory_text(plan, rule, rule->slot_first)), "memory_reason",
                             reason_word(rule->mem_reason), "slots", slots_json(plan, rule)));
    }
    return rules;
}

json_t *plan_main_json(const struct plan_view *plan)
{
    static const char *const words[] = {
        [MAIN_MEMORY_SHARED] = "shared",   [MAIN_MEMORY_NOT_ASKED] = "not_asked", [MAIN_MEMORY_UNMATCHED] = "unmatched",
        [MAIN_MEMORY_DIFFERS] = "differs", [MAIN_MEMORY_BY_PLACE] = "by_place",
    };
    if (plan->header->features & PLAN_HAS_MAIN_RULE)
        return json_null();
    return json_pack("{s:o, s:o, s:s}", "cpus", text_json(plan_mask_text(plan, plan->header->main_mask)), "memory",
                     text_json(plan_main_memory_text(plan)), "memory_why", words[main_memory_in(plan).answer]);
}

json_t *plan_threads_json(const struct plan_view *plan, const struct thread_list *list)
{
    json_t *threads = json_array();
    for (size_t i = 0; i < list->count; i++) {
        const struct sim_thread *thread = &list->threads[i];
        json_array_append_new(threads,
                              json_pack("{s:o, s:b, s:o, s:o, s:o, s:o, s:s}", "thread",
                                        json_any_text(thread_list_label(list, i)), "main", thread->facts.main, "rule",
                                        json_any_text(rule_label(plan, thread)), "cpus",
                                        text_json(cpuset_to_string(&thread->cpus)), "nodes",
                                        text_json(plan_nodes_of(plan, &thread->cpus)), "memory",
                                        text_json(memory_label(plan, thread)), "reason", reason_word(thread->reason)));
    }
    return threads;
}
