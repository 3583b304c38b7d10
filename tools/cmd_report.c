#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/words.h"
#include "tools/cli.h"
#include "tools/options.h"
#include "tools/report_json.h"
#include "tools/report_name.h"
#include "tools/report_pages.h"
#include "tools/report_text.h"
#include "tools/verbs.h"

const char report_help[] =
    "  PID|FILE            a process, or a JSON report of an earlier one\n"
    "  -f, --format FORMAT text (default) or json\n"
    "  -o, --output FILE   write there instead of to stdout\n"
    "  --pages             also on which nodes the memory lies, from a sample; PID only\n" HELP_JSON;

enum { OPTION_SEGMENT = OPTION_VERB, OPTION_FINAL, OPTION_PAGES };

static int write_report(FILE *to, json_t *report, bool json, enum report_depth depth)
{
    if (json)
        return print_json(to, json_incref(report));
    report_text(to, report, depth);
    return EXIT_FINE;
}

/* Never through a link that somebody laid: the folder may be open to others (/tmp, /var/log of a group). */
static int write_report_file(const char *path, json_t *report, bool json, enum report_depth depth)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
    FILE *to = fd >= 0 ? fdopen(fd, "w") : NULL;
    int code = to ? write_report(to, report, json, depth) : EXIT_NO;
    if (!to || fclose(to) != 0) {
        complain("the report %s cannot be written: %s", path, strerror(errno));
        return EXIT_NO;
    }
    return code;
}

static bool names_json(const char *path)
{
    size_t length = strlen(path);
    return length > 5 && strcmp(path + length - 5, ".json") == 0;
}

/* "x.json" for text is "x.json.txt"; for JSON it stays. */
static int write_formats(const char *path, json_t *report, uint32_t formats, enum report_depth depth)
{
    bool json = formats & (1u << FORMAT_JSON), text = formats & (1u << FORMAT_TEXT);
    if (json == text)
        json = names_json(path), text = false;
    if (json && text) {
        char second[4200];
        snprintf(second, sizeof second, "%s.txt", path);
        int code = write_report_file(second, report, false, depth);
        return code == EXIT_FINE ? write_report_file(path, report, true, depth) : code;
    }
    return write_report_file(path, report, json, depth);
}

/*
 * What the shim asks for when a process ends: where and how much stands in the plan, unless `run --report`
 * said so. Without a file the program's own stderr was asked for.
 */
static int final_report(const char *segment)
{
    struct snapshot snapshot;
    const char *file = getenv("NODEWISE_REPORT");
    char name[4096];
    int r = snapshot_read(&snapshot, segment);
    if (r < 0) {
        complain("%s cannot be read: %s", segment, strerror(-r));
        return EXIT_NO_PROCESS;
    }
    enum report_depth depth = REPORT_FULL;
    uint32_t formats = 0;
    bool has_template = false;
    if (snapshot.has_plan && !(file && *file)) {
        const struct plan_header *header = snapshot.plan.header;
        depth = header->at_exit == AT_EXIT_FULL ? REPORT_FULL : REPORT_SUMMARY;
        formats = header->report_formats;
        file = plan_text(&snapshot.plan, header->report_file);
        has_template = true;
    }
    json_t *report = report_json(&snapshot);
    int code;
    if (!file || !*file)
        code = write_report(stderr, report, false, depth);
    else if (has_template && report_name(file, &snapshot.header, name, sizeof name) < 0)
        code = EXIT_BAD_INPUT;
    else
        code = write_formats(has_template ? name : file, report, formats, depth);
    json_decref(report);
    snapshot_free(&snapshot);
    return code;
}

static int add_pages(json_t *report, const struct snapshot *snapshot)
{
    int error = -ESRCH;
    json_t *pages = snapshot->alive ? report_pages(snapshot, &error) : NULL;
    if (pages) {
        json_object_set_new(report, "pages", pages);
        return EXIT_FINE;
    }
    complain("the pages of process %d cannot be looked at: %s%s", (int)snapshot->header.pid, strerror(-error),
             error == -EPERM ? " (it takes the same user, or CAP_SYS_PTRACE)" : "");
    return error == -EPERM || error == -ENOSYS ? EXIT_MACHINE : EXIT_NO_PROCESS;
}

/* An earlier report, or the process of that number. */
static int load_report(const char *word, bool pages, json_t **ret_report)
{
    struct snapshot snapshot;
    json_error_t error;
    char *end;
    long pid = strtol(word, &end, 10);
    if (*word && *end == '\0' && pid > 0) {
        int code = snapshot_of(&snapshot, (pid_t)pid);
        if (code != EXIT_FINE)
            return code;
        *ret_report = report_json(&snapshot);
        code = pages ? add_pages(*ret_report, &snapshot) : EXIT_FINE;
        snapshot_free(&snapshot);
        return code;
    }
    if (pages)
        return usage_error("report", "--pages looks at a running process, not at a file");
    json_t *report = json_load_file(word, 0, &error);
    if (!report)
        complain("%s is no JSON report: line %d: %s", word, error.line, error.text);
    else if (number_of(report, "nodewise_report") != REPORT_VERSION)
        complain("%s is no report of this version of nodewise (\"nodewise_report\": %d)", word, REPORT_VERSION);
    if (!report || number_of(report, "nodewise_report") != REPORT_VERSION) {
        json_decref(report);
        return EXIT_BAD_INPUT;
    }
    *ret_report = report;
    return EXIT_FINE;
}

int cmd_report(int argc, char **argv)
{
    static const struct option long_options[] = {
        OPTIONS_JSON,
        {"format", required_argument, NULL, 'f'},
        {"output", required_argument, NULL, 'o'},
        {"segment", required_argument, NULL, OPTION_SEGMENT},
        {"final", no_argument, NULL, OPTION_FINAL},
        {"pages", no_argument, NULL, OPTION_PAGES},
        {0},
    };
    struct policy_options unused = {0};
    const char *format = NULL, *output = NULL, *segment = NULL;
    bool json = false, is_final = false, pages = false;
    int option;
    while ((option = getopt_long(argc, argv, "f:o:", long_options, NULL)) != -1) {
        if (option == 'f')
            format = optarg;
        else if (option == 'o')
            output = optarg;
        else if (option == OPTION_SEGMENT)
            segment = optarg;
        else if (option == OPTION_FINAL)
            is_final = true;
        else if (option == OPTION_PAGES)
            pages = true;
        else if (!take_policy_option(&unused, option, &json))
            return usage_error("report", "see its options");
    }
    if (is_final && segment && optind == argc)
        return final_report(segment);
    if (segment || is_final || optind + 1 != argc)
        return usage_error("report", "give one process id or one report file");
    if (format && strcmp(format, "text") != 0 && strcmp(format, "json") != 0)
        return usage_error("report", "the formats are text and json, not \"%s\"", format);
    json = json || (format && strcmp(format, "json") == 0) || (!format && output && names_json(output));
    json_t *report = NULL;
    int code = load_report(argv[optind], pages, &report);
    if (code == EXIT_FINE && output)
        code = write_report_file(output, report, json, REPORT_FULL);
    else if (code == EXIT_FINE)
        code = finish_output(write_report(stdout, report, json, REPORT_FULL));
    json_decref(report);
    return code;
}
