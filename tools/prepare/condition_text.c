#include "tools/prepare/condition_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/match.h"

static void print_patterns(FILE *to, const struct plan_view *plan, const struct plan_condition *condition)
{
    fputs(condition->count > 1 ? "[" : "", to);
    for (uint32_t i = 0; i < condition->count; i++)
        fprintf(to, "%s\"%s\"", i ? ", " : "", plan_text(plan, plan->patterns[condition->first + i]));
    fputs(condition->count > 1 ? "]" : "", to);
}

static void print_ranges(FILE *to, const struct plan_view *plan, const struct plan_condition *condition)
{
    fputc('"', to);
    for (uint32_t i = 0; i < condition->count; i++) {
        const struct plan_range *range = &plan->ranges[condition->first + i];
        fprintf(to, "%s%" PRIu32, i ? "," : "", range->first);
        if (range->last == UINT32_MAX)
            fputc('-', to);
        else if (range->last != range->first)
            fprintf(to, "-%" PRIu32, range->last);
    }
    fputc('"', to);
}

char *condition_text(const struct plan_view *plan, const struct plan_condition *condition)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return NULL;
    fprintf(to, "%s = ", plan_key_word(condition->key));
    switch (condition->key) {
    case PLAN_KEY_UNNAMED:
    case PLAN_KEY_MAIN:
    case PLAN_KEY_FORKED:
        fputs(condition->value ? "true" : "false", to);
        break;
    case PLAN_KEY_INDEX:
    case PLAN_KEY_PROCESS_INDEX:
    case PLAN_KEY_USER:
        print_ranges(to, plan, condition);
        break;
    default:
        print_patterns(to, plan, condition);
    }
    fclose(to);
    return text;
}
