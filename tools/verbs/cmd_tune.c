#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/suggest.h"
#include "config/units.h"
#include "tools/common/cli.h"
#include "tools/common/option_error.h"
#include "tools/common/output_file.h"
#include "tools/prepare/options.h"
#include "tools/report/report_write.h"
#include "tools/tune/document.h"
#include "tools/verbs/verbs.h"

const char tune_help[] =
    "  --metric REGEX      judge a run by the number beside the last line of its output that matches (POSIX\n"
    "                      extended); the number is the first group's, if there is one. Higher is better\n"
    "  --time              judge it by the time that it takes: what holds without --metric\n"
    "  --higher            a higher metric is better\n"
    "  --lower             a lower metric is better\n"
    "  --load COMMAND      the command is a server: run this, by sh, against it, and judge that\n"
    "  --ready COMMAND     the server is ready when this, by sh, ends with 0; else when it listens on a socket\n"
    "  --candidates LIST   try these alone: places, one-cpu, one-core, one-l3, one-node, numactl, bind,\n"
    "                      interleave, preferred, spreads, cores, cpus, scatter, library, presets, learned,\n"
    "                      preset:NAME, or the file of a policy; separated by commas\n"
    "  -p, --policy POLICY  try this policy, too, and variations of its rules\n"
    "  --budget TIME       end after this time, 5m by default\n"
    "  --least PERCENT     differences below it are none, 1 by default\n"
    "  -o, --output FILE   write the winner's policy there\n"
    "  --report FILE       write what was measured there, too (.json, .html, else text)\n" HELP_JSON
    "What the command prints is not shown. Ends with 0 when there is a winner, and with 1 when plain is as good.\n";

#define WORDS_MOST 64u

enum {
    OPTION_METRIC = OPTION_VERB,
    OPTION_TIME,
    OPTION_HIGHER,
    OPTION_LOWER,
    OPTION_LOAD,
    OPTION_READY,
    OPTION_CANDIDATES,
    OPTION_BUDGET,
    OPTION_LEAST,
    OPTION_REPORT
};

struct request {
    struct tuning tuning;
    const char *metric, *output, *report;
    bool is_timed, higher, lower, json;
    char *words[WORDS_MOST];
};

/* --- options --- */

static bool is_known(const char *word)
{
    for (const char *const *known = candidate_words; *known; known++)
        if (strcmp(word, *known) == 0)
            return true;
    return candidate_is_policy(word);
}

static int unknown_candidate(const char *word)
{
    struct suggestion suggestion = suggest_for(word);
    for (const char *const *known = candidate_words; *known; known++)
        suggest_offer(&suggestion, *known);
    if (suggestion.best)
        return usage_error("tune", "there is no candidate \"%s\"; did you mean \"%s\"?", word, suggestion.best);
    return usage_error("tune",
                       "there is no candidate \"%s\": `nodewise help tune` names them; a policy's file has a '/' "
                       "or ends with .toml",
                       word);
}

/* optarg is cut at its commas. */
static int take_candidates(struct request *request)
{
    for (char *rest = optarg, *word; (word = strsep(&rest, ","));) {
        if (!*word)
            continue;
        if (!is_known(word))
            return unknown_candidate(word);
        if (request->tuning.word_count == WORDS_MOST)
            return usage_error("tune", "--candidates names more than %u", WORDS_MOST);
        request->words[request->tuning.word_count++] = word;
    }
    return EXIT_OK;
}

static int take_budget(struct request *request)
{
    uint64_t microseconds;
    if (parse_duration(optarg, &microseconds) < 0 || microseconds == 0)
        return usage_error("tune", "--budget takes a time, as in 90s or 5m, not \"%s\"", optarg);
    request->tuning.budget = (double)microseconds / 1e6;
    return EXIT_OK;
}

static int take_least(struct request *request)
{
    char *end;
    double percent = strtod(optarg, &end);
    if (end == optarg || (*end && strcmp(end, "%") != 0) || !(percent >= 0 && percent <= 1000))
        return usage_error("tune", "--least takes percent, as in 1 or 2.5, not \"%s\"", optarg);
    request->tuning.least = 1 + percent / 100;
    return EXIT_OK;
}

static int take_report(struct request *request)
{
    int status = take_output("tune", "--report", &request->report);
    if (status == EXIT_OK && format_of_name(request->report) == FORMAT_SVG)
        return usage_error("tune", "--report %s: a file ends with .json, .html or .txt", request->report);
    return status;
}

static int take_option(struct request *request, int option)
{
    struct tuning *tuning = &request->tuning;
    switch (option) {
    case OPTION_METRIC:
        request->metric = optarg;
        return EXIT_OK;
    case OPTION_TIME:
        request->is_timed = true;
        return EXIT_OK;
    case OPTION_HIGHER:
        request->higher = true;
        return EXIT_OK;
    case OPTION_LOWER:
        request->lower = true;
        return EXIT_OK;
    case OPTION_LOAD:
        tuning->load = optarg;
        return EXIT_OK;
    case OPTION_READY:
        tuning->ready = optarg;
        return EXIT_OK;
    case OPTION_CANDIDATES:
        return take_candidates(request);
    case OPTION_BUDGET:
        return take_budget(request);
    case OPTION_LEAST:
        return take_least(request);
    case OPTION_REPORT:
        return take_report(request);
    case 'p':
        tuning->policy = optarg;
        return EXIT_OK;
    case 'o':
        return take_output("tune", "-o", &request->output);
    default:
        request->json = true;
        return EXIT_OK;
    }
}

static int check_request(struct request *request)
{
    struct metric *metric = &request->tuning.metric;
    char why[128];
    if (!*request->tuning.command)
        return usage_error("tune", "the command to run is missing");
    if (request->metric && request->is_timed)
        return usage_error("tune", "--metric and --time exclude each other");
    if (request->higher && request->lower)
        return usage_error("tune", "--higher and --lower exclude each other");
    if (!request->metric && request->higher)
        return usage_error("tune", "--higher needs --metric: less time is better");
    if (request->tuning.ready && !request->tuning.load)
        return usage_error("tune", "--ready is about a server: it needs --load");
    if (request->metric && metric_compile(metric, request->metric, why, sizeof(why)) < 0)
        return usage_error("tune", "--metric \"%s\": %s", request->metric, why);
    metric->higher = request->metric && !request->lower;
    request->tuning.words = request->words;
    return EXIT_OK;
}

/* --- results --- */

static int write_file(const char *path, const json_t *document, void (*write)(FILE *to, const json_t *document))
{
    FILE *to;
    int error = output_file_open(&to, path, 0666);
    if (error == 0) {
        write(to, document);
        error = fclose(to) == 0 ? 0 : -errno;
    }
    if (error < 0)
        print_error("%s cannot be written: %s", path, strerror(-error));
    return error < 0 ? EXIT_MACHINE : EXIT_OK;
}

static void write_json(FILE *to, const json_t *document)
{
    print_json(to, json_incref((json_t *)document));
}

static int write_results(const struct request *request, const json_t *document)
{
    bool has_winner = request->tuning.race.verdict == VERDICT_BETTER;
    int status = EXIT_OK;
    if (request->report) {
        enum report_format format = format_of_name(request->report);
        status = write_file(request->report, document,
                            format == FORMAT_JSON   ? write_json
                            : format == FORMAT_HTML ? tune_page
                                                    : tune_text);
    }
    if (request->output && has_winner && status == EXIT_OK)
        status = write_file(request->output, document, tune_policy);
    else if (request->output && !has_winner)
        print_error("%s is not written: there is no winner", request->output);
    if (request->json)
        write_json(stdout, document);
    else
        tune_text(stdout, document);
    if (status != EXIT_OK)
        return status;
    return finish_output(has_winner ? EXIT_OK : EXIT_NO);
}

static int tune(struct request *request)
{
    int status = tuning_run(&request->tuning);
    if (status == EXIT_OK) {
        json_t *document = tune_document(&request->tuning);
        status = write_results(request, document);
        json_decref(document);
    }
    return status;
}

int cmd_tune(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"metric", required_argument, NULL, OPTION_METRIC},
        {"time", no_argument, NULL, OPTION_TIME},
        {"higher", no_argument, NULL, OPTION_HIGHER},
        {"lower", no_argument, NULL, OPTION_LOWER},
        {"load", required_argument, NULL, OPTION_LOAD},
        {"ready", required_argument, NULL, OPTION_READY},
        {"candidates", required_argument, NULL, OPTION_CANDIDATES},
        {"budget", required_argument, NULL, OPTION_BUDGET},
        {"least", required_argument, NULL, OPTION_LEAST},
        {"report", required_argument, NULL, OPTION_REPORT},
        {"policy", required_argument, NULL, 'p'},
        {"output", required_argument, NULL, 'o'},
        OPTIONS_JSON,
        {0},
    };
    static struct request request = {.tuning = {.budget = 300, .least = 1.01}};
    int option, status = EXIT_OK;
    while (status == EXIT_OK && (option = getopt_long(argc, argv, "+p:o:", long_options, NULL)) != -1)
        status = option == '?' ? option_error("tune", argv, long_options) : take_option(&request, option);
    request.tuning.command = argv + optind;
    if (status == EXIT_OK)
        status = check_request(&request);
    if (status == EXIT_OK)
        status = tune(&request);
    tuning_free(&request.tuning);
    return status;
}
