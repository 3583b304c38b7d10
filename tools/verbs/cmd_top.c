#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/common/cli.h"
#include "tools/common/option_error.h"
#include "tools/prepare/options.h"
#include "tools/segment/targets.h"
#include "tools/top/screen.h"
#include "tools/top/terminal.h"
#include "tools/verbs/verbs.h"

const char top_help[] =
    "  PROCESS             these processes alone: ids or names; default: all that this user may see\n"
    "  --batch             print text instead of taking the terminal\n"
    "  -c, --count N       with --batch: how many times, default 1\n"
    "  -d, --delay S       seconds between two looks, default 2; with --batch 0.5\n"
    "  --tab threads|rules|memory|pools|exchanges|events  begin with it; with --batch that one alone\n"
    "  --node N            threads and memory of this node alone\n"
    "  --rule TEXT         rules with this in their names alone\n";

enum { OPTION_BATCH = OPTION_VERB, OPTION_TAB, OPTION_NODE, OPTION_RULE };

struct top_request {
    struct top_filter filter;
    pid_t pids[TOP_PROCESSES];
    bool batch;
    unsigned count;
    double delay;
    int tab; /* below 0: not given */
};

static bool take_number(const char *text, double least, double most, double *ret_value)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= least && value <= most))
        return false;
    *ret_value = value;
    return true;
}

static int find_tab(const char *word)
{
    for (int i = 0; i < TAB_COUNT; i++)
        if (strcmp(top_tab_word((enum top_tab)i), word) == 0)
            return i;
    return -1;
}

static bool take_option(struct top_request *request, int option, const char *value)
{
    double number;
    switch (option) {
    case OPTION_BATCH:
        request->batch = true;
        return true;
    case OPTION_TAB:
        request->tab = find_tab(value);
        return request->tab >= 0;
    case OPTION_NODE:
        if (!take_number(value, 0, TOP_NODES - 1, &number))
            return false;
        request->filter.node = (int64_t)number;
        return true;
    case OPTION_RULE:
        request->filter.rule = value;
        return true;
    case 'c':
        if (!take_number(value, 1, 1e6, &number))
            return false;
        request->count = (unsigned)number;
        return true;
    case 'd':
        return take_number(value, 0.1, 3600, &request->delay);
    default:
        return false;
    }
}

static int take_targets(struct top_request *request, char *const *words, size_t count)
{
    struct targets targets;
    int status = targets_find(&targets, "top", words, count);
    if (status != EXIT_OK)
        return status;
    for (size_t i = 0; i < targets.count && status == EXIT_OK; i++) {
        if (request->filter.pid_count == TOP_PROCESSES)
            status = usage_error("top", "more than %u processes are named", TOP_PROCESSES);
        else
            request->pids[request->filter.pid_count++] = targets.items[i].pid;
    }
    targets_free(&targets);
    return status;
}

int cmd_top(int argc, char **argv)
{
    static const struct option long_options[] = {{"batch", no_argument, NULL, OPTION_BATCH},
                                                 {"count", required_argument, NULL, 'c'},
                                                 {"delay", required_argument, NULL, 'd'},
                                                 {"tab", required_argument, NULL, OPTION_TAB},
                                                 {"node", required_argument, NULL, OPTION_NODE},
                                                 {"rule", required_argument, NULL, OPTION_RULE},
                                                 {0}};
    static struct top_request request = {.filter = {.node = -1, .sort = TOP_COLUMNS}, .count = 1, .tab = -1};
    int option, status;
    while ((option = getopt_long(argc, argv, "c:d:", long_options, NULL)) != -1)
        if (!take_option(&request, option, optarg))
            return option_error("top", argv, long_options);
    status = optind < argc ? take_targets(&request, argv + optind, (size_t)(argc - optind)) : EXIT_OK;
    if (status != EXIT_OK)
        return status;
    request.filter.pids = request.pids;
    struct top *top = top_new();
    if (!top) {
        print_error("out of memory");
        return EXIT_MACHINE;
    }
    if (!request.batch && !isatty(STDOUT_FILENO)) {
        print_error("stdout is not a terminal: printing text, as with --batch");
        request.batch = true;
    } else if (!request.batch && !terminal_has_screen()) {
        print_error("this terminal (TERM=%s) has no cursor to place: printing text, as with --batch",
                    getenv("TERM") ? getenv("TERM") : "");
        request.batch = true;
    }
    if (request.batch)
        status =
            screen_batch(top, &request.filter, request.delay > 0 ? request.delay : 0.5, request.count, request.tab);
    else
        status = screen_run(top, &request.filter, request.delay > 0 ? request.delay : 2,
                            request.tab >= 0 ? (enum top_tab)request.tab : TAB_THREADS);
    top_free(top);
    return status;
}
