#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/cli.h"
#include "tools/common/option_error.h"
#include "tools/prepare/options.h"
#include "tools/prepare/plan_cache.h"
#include "tools/prepare/plan_file.h"
#include "tools/verbs/verbs.h"

const char compile_help[] =
    "  -o, --output FILE   where to write the plan\n"
    "  --cached            keep the plan with the others on tmpfs and print its path\n" HELP_POLICY HELP_TOPOLOGY;

static int cached(const struct policy_options *options, bool refuse_at_start, char **ret_path)
{
    struct prepared prepared;
    int status = prepare_policy(&prepared, options, TALK_WARNINGS);
    prepared.refuse_at_start = refuse_at_start;
    if (status == EXIT_OK)
        status = plan_cache_get(ret_path, &prepared, options);
    else if (prepared.config.diags.errors == 0)
        status = EXIT_NO; /* no layer says anything: the process stays as it is */
    prepared_free(&prepared);
    return status;
}

/*
 * What a process that was started with a bare LD_PRELOAD asks for: the path of a plan, and silence. Where the machine
 * lacks what a hard rule demands there is a plan, too: only with one does the process know whether it is a target, and
 * has to end.
 */
static int compile_cached(const struct policy_options *options)
{
    char *path = NULL;
    int status = cached(options, false, &path);
    if (status == EXIT_MACHINE)
        status = cached(options, true, &path);
    if (status == EXIT_OK && !path)
        status = EXIT_MACHINE;
    if (status == EXIT_OK)
        puts(path);
    free(path);
    return finish_output(status);
}

static int compile_to(const char *output, const struct policy_options *options)
{
    struct prepared prepared;
    int status = prepare_policy(&prepared, options, TALK_WARNINGS);
    if (status == EXIT_OK)
        status = prepare_plan(&prepared, options, TALK_WARNINGS);
    if (status == EXIT_OK) {
        int error = plan_file_write(output, &prepared.plan, 0644);
        if (error < 0) {
            print_error("%s cannot be written: %s", output, strerror(-error));
            status = EXIT_BAD_INPUT;
        }
    }
    prepared_free(&prepared);
    return status;
}

int cmd_compile(int argc, char **argv)
{
    static const struct option long_options[] = {
        OPTIONS_POLICY,
        OPTIONS_TOPOLOGY,
        {"output", required_argument, NULL, 'o'},
        {"cached", no_argument, NULL, OPTION_VERB},
        {0},
    };
    struct policy_options options = {0};
    const char *output = NULL;
    bool cached = false;
    int status = EXIT_OK, option;
    while (status == EXIT_OK && (option = getopt_long(argc, argv, LETTERS_POLICY "o:", long_options, NULL)) != -1) {
        if (option == 'o')
            status = take_output("compile", "-o", &output);
        else if (option == OPTION_VERB)
            cached = true;
        else if (!take_policy_option(&options, option, NULL))
            return option_error("compile", argv, long_options);
    }
    if (status == EXIT_OK && optind < argc)
        status = usage_error("compile", "unexpected argument \"%s\" (-p gives a policy)", argv[optind]);
    else if (status == EXIT_OK && cached == (output != NULL))
        status = usage_error("compile", "give either -o FILE or --cached");
    else if (cached && options.topology)
        status = usage_error("compile", "--cached is about this machine: it takes no --topology");
    options.no_default = cached; /* a library that is preloaded everywhere leaves alone what no policy is about */
    if (status == EXIT_OK)
        status = cached ? compile_cached(&options) : compile_to(output, &options);
    policy_options_free(&options);
    return status;
}
