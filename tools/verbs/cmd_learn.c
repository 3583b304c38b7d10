#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/common/cli.h"
#include "tools/common/option_error.h"
#include "tools/common/output_file.h"
#include "tools/common/supervise.h"
#include "tools/learn/allocated.h"
#include "tools/learn/write_policy.h"
#include "tools/prepare/options.h"
#include "tools/prepare/plan_cache.h"
#include "tools/prepare/preload.h"
#include "tools/report/report_json.h"
#include "tools/report/report_write.h"
#include "tools/segment/segments.h"
#include "tools/segment/snapshot.h"
#include "tools/verbs/verbs.h"

const char learn_help[] = "  -o, --output FILE   write the policy there instead of to stdout\n"
                          "  --report FILE       keep the run's JSON report as well\n"
                          "Ends with the program's own status; 125 when nodewise itself failed.\n";

/*
 * Nothing is placed. A rule that never matches has the library note where threads come from, and look who uses the same
 * memory.
 */
static const char observing[] =
    "schema = 1\n[report]\npages = true\n[defaults]\nbind_to = \"none\"\n"
    "[[rules]]\nname = \"never\"\nbind_to = \"node\"\ndistribution = \"sharing\"\n"
    "match = { start_library = \"/\", start_function = \"/\", creator_library = \"/\", thread = \"/\" }\n";

struct learning {
    struct observed observed;
    struct allocated allocated;
    pid_t pid; /* 0: it ended before the first look */
    char **command;
    const char *output, *report;
};

static void look(void *context, pid_t pid)
{
    struct learning *learning = context;
    learning->pid = pid;
    observe(&learning->observed, pid);
    allocated_look(&learning->allocated, pid);
}

/* A policy that the user's environment does not reach into. */
static int prepare_observing(char **ret_plan)
{
    char path[] = "/tmp/nodewise-learn-XXXXXX.toml";
    struct policy_options options = {.file = path, .no_search = true};
    struct prepared prepared;
    int fd = mkstemps(path, 5);
    FILE *to = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!to || fputs(observing, to) < 0 || fclose(to) != 0) {
        print_error("%s cannot be written: %s", path, strerror(errno));
        return EXIT_RUN_FAILED;
    }
    int status = prepare_policy(&prepared, &options, TALK_ERRORS);
    if (status == EXIT_OK)
        status = plan_cache_get(ret_plan, &prepared, &options);
    if (status == EXIT_OK && !*ret_plan)
        status = EXIT_RUN_FAILED;
    prepared_free(&prepared);
    unlink(path);
    return status;
}

static int save(struct learning *learning, const json_t *report)
{
    static struct groups groups;
    FILE *to = stdout;
    int error = learning->output ? output_file_open(&to, learning->output, 0666) : 0;
    if (error < 0) {
        print_error("%s cannot be written: %s", learning->output, strerror(-error));
        return EXIT_RUN_FAILED;
    }
    allocated_add(&learning->allocated, json_object_get(report, "pages"));
    groups_make(&groups, &learning->observed, &learning->allocated, report);
    write_policy(to, &groups, &learning->observed, report, learning->command);
    if (learning->output && fclose(to) != 0) {
        print_error("%s cannot be written: %s", learning->output, strerror(errno));
        return EXIT_RUN_FAILED;
    }
    if (learning->report)
        return report_write_file(learning->report, report, FORMAT_JSON, REPORT_FULL) == EXIT_OK ? EXIT_OK
                                                                                                : EXIT_RUN_FAILED;
    return EXIT_OK;
}

/* What was killed leaves its segment, and no report. NULL: it left none. */
static json_t *report_of_killed(pid_t pid)
{
    struct segment_file segment;
    struct snapshot snapshot;
    json_t *report = NULL;
    if (pid <= 0 || segment_find(&segment, pid) != 0)
        return NULL;
    if (snapshot_read(&snapshot, &segment) == 0) {
        report = report_json(&snapshot);
        snapshot_free(&snapshot);
    }
    segment_close(&segment);
    return report;
}

static int learn(struct learning *learning)
{
    char *plan = NULL;
    json_t *report;
    if (prepare_observing(&plan) != EXIT_OK)
        return EXIT_RUN_FAILED;
    bool ready = setenv("NODEWISE_PLAN", plan, 1) == 0 && preload_shim() >= 0;
    free(plan);
    if (!ready)
        return EXIT_RUN_FAILED;
    int status = supervise_reported(learning->command, look, learning, OBSERVE_EVERY, &report);
    if (!report)
        report = report_of_killed(learning->pid);
    if (!report) {
        print_error(
            "the program left no report, so there is nothing to learn from: `nodewise doctor -- %s` may tell why",
            learning->command[0]);
        return status ? status : EXIT_RUN_FAILED;
    }
    int saved = save(learning, report);
    json_decref(report);
    return saved != EXIT_OK ? saved : learning->output ? status : finish_output(status);
}

int cmd_learn(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"output", required_argument, NULL, 'o'}, {"report", required_argument, NULL, OPTION_VERB}, {0}};
    static struct learning learning;
    int option, status = EXIT_OK;
    while ((option = getopt_long(argc, argv, "+o:", long_options, NULL)) != -1) {
        if (option == 'o')
            status = take_output("learn", "-o", &learning.output);
        else if (option == OPTION_VERB)
            status = take_output("learn", "--report", &learning.report);
        else
            status = option_error("learn", argv, long_options);
        if (status != EXIT_OK)
            return EXIT_RUN_FAILED;
    }
    learning.command = argv + optind;
    if (optind == argc)
        return usage_error("learn", "the program to run is missing"), EXIT_RUN_FAILED;
    status = learn(&learning);
    observed_free(&learning.observed);
    allocated_free(&learning.allocated);
    return status;
}
