#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/printable.h"
#include "tools/common/cli.h"
#include "tools/common/option_error.h"
#include "tools/prepare/options.h"
#include "tools/prepare/plan_from.h"
#include "tools/report/report_load.h"
#include "tools/verbs/verbs.h"

const char check_help[] = HELP_POLICY HELP_TOPOLOGY
    "  --thread SPEC       declare threads, as `plan` does; may be repeated: are there too many for a rule?\n"
    "  --from REPORT|PROCESS  the threads of an earlier run, or of a running process\n" HELP_JSON;

enum { OPTION_THREAD = OPTION_VERB, OPTION_FROM };

struct check_request {
    struct policy_options policy;
    const char **specs; /* of threads */
    size_t spec_count;
    const char *from;
    json_t *seen; /* what it names */
    bool json;
};

extern char **environ;

/* --- the plan --- */

static int lint_threads(const struct plan_view *plan, const struct check_request *request, struct config *config)
{
    const struct process_facts unknown = {.exe = "", .comm = "", .argv = "", .index = PLAN_NONE};
    const struct process_facts process = request->seen ? plan_from_process(request->seen) : unknown;
    struct thread_list list = {0};
    int error = plan_from_words(&list, &process, "check", request->specs, request->spec_count, request->seen,
                                request->from) == EXIT_OK
                    ? 0
                    : -EINVAL;
    if (error == 0)
        error = plan_simulate(plan, list.threads, list.count);
    if (error == 0)
        plan_lint_threads(plan, config->policy, list.threads, list.count, &config->diags);
    thread_list_free(&list);
    return error;
}

static int check_plan(const struct check_request *request, struct config *config, const struct topology *topology)
{
    struct compile_options compile = compile_options_for(config);
    struct plan_bytes bytes = {0};
    struct plan_view plan;
    policy_lint(config->policy, topology, &config->diags);
    int error = plan_compile(&bytes, config->policy, topology, &compile, &config->diags);
    if (error == 0)
        error = plan_check(&plan, bytes.data, bytes.size, NULL);
    if (error == 0)
        error = plan_lint_counts(&plan, config->policy, &config->diags);
    if (error == 0 && (request->spec_count || request->seen))
        error = lint_threads(&plan, request, config);
    free(bytes.data);
    return error;
}

/* Parse, meaning, machine: everything that can be said about one policy, in one list. */
static int check_one(const struct check_request *asked)
{
    const struct policy_options *options = &asked->policy;
    struct config config;
    struct topology *topology = NULL;
    struct config_request request = {.file = options->file,
                                     .sets = options->sets,
                                     .set_count = options->set_count,
                                     .environment = environ,
                                     .no_search = options->no_search};
    int error = config_load(&config, &request), code = EXIT_OK;
    if (error == 0)
        error = topology_load(&topology, options->topology, &config.diags);
    if (error == 0)
        error = check_plan(asked, &config, topology);
    if (error == -ENOMEM)
        print_error("out of memory");
    if (error < 0 || config.diags.errors)
        code = machine_refuses(&config.diags) ? EXIT_MACHINE : EXIT_BAD_INPUT;
    FILE *to = asked->json ? stdout : stderr;
    diag_print(to, &config.diags, config.sources,
               (struct print_style){.colour = wants_colour(to), .json = asked->json});
    if (!asked->json && code == EXIT_OK)
        printf("%s: fine on %s%s\n", printable(config.main_file ? config.main_file : "environment"),
               topology->is_this_machine ? "this machine" : printable(topology->source),
               config.diags.warnings ? ", with warnings" : "");
    topology_free(topology);
    config_free(&config);
    return code;
}

static int read_options(struct check_request *request, int argc, char **argv)
{
    static const struct option long_options[] = {OPTIONS_POLICY,
                                                 OPTIONS_TOPOLOGY,
                                                 OPTIONS_JSON,
                                                 {"thread", required_argument, NULL, OPTION_THREAD},
                                                 {"from", required_argument, NULL, OPTION_FROM},
                                                 {0}};
    int option;
    while ((option = getopt_long(argc, argv, LETTERS_POLICY, long_options, NULL)) != -1)
        if (option == OPTION_THREAD)
            request->specs[request->spec_count++] = optarg;
        else if (option == OPTION_FROM)
            request->from = optarg;
        else if (!take_policy_option(&request->policy, option, &request->json))
            return option_error("check", argv, long_options);
    return request->from ? report_load("check", request->from, &request->seen) : EXIT_OK;
}

/* All of them, whatever is wrong with the first; the worst outcome. */
static int check_all(struct check_request *request, char *const *files, int count)
{
    int worst = count ? EXIT_OK : check_one(request);
    for (int i = 0; i < count; i++) {
        request->policy.file = files[i];
        int status = check_one(request);
        if (status > worst)
            worst = status;
    }
    return worst;
}

int cmd_check(int argc, char **argv)
{
    struct check_request request = {.specs = calloc((size_t)argc, sizeof(char *))};
    int status = request.specs ? read_options(&request, argc, argv) : EXIT_BAD_INPUT;
    if (status == EXIT_OK)
        status = check_all(&request, argv + optind, argc - optind);
    policy_options_free(&request.policy);
    free(request.specs);
    json_decref(request.seen);
    return finish_output(status);
}
