#include "tools/prepare/prepare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/pretend.h"
#include "tools/common/cli.h"
#include "tools/prepare/rank.h"
#include "tools/prepare/users.h"

extern char **environ;

int policy_options_set(struct policy_options *options, const char *setting)
{
    char *copy = strdup(setting);
    const char **sets = copy ? realloc(options->sets, (options->set_count + 1) * sizeof(*sets)) : NULL;
    if (!sets) {
        free(copy);
        return -ENOMEM;
    }
    sets[options->set_count++] = copy;
    options->sets = sets;
    return 0;
}

void policy_options_free(struct policy_options *options)
{
    for (size_t i = 0; i < options->set_count; i++)
        free((char *)options->sets[i]);
    free(options->sets);
    *options = (struct policy_options){0};
}

static void say(const struct diag_list *diags, const struct sources *sources, enum talk talk)
{
    if (talk == TALK_ERRORS && diags->errors == 0)
        return;
    struct print_style style = {.colour = wants_colour(stderr), .hide_notes = true};
    diag_print(stderr, diags, sources, style);
}

int prepare_policy(struct prepared *ret_prepared, const struct policy_options *options, enum talk talk)
{
    struct config_request request = {
        .file = options->file,
        .sets = options->sets,
        .set_count = options->set_count,
        .environment = environ,
        .no_search = options->no_search,
        .no_default = options->no_default,
    };
    *ret_prepared = (struct prepared){0};
    int error = config_load(&ret_prepared->config, &request);
    if (error == -ENOENT) {
        print_error("no policy: give one with -p FILE, NODEWISE_POLICY, NODEWISE_… variables or --set; -p " CONFIG_AUTO
                    " is the one that `nodewise run` takes");
        return EXIT_BAD_INPUT;
    }
    if (error == -ENOMEM)
        print_error("out of memory");
    if (error < 0)
        say(&ret_prepared->config.diags, ret_prepared->config.sources, talk);
    return error < 0 ? EXIT_BAD_INPUT : EXIT_OK;
}

struct compile_options compile_options_for(const struct config *config)
{
    return (struct compile_options){
        .policy_id = config->identity,
        .source = config->main_file ? config->main_file : "environment",
        .gpu = rank_from_environment(config->policy).number,
        .share = PLAN_NONE,
        .find_users = find_users,
    };
}

bool machine_refuses(const struct diag_list *diags)
{
    for (size_t i = 0; i < diags->count; i++)
        if (diag_code_severity(diags->items[i].code) == SEVERITY_ERROR && diags->items[i].code != DIAG_E080 &&
            diags->items[i].code != DIAG_E081 && diags->items[i].code != DIAG_E085)
            return false;
    return diags->errors > 0;
}

int prepare_plan(struct prepared *prepared, const struct policy_options *options, enum talk talk)
{
    struct diag_list *diags = &prepared->config.diags;
    const char *what = NULL;
    int error = topology_load(&prepared->topology, options->topology, diags);
    if (error == 0) {
        struct compile_options compile = compile_options_for(&prepared->config);
        compile.pretended = options->pretends;
        if (options->pretends)
            policy_pretend(prepared->config.policy);
        compile.refuse_at_start = prepared->refuse_at_start;
        error = plan_compile(&prepared->plan, prepared->config.policy, prepared->topology, &compile, diags);
    }
    say(diags, prepared->config.sources, talk);
    if (error == -ENOMEM)
        print_error("out of memory");
    if (error < 0)
        return machine_refuses(diags) ? EXIT_MACHINE : EXIT_BAD_INPUT;
    error = plan_check(&prepared->view, prepared->plan.data, prepared->plan.size, &what);
    if (error < 0) {
        print_error("the plan that was just made is not sound (%s): please report this with the policy", what);
        return EXIT_MACHINE;
    }
    return EXIT_OK;
}

void prepared_free(struct prepared *prepared)
{
    config_free(&prepared->config);
    topology_free(prepared->topology);
    free(prepared->plan.data);
    *prepared = (struct prepared){0};
}
