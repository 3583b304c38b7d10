#include "tools/options.h"

#include "tools/cli.h"

bool take_policy_option(struct policy_options *options, int option, bool *ret_json)
{
    switch (option) {
    case 'p':
        options->file = optarg;
        return true;
    case OPTION_SET:
        if (!policy_options_set(options, optarg))
            complain("out of memory");
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
