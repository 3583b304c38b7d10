#include <stdlib.h>

#include "tools/common/cli.h"
#include "tools/common/process.h"
#include "tools/prepare/options.h"
#include "tools/report/report_json.h"
#include "tools/report/report_text.h"
#include "tools/segment/snapshot.h"
#include "tools/verbs/verbs.h"

int cmd_show(int argc, char **argv)
{
    struct snapshot snapshot;
    bool json = false;
    if (take_only_json("show", argc, argv, &json) != EXIT_OK)
        return EXIT_BAD_INPUT;
    pid_t pid = optind + 1 == argc ? parse_pid(argv[optind]) : 0;
    if (!pid)
        return usage_error("show", "give one process id");
    int status = snapshot_of(&snapshot, pid);
    if (status != EXIT_OK)
        return status;
    json_t *report = report_json(&snapshot);
    snapshot_free(&snapshot);
    if (json)
        return finish_output(print_json(stdout, report));
    report_text(stdout, report, REPORT_THREADS);
    json_decref(report);
    return finish_output(EXIT_OK);
}
