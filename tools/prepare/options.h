/*
 * options: the options that several verbs take, so that -p means the same everywhere.
 */
#ifndef NODEWISE_TOOLS_PREPARE_OPTIONS_H
#define NODEWISE_TOOLS_PREPARE_OPTIONS_H

#include <getopt.h>

#include "tools/prepare/prepare.h"

#define OPTION_SET      1001
#define OPTION_TOPOLOGY 1002
#define OPTION_JSON     1003
#define OPTION_BIND     1004
#define OPTION_SPREAD   1005
#define OPTION_WIDE     1006
#define OPTION_VERB     1100 /* first number for a verb's own long options */

/* For a verb's table of long options, and its letters. */
#define OPTIONS_POLICY                                                                                                 \
    {"policy", required_argument, NULL, 'p'}, {"cpus", required_argument, NULL, 'C'},                                  \
        {"nodes", required_argument, NULL, 'N'}, {"bind", required_argument, NULL, OPTION_BIND},                       \
        {"spread", required_argument, NULL, OPTION_SPREAD}, {"mem", required_argument, NULL, 'm'},                     \
    {                                                                                                                  \
        "set", required_argument, NULL, OPTION_SET                                                                     \
    }
#define LETTERS_POLICY "p:C:N:m:"
#define OPTIONS_TOPOLOGY                                                                                               \
    {                                                                                                                  \
        "topology", required_argument, NULL, OPTION_TOPOLOGY                                                           \
    }
#define OPTIONS_JSON                                                                                                   \
    {                                                                                                                  \
        "json", no_argument, NULL, OPTION_JSON                                                                         \
    }

#define HELP_POLICY                                                                                                    \
    "  -p, --policy POLICY  the policy, - for stdin; else NODEWISE_POLICY, the standard places, preset:auto\n"         \
    "  --set KEY=VALUE     override one key, e.g. --set rules.io.nodes=1; may be repeated\n"                           \
    "  -C, --cpus SET      the CPUs, as in 0-3: --set defaults.cpus=SET\n"                                             \
    "  -N, --nodes NODES   the NUMA nodes: --set defaults.nodes=NODES\n"                                               \
    "  --bind LEVEL        what a thread stays on: node, l3, core, cpu, …: --set defaults.bind_to=LEVEL\n"           \
    "  --spread HOW        compact, scatter, least_loaded, …: --set defaults.distribution=HOW\n"                     \
    "  -m, --mem [POLICY:]NODES  the memory, as in 1 (bound to), interleave, interleave:0-1, preferred:1:\n"           \
    "                      --set defaults.memory.policy=POLICY --set defaults.memory.nodes=NODES\n"
#define HELP_TOPOLOGY                                                                                                  \
    "  --topology T        another machine: an hwloc XML file, or \"pack:2 numa:2 l3:2 core:4 pu:2\"\n"
#define HELP_TARGETS                                                                                                       \
    "  PROCESS             its id, the id of one of its threads, or its name, as `ps` lists it, or a pattern for names;\n" \
    "                      PROCESS/THREAD is one thread, by its id or name\n"
#define HELP_WIDE "  --wide              lines as long as they like; else as wide as the terminal, COLUMNS, or 80\n"
#define HELP_JSON "  --json              JSON instead of text\n"

/* For verbs that have no other option than --json. EXIT_OK, or EXIT_BAD_INPUT: there was one, and it was said. */
int take_only_json(const char *verb, int argc, char **argv, bool *ret_json);
/* The same for verbs that print tables, with --wide. */
int take_view_options(const char *verb, int argc, char **argv, bool *ret_json);
/*
 * Takes optarg as a file to write. A second one would be written in its place: that is said, with EXIT_BAD_INPUT; so is a
 * file that cannot be written, before anything is done for it.
 */
int take_output(const char *verb, const char *option, const char **ret_file);
/* Takes a common option; false when it is not one. */
bool take_policy_option(struct policy_options *options, int option, bool *ret_json);

#endif
