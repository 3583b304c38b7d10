#include <stdlib.h>

#include "tools/cli.h"
#include "tools/options.h"
#include "tools/report_json.h"
#include "tools/report_text.h"
#include "tools/verbs.h"

/* A whole positive number, or 0. */
static pid_t parse_pid(const char *text)
{
    char *end;
    long pid = strtol(text, &end, 10);
    return *text && *end == '\0' && pid > 0 && pid <= 1 << 22 ? (pid_t)pid : 0;
}

int cmd_show(int argc, char **argv)
{
    static const struct option long_options[] = {OPTIONS_JSON, {0}};
    struct policy_options unused = {0};
    struct snapshot snapshot;
    bool json = false;
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        if (!take_policy_option(&unused, option, &json))
            return usage_error("show", "see its options");
    pid_t pid = optind + 1 == argc ? parse_pid(argv[optind]) : 0;
    if (!pid)
        return usage_error("show", "give one process id");
    int code = snapshot_of(&snapshot, pid);
    if (code != EXIT_FINE)
        return code;
    json_t *report = report_json(&snapshot);
    snapshot_free(&snapshot);
    if (json)
        return finish_output(print_json(stdout, report));
    report_text(stdout, report, REPORT_THREADS);
    json_decref(report);
    return finish_output(EXIT_FINE);
}
