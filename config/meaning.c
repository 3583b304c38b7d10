#include "config/meaning.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config/read.h"
#include "config/suggest.h"
#include "config/units.h"

static const struct rule *find_rule(const struct policy *policy, const char *name)
{
    for (size_t i = 0; i < policy->rule_count; i++)
        if (policy->rules[i].name && same_name(policy->rules[i].name, name))
            return &policy->rules[i];
    return NULL;
}

static const char *nearest_rule(const struct policy *policy, const char *name, const struct rule *except)
{
    struct suggestion suggestion = suggest_for(name);
    for (size_t i = 0; i < policy->rule_count; i++)
        if (&policy->rules[i] != except && policy->rules[i].name)
            suggest_offer(&suggestion, policy->rules[i].name);
    return suggestion.best;
}

/* "did you mean `rule:io`?", or NULL where no rule is near. */
static const char *nearest_word(const struct policy *policy, const char *name, char ret_text[64])
{
    const char *best = nearest_rule(policy, name, NULL);
    snprintf(ret_text, 64, "did you mean `rule:%s`?", best ? best : "");
    return best ? ret_text : NULL;
}

/* word: that of a string, in quotes. offset: of the rule's name in it; rule names are ASCII. */
static void report_unknown_rule(const struct policy *policy, struct span word, size_t offset, const char *name,
                                struct diag_list *diags)
{
    char under[64];
    word.column += (uint32_t)offset + 1;
    word.length = (uint32_t)strlen(name);
    diag_add(diags, DIAG_E029, word, nearest_word(policy, name, under), NULL, "no rule is named `%s`", name);
}

/* Every rule:NAME in a set names a rule. What stands around it is for setexpr_check(). */
static void check_rule_words(const struct policy *policy, const struct set_list *sets, struct diag_list *diags)
{
    for (size_t i = 0; i < sets->count; i++)
        for (const char *at = sets->items[i].value; (at = strstr(at, "rule:"));) {
            at += strlen("rule:");
            char name[RULE_NAME_MAX + 1];
            size_t length = 0;
            while (isalnum((unsigned char)at[length]) || at[length] == '-' || at[length] == '_')
                length++;
            if (!length || length > RULE_NAME_MAX)
                continue;
            memcpy(name, at, length);
            name[length] = '\0';
            if (!find_rule(policy, name))
                report_unknown_rule(policy, sets->items[i].span, (size_t)(at - sets->items[i].value), name, diags);
        }
}

static void check_placement(const struct policy *policy, const struct placement *placement, struct diag_list *diags)
{
    check_rule_words(policy, &placement->nodes, diags);
    check_rule_words(policy, &placement->cpus, diags);
    check_rule_words(policy, &placement->near, diags);
    check_rule_words(policy, &placement->memory.nodes, diags);
}

static void contradiction(struct diag_list *diags, struct span span, const char *a, const char *b)
{
    diag_add(diags, DIAG_E025, span, NULL, NULL, "no thread can fulfil both %s and %s", a, b);
}

static bool has_zero(const struct index_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ranges[i].first == 0)
            return true;
    return false;
}

static void check_match(const struct match *match, struct diag_list *diags)
{
    struct span at = match->span;
    bool main_only = match->main == TRI_TRUE;
    if (match->unnamed == TRI_TRUE && match->thread.count)
        contradiction(diags, match->thread.items[0].span, "`unnamed = true`", "a pattern for `thread`");
    if (main_only && match->index_count && !has_zero(match->index, match->index_count))
        contradiction(diags, at, "`main = true`", "an `index` without 0");
    if (match->main == TRI_FALSE && match->index_count == 1 && match->index[0].first == 0 && match->index[0].last == 0)
        contradiction(diags, at, "`main = false`", "`index = 0`");
    const struct {
        const struct text_list *list;
        const char *name;
    } birth[] = {{&match->start_library, "`start_library`"},     {&match->start_function, "`start_function`"},
                 {&match->creator_library, "`creator_library`"}, {&match->creator_function, "`creator_function`"},
                 {&match->stack_library, "`stack_library`"},     {&match->stack_function, "`stack_function`"}};
    for (size_t i = 0; main_only && i < sizeof(birth) / sizeof(birth[0]); i++)
        if (birth[i].list->count)
            contradiction(diags, birth[i].list->items[0].span, "`main = true`", birth[i].name);
}

static void check_rule(const struct policy *policy, const struct rule *rule, struct diag_list *diags)
{
    if (!rule->match_count && rule->name) {
        const char *best = nearest_rule(policy, rule->name, rule);
        char under[64];
        snprintf(under, sizeof(under), "did you mean `%s`?", best ? best : "");
        diag_add(diags, DIAG_E022, rule->span, best ? under : NULL,
                 "a placement for all other threads belongs into [defaults]", "rule `%s` has no `match`", rule->name);
    }
    for (size_t i = 0; i < rule->match_count; i++)
        check_match(&rule->matches[i], diags);
    check_placement(policy, &rule->placement, diags);
}

/* --- [cpu_count] export --- */

static void check_exported(const struct policy *policy, const struct exported *exported, struct diag_list *diags)
{
    const char *whose = exported->whose;
    bool is_rule = strncmp(whose, "rule:", 5) == 0;
    if (strcmp(whose, "process") == 0 || (is_rule && find_rule(policy, whose + 5)))
        return;
    if (is_rule && is_rule_name(whose + 5)) {
        report_unknown_rule(policy, exported->span, 5, whose + 5, diags);
        return;
    }
    char under[64];
    diag_add(diags, DIAG_E014, exported->span, nearest_word(policy, whose, under),
             "`process`, or `rule:NAME` of a rule, pool or exchange", "`export` does not know the word `%s`", whose);
}

static void check_topology(const struct policy *policy, struct diag_list *diags)
{
    const struct set_list *sets[] = {&policy->topology.nodes, &policy->topology.cpus, &policy->topology.reserve_cpus};
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        check_rule_words(policy, sets[i], diags);
}

void meaning_check(const struct policy *policy, struct diag_list *diags)
{
    check_topology(policy, diags);
    check_placement(policy, &policy->defaults, diags);
    for (size_t i = 0; i < policy->rule_count; i++)
        check_rule(policy, &policy->rules[i], diags);
    for (size_t i = 0; i < policy->cpu_count.export_count; i++)
        check_exported(policy, &policy->cpu_count.exports[i], diags);
}
