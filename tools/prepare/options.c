#include "tools/prepare/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/cli.h"
#include "tools/common/option_error.h"
#include "tools/common/output_file.h"
#include "tools/prepare/memory_option.h"

static void set(struct policy_options *options, const char *key, const char *value)
{
    char *setting = NULL;
    if (asprintf(&setting, "%s=%s", key, value) < 0)
        setting = NULL;
    if (!setting || policy_options_set(options, setting) < 0)
        print_error("out of memory");
    free(setting);
}

static void set_memory(struct policy_options *options)
{
    struct memory_option memory = memory_option_of(optarg);
    set(options, "defaults.memory.policy", memory.policy);
    if (memory.nodes)
        set(options, "defaults.memory.nodes", memory.nodes);
}

/* What is said on one line is a shorthand of --set, so all of it has one meaning and one place in the order of layers. */
static bool take_shorthand(struct policy_options *options, int option)
{
    static const struct {
        int option;
        const char *key;
    } shorthands[] = {
        {'C', "defaults.cpus"},
        {'N', "defaults.nodes"},
        {OPTION_BIND, "defaults.bind_to"},
        {OPTION_SPREAD, "defaults.distribution"},
    };
    for (size_t i = 0; i < sizeof(shorthands) / sizeof(*shorthands); i++) {
        if (option != shorthands[i].option)
            continue;
        set(options, shorthands[i].key, optarg);
        return true;
    }
    return false;
}

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
    case 'm':
        set_memory(options);
        return true;
    default:
        return take_shorthand(options, option);
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

int take_view_options(const char *verb, int argc, char **argv, bool *ret_json)
{
    static const struct option long_options[] = {OPTIONS_JSON, {"wide", no_argument, NULL, OPTION_WIDE}, {0}};
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        if (option == OPTION_WIDE)
            output_wide();
        else if (option == OPTION_JSON)
            *ret_json = true;
        else
            return option_error(verb, argv, long_options);
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
