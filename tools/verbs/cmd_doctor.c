#include <stdlib.h>
#include <string.h>

#include "config/printable.h"
#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/common/option_error.h"
#include "tools/common/program.h"
#include "tools/doctor/doctor.h"
#include "tools/prepare/options.h"
#include "tools/verbs/verbs.h"

const char doctor_help[] =
    HELP_POLICY HELP_JSON "With a command: what of it nodewise will reach. Ends with 1 when something cannot be had.\n";

static void print_findings(const json_t *findings)
{
    size_t index;
    json_t *finding;
    json_array_foreach(findings, index, finding) {
        printf("%-4s  %-16s %s\n", text_of(finding, "health"), printable(text_of(finding, "about")),
               printable(text_of(finding, "text")));
        if (*text_of(finding, "remedy"))
            printf("      %-16s -> %s\n", "", printable(text_of(finding, "remedy")));
    }
}

static int examine(char **command, const struct policy_options *options, bool json)
{
    struct diagnosis diagnosis = {.findings = json_array()};
    diagnose_machine(&diagnosis);
    diagnose_environment(&diagnosis);
    diagnose_policy(&diagnosis, options);
    if (command[0]) {
        char *path = NULL;
        int error = program_find(&path, command[0]);
        if (error < 0) {
            print_error("%s: %s", command[0], strerror(-error));
            json_decref(diagnosis.findings);
            return EXIT_BAD_INPUT;
        }
        diagnose_program(&diagnosis, path);
        free(path);
    }
    int status = diagnosis.worst == HEALTH_NO ? EXIT_NO : EXIT_OK;
    if (json)
        print_json(stdout, json_pack("{s:i, s:s, s:o}", "nodewise_doctor", 1, "worst", health_word(diagnosis.worst),
                                     "findings", diagnosis.findings));
    else {
        print_findings(diagnosis.findings);
        json_decref(diagnosis.findings);
    }
    return finish_output(status);
}

int cmd_doctor(int argc, char **argv)
{
    static const struct option long_options[] = {OPTIONS_POLICY, OPTIONS_JSON, {0}};
    struct policy_options options = {0};
    bool json = false;
    int option;
    while ((option = getopt_long(argc, argv, "+" LETTERS_POLICY, long_options, NULL)) != -1)
        if (!take_policy_option(&options, option, &json))
            return option_error("doctor", argv, long_options);
    int status = examine(argv + optind, &options, json);
    policy_options_free(&options);
    return status;
}
