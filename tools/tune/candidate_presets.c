/*
 * The presets that suit: whose [target] is one of the programs that the command turned out to be made of; or, for those
 * without a target, one of whose rules is about threads of a library that was mapped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "tools/prepare/prepare.h"
#include "tools/tune/candidate.h"

struct search {
    struct candidates *candidates;
    const struct topology *topology;
    const struct seen *seen;
};

static bool governs_a_program(const struct plan_view *plan, const struct seen *seen)
{
    uint32_t key;
    for (size_t i = 0; i < seen->program_count; i++) {
        struct process_facts facts = seen_facts(&seen->programs[i]);
        if (match_target(plan, &facts, &key))
            return true;
    }
    return false;
}

static bool is_about_a_library(const struct plan_view *plan, const struct seen *seen)
{
    for (uint32_t i = 0; i < plan->count[PLAN_CONDITIONS]; i++)
        for (size_t k = 0; plan->conditions[i].key == PLAN_KEY_START_LIBRARY && k < seen->library_count; k++)
            if (match_path(plan, &plan->conditions[i], seen->libraries[k]))
                return true;
    return false;
}

static bool suits(const struct search *search, const char *file)
{
    const struct policy_options options = {.file = file, .no_search = true};
    struct prepared prepared;
    bool is_suitable = false;
    if (prepare_policy(&prepared, &options, TALK_ERRORS) == 0 && prepare_plan(&prepared, &options, TALK_ERRORS) == 0) {
        bool has_target = prepared.view.count[PLAN_TARGETS] > 0;
        is_suitable = has_target ? governs_a_program(&prepared.view, search->seen)
                                 : is_about_a_library(&prepared.view, search->seen);
    }
    prepared_free(&prepared);
    return is_suitable;
}

static void take_preset(const char *name, void *context)
{
    const struct search *search = context;
    char file[96];
    char *label = NULL, *text = NULL;
    snprintf(file, sizeof(file), "preset:%s", name);
    if (!config_is_auto(file) && !suits(search, file))
        return;
    if (asprintf(&label, "%s", file) < 0 || asprintf(&text, "schema = 1\nextends = \"%s\"\n", file) < 0)
        text = NULL;
    struct candidate *added = candidate_add(search->candidates, "presets", label, text);
    if (!added)
        return;
    if (asprintf(&added->options, "-p %s", file) < 0)
        added->options = NULL;
    if (config_is_auto(file) && search->topology->place_count[LEVEL_NODE] <= 1)
        candidate_end(added, CANDIDATE_LEFT_OUT, "it places nothing on one node: it is `library`");
}

void candidates_add_presets(struct candidates *candidates, const struct topology *topology, const struct seen *seen)
{
    struct search search = {candidates, topology, seen};
    config_presets(take_preset, &search);
}
