#include "tools/report/report_mappings.h"

#include <string.h>

#include "config/json_text.h"
#include "policy/reason.h"
#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/report/report_values.h"

static const struct plan_rule *rule_of_mapping_rule(const struct plan_view *plan, size_t number, uint32_t *ret_rule)
{
    for (uint32_t i = 0; i < plan->count[PLAN_RULES]; i++) {
        const struct plan_rule *rule = &plan->rules[i];
        *ret_rule = i;
        if (number >= rule->mapping_rules_first && number - rule->mapping_rules_first < rule->mapping_rules_count)
            return rule;
    }
    return NULL;
}

/* Its name, or else its number in the rule, from 1. */
static json_t *mapping_rule_name(const struct plan_view *plan, const struct plan_rule *rule, size_t number)
{
    const char *name = plan_text(plan, plan->mapping_rules[number].name);
    return *name ? json_any_text(name) : json_sprintf("%zu", number - rule->mapping_rules_first + 1);
}

static json_t *mapping_json(const struct snapshot *snapshot, size_t index)
{
    const struct segment_mapping *mapping = &snapshot->mappings[index];
    uint32_t number = 0;
    bool known = snapshot->has_plan && index < snapshot->plan.count[PLAN_MAPPING_RULES];
    const struct plan_rule *rule = known ? rule_of_mapping_rule(&snapshot->plan, index, &number) : NULL;
    return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:s}", "rule",
                     rule ? report_rule_name(snapshot, (uint16_t)number) : json_string("?"), "mapping_rule",
                     rule ? mapping_rule_name(&snapshot->plan, rule, index) : json_sprintf("%zu", index + 1),
                     "mappings", (json_int_t)mapping->mappings, "bytes", (json_int_t)mapping->bytes, "strict",
                     (json_int_t)mapping->strict, "best_effort", (json_int_t)mapping->best_effort, "none",
                     (json_int_t)mapping->none, "reason", reason_word(mapping->reason));
}

json_t *report_mappings(const struct snapshot *snapshot)
{
    json_t *mappings = json_array();
    for (size_t i = 0; i < snapshot->mapping_count; i++)
        json_array_append_new(mappings, mapping_json(snapshot, i));
    return mappings;
}

void report_mappings_text(FILE *to, const json_t *report)
{
    static const char *const headings[] = {"RULE", "MAPPING-RULE", "MAPPINGS", "MIB", "STRICT", "BEST", "NONE", "NOTE"};
    const json_t *mappings = json_object_get(report, "mappings");
    size_t index;
    json_t *mapping;
    if (json_array_size(mappings) == 0)
        return;
    struct table *table = table_new(headings, 8);
    json_array_foreach(mappings, index, mapping) {
        static const char *const numbers[] = {"mappings", "bytes", "strict", "best_effort", "none"};
        const char *reason = text_of(mapping, "reason");
        char cells[5][24];
        for (size_t i = 0; i < 5; i++)
            snprintf(cells[i], sizeof(cells[i]), "%lld", number_of(mapping, numbers[i]) >> (i == 1 ? 20 : 0));
        const char *const row[] = {text_of(mapping, "rule"),
                                   text_of(mapping, "mapping_rule"),
                                   cells[0],
                                   cells[1],
                                   cells[2],
                                   cells[3],
                                   cells[4],
                                   strcmp(reason, "ok") == 0 ? "" : reason};
        table_row(table, row);
    }
    fputs("\nwhat the program mapped itself, by mapping rule (memory.regions):\n", to);
    table_print(to, table);
}
