#include "tools/prepare/options.h"

#include <string.h>

#include "tools/common/cli.h"
#include "tools/common/option_error.h"
#include "tools/common/output_file.h"

bool take_policy_option(struct policy_options *options, int option, bool *ret_json)
{
    switch (option) {
    case 'p':
        options->file = optarg;
        return true;
    case OPTION_SET:
        if (policy_options_set(options, optarg) < 0)
            print_error("out of memory");
        return true;
    case OPTION_TOPOLOGY:
        options->topology = optarg;
        return true;
    case OPTION_JSON:
        if (!ret_json)
            return false;
        *ret_json = true;
        return true;
    default:
        return false;
    }
}

int take_only_json(const char *verb, int argc, char **argv, bool *ret_json)
{
    static const struct option long_options[] = {OPTIONS_JSON, {0}};
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        if (option != OPTION_JSON)
            return option_error(verb, argv, long_options);
        else
            *ret_json = true;
    return EXIT_OK;
}

int take_output(const char *verb, const char *option, const char **ret_file)
{
    if (*ret_file)
        return usage_error(verb, "%s is given twice: %s and %s", option, *ret_file, optarg);
    int error = output_file_check(optarg);
    if (error < 0)
        return usage_error(verb, "%s %s: the file cannot be written: %s", option, optarg, strerror(-error));
    *ret_file = optarg;
    return EXIT_OK;
}
