#include "tools/report/report_values.h"

#include <stdio.h>
#include <stdlib.h>

#include "config/json_text.h"
#include "tools/common/memory_policy.h"

json_t *report_owned_text(char *text)
{
    json_t *value = json_any_text(text ? text : "");
    free(text);
    return value;
}

json_t *report_rule_name(const struct snapshot *snapshot, uint16_t rule)
{
    const char *name = snapshot_rule_name(snapshot, rule);
    return name ? json_any_text(name) : json_sprintf("rule %u", rule);
}

json_t *report_memory_policy(const struct segment_thread *thread)
{
    char text[MEMORY_POLICY_TEXT];
    if (thread->got_policy == GOT_NO_POLICY)
        return json_null();
    struct memory_policy policy = memory_policy_of(thread->got_policy, thread->got_nodes, thread->got_more_nodes != 0);
    memory_policy_text(&policy, text);
    return json_string(text);
}

const char *report_event_word(unsigned kind)
{
    static const char *const kinds[EVENT_KINDS] = {
        [EVENT_NONE] = "none",         [EVENT_START] = "start",         [EVENT_PLACED] = "placed",
        [EVENT_RENAMED] = "renamed",   [EVENT_REFUSED] = "refused",     [EVENT_NARROWED] = "narrowed",
        [EVENT_STOPPED] = "stopped",   [EVENT_CLAIMED] = "claimed",     [EVENT_EXIT] = "exit",
        [EVENT_AFFINITY] = "affinity", [EVENT_MEMPOLICY] = "mempolicy",
    };
    return kind < EVENT_KINDS ? kinds[kind] : "?";
}
