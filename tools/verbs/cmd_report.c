#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/words.h"
#include "tools/common/cli.h"
#include "tools/common/option_error.h"
#include "tools/prepare/options.h"
#include "tools/report/bindings.h"
#include "tools/report/report_json.h"
#include "tools/report/report_load.h"
#include "tools/report/report_name.h"
#include "tools/report/report_pages.h"
#include "tools/report/report_survey.h"
#include "tools/report/report_text.h"
#include "tools/report/report_write.h"
#include "tools/segment/snapshot.h"
#include "tools/verbs/verbs.h"

const char report_help[] = HELP_TARGETS
    "  FILE                a JSON report of an earlier process\n"
    "  -f, --format text|json|html|svg  text (default), html: one page, no network; svg: a picture\n"
    "  -o, --output FILE   write there instead of to stdout; its ending says the format\n"
    "  --pages             also on which nodes the memory lies, from a sample; processes only\n" HELP_WIDE HELP_JSON;

#define STREAM_SECONDS 5u

#define STREAM_BUFFER (1u << 20) /* bytes of a text that goes out in one write(2) */

enum { OPTION_SEGMENT = OPTION_VERB, OPTION_FINAL, OPTION_PAGES, OPTION_BINDINGS };

/*
 * The program waits for its report: a terminal that is stopped, or a pipe that none empties, must not keep it. Signals
 * are as the program has them. Processes of one job that end together write to one stream: theirs do not mix.
 */
static int write_to_stream(const json_t *report, enum report_depth depth)
{
    sigset_t alone;
    sigemptyset(&alone);
    sigaddset(&alone, SIGALRM);
    signal(SIGALRM, SIG_DFL);
    signal(SIGTTOU, SIG_IGN);
    sigprocmask(SIG_UNBLOCK, &alone, NULL);
    alarm(STREAM_SECONDS);
    setvbuf(stderr, NULL, _IOFBF, STREAM_BUFFER);
    int status = report_write(stderr, report, FORMAT_TEXT, depth);
    fflush(stderr);
    return status;
}

/* A process without a file for its segment hands it over. */
static int read_from_pipe(struct snapshot *ret_snapshot)
{
    struct file_bytes bytes;
    int error = read_stream(&bytes, STDIN_FILENO, SEGMENT_MOST);
    if (error < 0)
        return error;
    error = snapshot_take(ret_snapshot, &bytes);
    free(bytes.data);
    return error;
}

static int read_from_file(struct snapshot *ret_snapshot, struct segment_file *ret_segment, const char *path)
{
    int error = segment_open_path(ret_segment, path);
    if (error < 0)
        return error;
    error = snapshot_read(ret_snapshot, ret_segment);
    if (error < 0)
        segment_close(ret_segment);
    return error;
}

/* Says what is wrong. 0 or negative errno. */
static int open_segment(struct snapshot *ret_snapshot, struct segment_file *ret_segment, const char *path)
{
    int error = strcmp(path, "-") == 0 ? read_from_pipe(ret_snapshot) : read_from_file(ret_snapshot, ret_segment, path);
    if (error < 0)
        print_error("%s cannot be read: %s", path, strerror(-error));
    return error;
}

/*
 * What the shim asks for when a process ends: where and how much stands in the plan, unless `run --report`
 * said so. Without a file the program's own stderr was asked for.
 */
static int final_report(const char *path)
{
    struct segment_file segment = {.in_memory = true, .fd = -1};
    struct snapshot snapshot;
    const char *file = getenv("NODEWISE_REPORT");
    char name[4096];
    signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is an error of writing */
    int error = open_segment(&snapshot, &segment, path);
    if (error < 0)
        return EXIT_NO_PROCESS;
    if (segment.in_memory)
        segment.pid = (pid_t)snapshot.header.pid;
    enum report_depth depth = REPORT_FULL;
    uint32_t formats = 0;
    if (snapshot.has_plan && !(file && *file)) {
        const struct plan_header *header = snapshot.plan.header;
        depth = header->at_exit == AT_EXIT_FULL ? REPORT_FULL : REPORT_SUMMARY;
        formats = header->report_formats;
        file = plan_text(&snapshot.plan, header->report_file);
    }
    json_t *report = report_json(&snapshot);
    int status;
    /* the process has ended for the segment, and waits for this report */
    json_t *pages = snapshot.has_plan && snapshot.plan.header->report_pages ? report_pages(&snapshot, &error) : NULL;
    if (pages) {
        survey_add(pages, &snapshot, &segment); /* which it wrote before it ended */
        report_add_pages(report, pages);
    }
    if (!file || !*file)
        status = write_to_stream(report, depth);
    else if (report_name(file, (pid_t)snapshot.header.pid, snapshot.header.comm, name, sizeof(name)) < 0)
        status = EXIT_BAD_INPUT;
    else
        status = report_write_formats(name, report, formats, depth);
    json_decref(report);
    snapshot_free(&snapshot);
    segment_close(&segment);
    return status;
}

/* What the shim asks for when a process starts that is to say what it has. */
static int binding_report(const char *path)
{
    struct segment_file segment = {.in_memory = true, .fd = -1};
    struct snapshot snapshot;
    int error = open_segment(&snapshot, &segment, path);
    if (error < 0)
        return EXIT_NO_PROCESS;
    bindings_of_snapshot(&snapshot);
    snapshot_free(&snapshot);
    segment_close(&segment);
    return EXIT_OK;
}

static bool find_format(const char *word, enum report_format *ret_format)
{
    for (unsigned format = 0; format < FORMAT_COUNT; format++)
        if (strcmp(word_of(&words_report_format, format), word) == 0) {
            *ret_format = format;
            return true;
        }
    return false;
}

struct writing {
    enum report_format format;
    const char *output; /* NULL: stdout */
    unsigned count;     /* reports written so far */
};

/* Text and JSON may follow each other; a page, a picture and a file are of one report. */
static int write_one(void *context, const json_t *report)
{
    struct writing *writing = context;
    bool is_whole = writing->output || writing->format == FORMAT_HTML || writing->format == FORMAT_SVG;
    if (is_whole && writing->count)
        return usage_error("report",
                           "one file, page or picture is of one process: give one, or text or JSON to stdout");
    if (writing->count++ && writing->format == FORMAT_TEXT)
        putchar('\n');
    if (writing->output)
        return report_write_file(writing->output, report, writing->format, REPORT_FULL);
    return finish_output(report_write(stdout, report, writing->format, REPORT_FULL));
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
        {"bindings", no_argument, NULL, OPTION_BINDINGS},
        {"wide", no_argument, NULL, OPTION_WIDE},
        {0},
    };
    struct policy_options unused = {0};
    const char *format = NULL, *output = NULL, *segment = NULL;
    bool json = false, is_final = false, pages = false, bindings = false;
    int option, status = EXIT_OK;
    while (status == EXIT_OK && (option = getopt_long(argc, argv, "f:o:", long_options, NULL)) != -1) {
        if (option == 'f')
            format = optarg;
        else if (option == 'o')
            status = take_output("report", "-o", &output);
        else if (option == OPTION_SEGMENT)
            segment = optarg;
        else if (option == OPTION_FINAL)
            is_final = true;
        else if (option == OPTION_PAGES)
            pages = true;
        else if (option == OPTION_BINDINGS)
            bindings = true;
        else if (option == OPTION_WIDE)
            output_wide();
        else if (!take_policy_option(&unused, option, &json))
            return option_error("report", argv, long_options);
    }
    if (status != EXIT_OK)
        return status;
    if (is_final && segment && optind == argc)
        return final_report(segment);
    if (bindings && segment && optind == argc)
        return binding_report(segment);
    if (segment || is_final || bindings || optind == argc)
        return usage_error("report", "give processes, by ids or names, or report files");
    struct writing writing = {json ? FORMAT_JSON : output ? format_of_name(output) : FORMAT_TEXT, output, 0};
    if (format && !find_format(format, &writing.format))
        return usage_error("report", "the formats are text, json, html and svg, not \"%s\"", format);
    for (int i = optind; i < argc; i++) {
        int one = report_each("report", argv[i], pages, write_one, &writing);
        status = one > status ? one : status;
    }
    return status;
}
