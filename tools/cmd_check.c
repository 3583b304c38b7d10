#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/options.h"
#include "tools/verbs.h"

const char check_help[] = HELP_POLICY HELP_TOPOLOGY HELP_JSON;

extern char **environ;

/* Parse, meaning, machine: everything that can be said about one policy, in one list. */
static int check_one(const struct policy_options *options, bool json)
{
    struct config config;
    struct topology *topology = NULL;
    struct config_request request = {.file = options->file,
                                     .sets = options->sets,
                                     .set_count = options->set_count,
                                     .environment = environ,
                                     .no_search = options->no_search};
    int r = config_load(&config, &request), code = EXIT_FINE;
    if (r == -ENOENT) {
        complain("no policy: name a FILE, or give one with -p, NODEWISE_POLICY or NODEWISE_… variables");
        config_free(&config);
        return EXIT_BAD_INPUT;
    }
    if (r == 0)
        r = topology_load(&topology, options->topology, &config.diags);
    if (r == 0) {
        struct compile_options compile = compile_options_for(&config);
        struct plan_bytes plan = {0};
        policy_lint(config.policy, topology, &config.diags);
        r = plan_compile(&plan, config.policy, topology, &compile, &config.diags);
        free(plan.data);
    }
    if (r == -ENOMEM)
        complain("out of memory");
    if (r < 0 || config.diags.errors)
        code = machine_refuses(&config.diags) ? EXIT_MACHINE : EXIT_BAD_INPUT;
    FILE *to = json ? stdout : stderr;
    diag_print(to, &config.diags, config.sources, (struct print_style){.colour = wants_colour(to), .json = json});
    if (!json && code == EXIT_FINE)
        printf("%s: fine on %s%s\n", config.main_file ? config.main_file : "environment",
               topology->is_this_machine ? "this machine" : topology->source,
               config.diags.warnings ? ", with warnings" : "");
    topology_free(topology);
    config_free(&config);
    return code;
}

int cmd_check(int argc, char **argv)
{
    static const struct option long_options[] = {OPTIONS_POLICY, OPTIONS_TOPOLOGY, OPTIONS_JSON, {0}};
    struct policy_options options = {0};
    bool json = false;
    int option, worst = EXIT_FINE;
    while ((option = getopt_long(argc, argv, "p:", long_options, NULL)) != -1)
        if (!take_policy_option(&options, option, &json))
            return usage_error("check", "see its options");
    if (optind == argc)
        worst = check_one(&options, json);
    for (int i = optind; i < argc; i++) {
        options.file = argv[i];
        int code = check_one(&options, json);
        if (code > worst)
            worst = code;
    }
    policy_options_free(&options);
    return finish_output(worst);
}
