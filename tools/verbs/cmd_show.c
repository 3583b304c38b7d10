#include <stdlib.h>

#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/prepare/options.h"
#include "tools/report/report_json.h"
#include "tools/report/report_text.h"
#include "tools/segment/snapshot.h"
#include "tools/segment/targets.h"
#include "tools/verbs/verbs.h"

const char show_help[] = HELP_TARGETS HELP_WIDE HELP_JSON;

/* The thread that was asked for, alone. */
static void keep_thread(json_t *report, pid_t tid)
{
    json_t *threads = json_object_get(report, "threads");
    for (size_t i = json_array_size(threads); i > 0; i--)
        if (number_of(json_array_get(threads, i - 1), "tid") != tid)
            json_array_remove(threads, i - 1);
}

static int show(void *context, const struct target *target)
{
    const bool *json = context;
    struct snapshot snapshot;
    int status = snapshot_of(&snapshot, target->pid);
    if (status != EXIT_OK)
        return status;
    json_t *report = report_json(&snapshot);
    snapshot_free(&snapshot);
    if (target->tid)
        keep_thread(report, target->tid);
    if (*json)
        return print_json(stdout, report);
    report_text(stdout, report, REPORT_THREADS);
    json_decref(report);
    return EXIT_OK;
}

int cmd_show(int argc, char **argv)
{
    bool json = false;
    if (take_view_options("show", argc, argv, &json) != EXIT_OK)
        return EXIT_BAD_INPUT;
    return finish_output(targets_view("show", argv + optind, (size_t)(argc - optind), !json, show, &json));
}
