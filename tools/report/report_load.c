#include "tools/report/report_load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/common/process.h"
#include "tools/report/report_json.h"
#include "tools/report/report_pages.h"
#include "tools/report/report_survey.h"
#include "tools/report/report_upgrade.h"
#include "tools/report/report_verdict.h"
#include "tools/segment/segments.h"
#include "tools/segment/snapshot.h"

void report_add_pages(json_t *report, json_t *pages)
{
    json_object_set_new(report, "pages", pages);
    report_judge(report);
}

/* What the process itself says, or why it does not. The kernel is asked in between: it has that long to answer. */
static json_t *pages_of(const struct snapshot *snapshot, int *ret_error)
{
    struct segment_file segment;
    uint32_t number = 0;
    pid_t pid = (pid_t)snapshot->header.pid;
    int found = segment_find(&segment, pid);
    bool listens = found == 0 && !segment.from_outside;
    int asked = listens ? survey_ask(&segment, &number) : found == 0 ? -EOPNOTSUPP : found;
    json_t *pages = report_pages(snapshot, ret_error);
    if (pages && asked == 0) {
        survey_wait(pid, number);
        survey_add(pages, snapshot, &segment);
    } else if (pages) {
        survey_add_error(pages, asked);
    }
    if (found == 0)
        segment_close(&segment);
    return pages;
}

static int add_pages(json_t *report, const struct snapshot *snapshot)
{
    int error = -ESRCH;
    json_t *pages = snapshot->alive ? pages_of(snapshot, &error) : NULL;
    if (pages) {
        report_add_pages(report, pages);
        return EXIT_OK;
    }
    print_error("the pages of process %d cannot be looked at: %s%s", (int)snapshot->header.pid, strerror(-error),
                error == -EPERM ? " (it takes the same user, or CAP_SYS_PTRACE)" : "");
    return error == -EPERM || error == -ENOSYS ? EXIT_MACHINE : EXIT_NO_PROCESS;
}

/* An earlier report, or the process of that number. */
int report_load(const char *verb, const char *word, bool pages, json_t **ret_report)
{
    struct snapshot snapshot;
    json_error_t error;
    char *end;
    long pid = strtol(word, &end, 10);
    if (*word && *end == '\0' && pid > 0) {
        int status = snapshot_of(&snapshot, (pid_t)pid);
        if (status != EXIT_OK)
            return status;
        *ret_report = report_json(&snapshot);
        status = pages ? add_pages(*ret_report, &snapshot) : EXIT_OK;
        snapshot_free(&snapshot);
        return status;
    }
    if (pages)
        return usage_error(verb, "--pages looks at a running process, not at a file");
    json_t *report = json_load_file(word, 0, &error);
    if (!report) {
        print_error("%s is not a JSON report: line %d: %s", word, error.line, error.text);
        return EXIT_BAD_INPUT;
    }
    bool is_old = number_of(report, "nodewise_report") != REPORT_VERSION;
    if (!report_upgrade(report)) {
        print_error("%s is not a report of this version of nodewise (\"nodewise_report\": %d)", word, REPORT_VERSION);
        json_decref(report);
        return EXIT_BAD_INPUT;
    }
    if (is_old)
        print_error(
            "%s is of an earlier version: its page_locality is read as home_locality, and its accesses were not "
            "measured",
            word);
    *ret_report = report;
    return EXIT_OK;
}
