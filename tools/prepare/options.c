#include "tools/prepare/options.h"

#include "tools/common/cli.h"

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

bool take_only_json(int argc, char **argv, bool *ret_json)
{
    static const struct option long_options[] = {OPTIONS_JSON, {0}};
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        if (option != OPTION_JSON)
            return false;
        else
            *ret_json = true;
    return true;
}
