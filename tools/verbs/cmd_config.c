#include <stdlib.h>
#include <string.h>

#include "config/printable.h"
#include "tools/common/cli.h"
#include "tools/common/option_error.h"
#include "tools/prepare/options.h"
#include "tools/verbs/verbs.h"

const char config_help[] = "  show                every effective key and its value\n"
                           "  show --origin       also where each value comes from\n"
                           "  schema              the JSON Schema of the policy file\n"
                           "  path                the policy file that is in effect\n" HELP_POLICY HELP_JSON;

static int with_config(const struct policy_options *options, const char *what, bool origin, bool json)
{
    struct prepared prepared;
    int status = prepare_policy(&prepared, options, TALK_WARNINGS);
    if (status == EXIT_OK && strcmp(what, "show") == 0)
        config_show(stdout, &prepared.config, origin, json);
    else if (status == EXIT_OK && prepared.config.main_file)
        puts(printable(prepared.config.main_file));
    else if (status == EXIT_OK) {
        print_error("the policy comes from the environment alone: there is no file");
        status = EXIT_NO;
    }
    prepared_free(&prepared);
    return status;
}

int cmd_config(int argc, char **argv)
{
    static const struct option long_options[] = {
        OPTIONS_POLICY, OPTIONS_JSON, {"origin", no_argument, NULL, OPTION_VERB}, {0}};
    struct policy_options options = {0};
    bool json = false, origin = false;
    int option, status;
    while ((option = getopt_long(argc, argv, LETTERS_POLICY, long_options, NULL)) != -1) {
        if (option == OPTION_VERB)
            origin = true;
        else if (!take_policy_option(&options, option, &json))
            return option_error("config", argv, long_options);
    }
    const char *what = optind < argc ? argv[optind] : "show";
    if (optind + 1 < argc)
        status = usage_error("config", "unexpected argument \"%s\"", argv[optind + 1]);
    else if (strcmp(what, "schema") == 0)
        status = config_schema(stdout) == 0 ? EXIT_OK : EXIT_NO;
    else if (strcmp(what, "show") == 0 || strcmp(what, "path") == 0)
        status = with_config(&options, what, origin, json);
    else
        status = usage_error("config", "\"%s\" is not show, schema or path", what);
    policy_options_free(&options);
    return finish_output(status);
}
