#include "tools/report/report_load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
#include "tools/segment/targets.h"

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

static int load_process(pid_t pid, bool pages, json_t **ret_report)
{
    struct snapshot snapshot;
    int status = snapshot_of(&snapshot, pid);
    if (status != EXIT_OK)
        return status;
    json_t *report = report_json(&snapshot);
    status = pages ? add_pages(report, &snapshot) : EXIT_OK;
    snapshot_free(&snapshot);
    if (status == EXIT_OK)
        *ret_report = report;
    else
        json_decref(report);
    return status;
}

static int load_file(const char *path, json_t **ret_report)
{
    json_error_t error;
    json_t *report = json_load_file(path, 0, &error);
    if (!report) {
        print_error("%s is not a JSON report: line %d: %s", path, error.line, error.text);
        return EXIT_BAD_INPUT;
    }
    bool is_old = number_of(report, "nodewise_report") != REPORT_VERSION;
    if (!report_upgrade(report)) {
        print_error("%s is not a report of this version of nodewise (\"nodewise_report\": %d)", path, REPORT_VERSION);
        json_decref(report);
        return EXIT_BAD_INPUT;
    }
    if (is_old)
        print_error(
            "%s is of an earlier version: its page_locality is read as home_locality, and its accesses were not "
            "measured",
            path);
    *ret_report = report;
    return EXIT_OK;
}

/* Numbers are processes, whatever files there are. */
static bool is_file(const char *word)
{
    size_t length = strlen(word);
    bool is_json = length > 5 && strcmp(word + length - 5, ".json") == 0;
    return !parse_pid(word) && (is_json || access(word, F_OK) == 0);
}

struct loading {
    bool pages;
    int (*take)(void *context, const json_t *report);
    void *context;
};

static int take_process(void *context, const struct target *target)
{
    const struct loading *loading = context;
    json_t *report = NULL;
    int status = load_process(target->pid, loading->pages, &report);
    if (status == EXIT_OK)
        status = loading->take(loading->context, report);
    json_decref(report);
    return status;
}

int report_each(const char *verb, const char *word, bool pages, int (*take)(void *context, const json_t *report),
                void *context)
{
    struct loading loading = {pages, take, context};
    json_t *report = NULL;
    if (!is_file(word))
        return targets_view(verb, (char *const *)&word, 1, false, take_process, &loading);
    if (pages)
        return usage_error(verb, "--pages looks at a running process, not at a file");
    int status = load_file(word, &report);
    if (status == EXIT_OK)
        status = take(context, report);
    json_decref(report);
    return status;
}

struct single {
    json_t *report;
    unsigned count;
};

static int keep_first(void *context, const json_t *report)
{
    struct single *single = context;
    if (single->count++ == 0)
        single->report = json_incref((json_t *)report);
    return EXIT_OK;
}

int report_load(const char *verb, const char *word, json_t **ret_report)
{
    struct single single = {0};
    int status = report_each(verb, word, false, keep_first, &single);
    if (status == EXIT_OK && single.count > 1)
        status = usage_error(verb, "\"%s\" is the name of %u processes: give the id of one", word, single.count);
    if (status == EXIT_OK)
        *ret_report = single.report;
    else
        json_decref(single.report);
    return status;
}
