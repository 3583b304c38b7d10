#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/json_text.h"
#include "config/printable.h"
#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/common/option_error.h"
#include "tools/common/output_file.h"
#include "tools/picture/machine_json.h"
#include "tools/picture/page_html.h"
#include "tools/picture/scene.h"
#include "tools/prepare/deal_view.h"
#include "tools/prepare/options.h"
#include "tools/prepare/plan_from.h"
#include "tools/prepare/plan_view.h"
#include "tools/report/report_load.h"
#include "tools/verbs/verbs.h"

const char plan_help[] = HELP_POLICY HELP_TOPOLOGY
    "  --thread SPEC       declare threads; may be repeated: 'io_thd_*=3', 'start_library:libgomp.so.1=8', "
    "'GC*,start_library:libjvm.so=4'\n"
    "  --exe PATH          the program, for [target] and process_exe\n"
    "  --comm NAME         its name, for [target] and process_comm\n"
    "  --argv TEXT         its command line, for [target] and process_argv\n"
    "  --forked            a process made by fork, not by exec\n"
    "  --from REPORT       the threads of an earlier run (its JSON report)\n"
    "  --pid PROCESS       the threads of a running process\n"
    "  --ranks N           what each of N ranks of a launcher on this host gets\n"
    "  --rank R            the plan of that one of them, from 0; else the launcher's variables say\n"
    "  --processes N       what each of N processes gets that are started one after the other\n"
    "  --svg FILE          a picture of the machine; - for stdout\n"
    "  --html FILE         all of it as one page; - for stdout\n" HELP_JSON;

enum {
    OPTION_THREAD = OPTION_VERB,
    OPTION_EXE,
    OPTION_COMM,
    OPTION_ARGV,
    OPTION_FORKED,
    OPTION_FROM,
    OPTION_PID,
    OPTION_RANKS,
    OPTION_RANK,
    OPTION_PROCESSES,
    OPTION_SVG,
    OPTION_HTML
};

struct plan_request {
    struct policy_options policy;
    const char **specs;
    size_t spec_count;
    struct process_facts process;
    bool names_process; /* the process was described: [target] is asked */
    bool json;
    const char *from, *svg, *html; /* a report or process; files */
    json_t *seen;                  /* what `from` names */
    unsigned ranks, processes;     /* 0: not given */
    struct rank rank;              /* --rank, of --ranks; number -1: not given */
};

static int add_spec(struct plan_request *request, const char *spec)
{
    const char **specs = realloc(request->specs, (request->spec_count + 1) * sizeof(*specs));
    if (!specs)
        return -ENOMEM;
    specs[request->spec_count++] = spec;
    request->specs = specs;
    return 0;
}

static json_t *plan_document(const struct prepared *prepared, const struct thread_list *list, struct rank rank)
{
    const struct plan_view *plan = &prepared->view;
    json_t *document =
        json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "nodewise_plan", 1, "policy",
                  json_any_text(plan_text(plan, plan->header->source)), "topology",
                  json_any_text(prepared->topology->source), "machine", machine_json(plan), "rules",
                  plan_rules_json(plan), "main", plan_main_json(plan), "threads", plan_threads_json(plan, list));
    if (rank.number >= 0)
        json_object_set_new(document, "rank", json_pack("{s:i, s:i}", "number", rank.number, "count", rank.count));
    return document;
}

static int draw_map(FILE *to, const json_t *document, bool svg)
{
    struct scene scene;
    char title[300];
    snprintf(title, sizeof(title), "%s on %s", text_of(document, "policy"), text_of(document, "topology"));
    int error = scene_make(&scene, title, document);
    if (error < 0) {
        print_error("the map cannot be drawn: %s", strerror(-error));
        return EXIT_NO;
    }
    if (svg)
        scene_svg(to, &scene);
    else
        scene_text(to, &scene, width_of(to), wants_colour(to));
    scene_free(&scene);
    return EXIT_OK;
}

/* "-" is stdout. */
static int write_picture(const char *path, const json_t *document, bool svg)
{
    bool is_stdout = strcmp(path, "-") == 0;
    FILE *to = stdout;
    int status = EXIT_OK, error = is_stdout ? 0 : output_file_open(&to, path, 0666);
    if (error == 0 && svg)
        status = draw_map(to, document, true);
    else if (error == 0)
        page_plan(to, document);
    if (error == 0 && !is_stdout && fclose(to) != 0)
        error = -errno;
    if (error < 0) {
        print_error("%s cannot be written: %s", path, strerror(-error));
        return EXIT_NO;
    }
    return status;
}

static int write_pictures(const struct plan_request *request, const json_t *document)
{
    int status = EXIT_OK;
    if (request->svg)
        status = write_picture(request->svg, document, true);
    if (request->html && status == EXIT_OK)
        status = write_picture(request->html, document, false);
    return status;
}

static void print_title(const struct prepared *prepared, struct rank rank)
{
    const struct plan_view *plan = &prepared->view;
    printf("%s on %s", printable(plan_text(plan, plan->header->source)), printable(prepared->topology->source));
    if (rank.number >= 0)
        printf(", rank %d", rank.number);
    if (rank.number >= 0 && rank.count > 0)
        printf(" of %d", rank.count);
    fputs("\n\n", stdout);
}

static int print_plan(const struct plan_request *request, const struct prepared *prepared,
                      const struct thread_list *list, struct rank rank)
{
    const struct plan_view *plan = &prepared->view;
    json_t *document = plan_document(prepared, list, rank);
    int status;
    if (request->svg || request->html) {
        status = write_pictures(request, document);
    } else if (request->json) {
        status = print_json(stdout, json_incref(document));
    } else {
        print_title(prepared, rank);
        plan_print_rules(stdout, plan);
        putchar('\n');
        plan_print_threads(stdout, plan, list);
        putchar('\n');
        status = draw_map(stdout, document, false);
    }
    json_decref(document);
    return status;
}

/* --ranks and --processes. */
static int print_dealt(const struct plan_request *request, const struct prepared *prepared)
{
    const struct deal_request deal = {.count = request->ranks ? request->ranks : request->processes,
                                      .ranks = request->ranks > 0,
                                      .process = &request->process,
                                      .specs = request->specs,
                                      .spec_count = request->spec_count};
    json_t *dealt = deal_json(prepared, &deal);
    int status = EXIT_OK;
    if (!dealt)
        return EXIT_BAD_INPUT;
    if (request->json) {
        status =
            print_json(stdout, json_pack("{s:i, s:o, s:o, s:o, s:O}", "nodewise_plan", 1, "policy",
                                         json_any_text(plan_text(&prepared->view, prepared->view.header->source)),
                                         "topology", json_any_text(prepared->topology->source), "machine",
                                         machine_json(&prepared->view), deal.ranks ? "ranks" : "processes", dealt));
    } else {
        print_title(prepared, (struct rank){-1, 0});
        deal_print(stdout, dealt, &deal);
    }
    json_decref(dealt);
    return status;
}

static int take_rank(const struct plan_request *request, struct prepared *prepared, struct rank *ret_rank)
{
    int error = deal_own(prepared, &request->policy, request->rank, ret_rank);
    if (error == 0)
        return EXIT_OK;
    print_error("the plan of rank %d cannot be made: %s", request->rank.number, strerror(-error));
    return EXIT_BAD_INPUT;
}

static int plan_now(const struct plan_request *request)
{
    struct prepared prepared;
    struct thread_list list = {0};
    struct process_facts process = request->process;
    struct rank rank = {-1, 0};
    uint32_t key = PLAN_KEY_COUNT;
    bool deals = (request->ranks || request->processes) && request->rank.number < 0;
    int status = prepare_policy(&prepared, &request->policy, TALK_WARNINGS);
    if (status == EXIT_OK)
        status = prepare_plan(&prepared, &request->policy, TALK_WARNINGS);
    if (status == EXIT_OK && request->names_process && !match_target(&prepared.view, &request->process, &key)) {
        printf("not a target: the condition on target.%s does not hold, so the process would be left alone\n",
               plan_target_word(key));
        status = EXIT_NO;
    }
    if (status == EXIT_OK && !deals)
        status = take_rank(request, &prepared, &rank);
    if (rank.number >= 0)
        process.index = (uint32_t)rank.number;
    if (status == EXIT_OK)
        status =
            plan_from_words(&list, &process, "plan", request->specs, request->spec_count, request->seen, request->from);
    if (status == EXIT_OK && plan_simulate(&prepared.view, list.threads, list.count) < 0) {
        print_error("out of memory");
        status = EXIT_BAD_INPUT;
    }
    if (status == EXIT_OK && deals)
        status = print_dealt(request, &prepared);
    else if (status == EXIT_OK)
        status = print_plan(request, &prepared, &list, rank);
    thread_list_free(&list);
    prepared_free(&prepared);
    return finish_output(status);
}

static int take_number(const char *option, unsigned least, unsigned most, unsigned *ret_number)
{
    char *end;
    unsigned long number = strtoul(optarg, &end, 10);
    if (*optarg < '0' || *optarg > '9' || *end || number < least || number > most)
        return usage_error("plan", "%s takes a number from %u to %u, not \"%s\"", option, least, most, optarg);
    *ret_number = (unsigned)number;
    return EXIT_OK;
}

/* What the options about ranks mean together. */
static int check_deal(struct plan_request *request)
{
    if (request->ranks && request->processes)
        return usage_error("plan", "--ranks and --processes are two questions: ask one at a time");
    if (request->rank.number >= 0 && (unsigned)request->rank.number >= request->ranks)
        return usage_error("plan", "--rank %d needs --ranks N with N above it", request->rank.number);
    request->rank.count = (int)request->ranks;
    bool deals = (request->ranks || request->processes) && request->rank.number < 0;
    if (deals && (request->svg || request->html))
        return usage_error("plan", "a picture shows one rank: name it with --rank");
    if (deals && request->from)
        return usage_error("plan", "the threads of a report are those of one process: name its rank with --rank");
    return EXIT_OK;
}

int cmd_plan(int argc, char **argv)
{
    static const struct option long_options[] = {
        OPTIONS_POLICY,
        OPTIONS_TOPOLOGY,
        OPTIONS_JSON,
        {"thread", required_argument, NULL, OPTION_THREAD},
        {"exe", required_argument, NULL, OPTION_EXE},
        {"comm", required_argument, NULL, OPTION_COMM},
        {"argv", required_argument, NULL, OPTION_ARGV},
        {"forked", no_argument, NULL, OPTION_FORKED},
        {"from", required_argument, NULL, OPTION_FROM},
        {"pid", required_argument, NULL, OPTION_PID},
        {"ranks", required_argument, NULL, OPTION_RANKS},
        {"rank", required_argument, NULL, OPTION_RANK},
        {"processes", required_argument, NULL, OPTION_PROCESSES},
        {"svg", required_argument, NULL, OPTION_SVG},
        {"html", required_argument, NULL, OPTION_HTML},
        {0},
    };
    struct plan_request request = {.process = {.exe = "", .comm = "", .argv = "", .index = PLAN_NONE}, .rank = {-1, 0}};
    unsigned rank;
    int option, status = EXIT_OK;
    while (status == EXIT_OK && (option = getopt_long(argc, argv, LETTERS_POLICY, long_options, NULL)) != -1) {
        request.names_process = request.names_process || (option >= OPTION_EXE && option <= OPTION_ARGV);
        switch (option) {
        case OPTION_THREAD:
            if (add_spec(&request, optarg) < 0)
                status = EXIT_BAD_INPUT;
            break;
        case OPTION_EXE:
            request.process.exe = optarg;
            break;
        case OPTION_COMM:
            request.process.comm = optarg;
            break;
        case OPTION_ARGV:
            request.process.argv = optarg;
            break;
        case OPTION_FORKED:
            request.process.forked = true;
            break;
        case OPTION_FROM:
        case OPTION_PID:
            request.from = optarg;
            break;
        case OPTION_RANKS:
            status = take_number("--ranks", 1, DEAL_MOST, &request.ranks);
            break;
        case OPTION_PROCESSES:
            status = take_number("--processes", 1, DEAL_MOST, &request.processes);
            break;
        case OPTION_RANK:
            status = take_number("--rank", 0, DEAL_MOST - 1, &rank);
            if (status == EXIT_OK)
                request.rank.number = (int)rank;
            break;
        case OPTION_SVG:
            status = take_output("plan", "--svg", &request.svg);
            break;
        case OPTION_HTML:
            status = take_output("plan", "--html", &request.html);
            break;
        default:
            if (!take_policy_option(&request.policy, option, &request.json))
                status = option_error("plan", argv, long_options);
        }
    }
    if (status == EXIT_OK)
        status = check_deal(&request);
    if (status == EXIT_OK && request.from)
        status = report_load("plan", request.from, &request.seen);
    if (request.seen && !request.names_process)
        request.process = plan_from_process(request.seen);
    if (status == EXIT_OK && optind < argc)
        status = usage_error("plan", "unexpected argument \"%s\" (-p gives a policy)", argv[optind]);
    if (status == EXIT_OK)
        status = plan_now(&request);
    policy_options_free(&request.policy);
    free(request.specs);
    json_decref(request.seen);
    return status;
}
