#include "tools/tune/tuning.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/printable.h"
#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/common/progress.h"
#include "tools/common/read_file.h"
#include "tools/tune/runner.h"

#define LIMIT_LEAST  10.0 /* seconds that a candidate may take in any case */
#define LIMIT_TIMES  5.0  /* as long as plain does */
#define RUNS_LEAST   3.0  /* of a candidate: to warm up, and two rounds */
#define PAIRS_LEAST  10.0 /* runs of the first look at the best and plain */
#define WORDS_BEFORE 9u   /* of nodewise's own, before the command */
#define POLICY_MOST  ((size_t)1 << 20)

/* a tuning that runs */
struct work {
    struct tuning *tuning;
    double began, limit;
    char self[4096];
    char **arguments; /* with room for our own words before the command */
};

static double spent(const struct work *work)
{
    return runner_clock() - work->began;
}

/* --- files --- */

static void path_in(const struct tuning *tuning, char *ret_path, size_t size, const char *name)
{
    snprintf(ret_path, size, "%s/%s", tuning->folder, name);
}

static int write_policy_file(const struct tuning *tuning, const char *text)
{
    char path[128];
    path_in(tuning, path, sizeof(path), "policy.toml");
    FILE *to = fopen(path, "we");
    if (!to)
        return -errno;
    fputs(text, to);
    return fclose(to) == 0 ? 0 : -errno;
}

static void empty_folder(const struct tuning *tuning)
{
    DIR *folder = opendir(tuning->folder);
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder)
        closedir(folder);
}

/* The worst that one of the command's processes reports; those that were asked for nothing say nothing. */
static const char *read_granted(const struct tuning *tuning)
{
    static const char *const words[] = {"not", "partly", "as_asked", "nothing_asked"};
    size_t worst = sizeof(words) / sizeof(*words);
    DIR *folder = opendir(tuning->folder);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char path[400];
        path_in(tuning, path, sizeof(path), entry->d_name);
        json_t *report = strstr(entry->d_name, ".json") ? json_load_file(path, 0, NULL) : NULL;
        for (size_t i = 0; report && i < worst; i++)
            if (strcmp(verdict_word(report), words[i]) == 0)
                worst = i;
        json_decref(report);
    }
    if (folder)
        closedir(folder);
    return worst < sizeof(words) / sizeof(*words) ? words[worst] : "";
}

/* --- one run --- */

/* The command behind words of our own. */
static char *const *behind(struct work *work, const char *const *own, size_t count)
{
    for (size_t i = 0; i < count; i++)
        work->arguments[WORDS_BEFORE - count + i] = (char *)own[i];
    return work->arguments + WORDS_BEFORE - count;
}

static int value_of(const struct tuning *tuning, struct run *run, double *ret_value)
{
    if (!tuning->metric.text) {
        *ret_value = run->seconds;
        return 0;
    }
    int error = metric_find(&tuning->metric, run->output ? run->output : "", ret_value);
    if (error < 0)
        snprintf(run->why, sizeof(run->why), "%s",
                 error == -ENOENT   ? "no line of its output matches --metric"
                 : error == -ERANGE ? "its metric is not above 0"
                                    : "no number beside what --metric matches");
    return error < 0 ? -EIO : 0;
}

/* 0; -EIO, with the reason in ret_run; -EINTR. free() the output. */
static int run_words(struct work *work, char *const *words, struct seen *seen, struct run *ret_run)
{
    const struct run_spec spec = {.command = words,
                                  .load = work->tuning->load,
                                  .ready = work->tuning->ready,
                                  .limit = work->limit,
                                  .look = seen ? seen_look : NULL,
                                  .context = seen};
    int error = runner_run(ret_run, &spec);
    work->tuning->is_interrupted = work->tuning->is_interrupted || error == -EINTR;
    return error;
}

/* Under a candidate's policy. reported: what the kernel grants is read back, which takes time at the end. */
static int run_candidate(struct work *work, const struct candidate *candidate, bool is_reported, struct run *ret_run)
{
    char policy[128], report[128];
    path_in(work->tuning, policy, sizeof(policy), "policy.toml");
    snprintf(report, sizeof(report), "report.file=%s/report-{pid}.json", work->tuning->folder);
    const char *const own[] = {work->self, "run", "-p", policy, "--set", "report.at_exit=full", "--set", report, "--"};
    const char *const bare[] = {work->self, "run", "-p", policy, "--"};
    if (!candidate->text)
        return run_words(work, behind(work, NULL, 0), NULL, ret_run);
    int error = write_policy_file(work->tuning, candidate->text);
    if (error < 0) {
        *ret_run = (struct run){0};
        snprintf(ret_run->why, sizeof(ret_run->why), "its policy cannot be written: %s", strerror(-error));
        return -EIO;
    }
    return run_words(work, is_reported ? behind(work, own, 9) : behind(work, bare, 5), NULL, ret_run);
}

static void drop(struct candidate *candidate, const struct run *run)
{
    candidate_end(candidate, CANDIDATE_FAILED, "%s", run->why);
    progress_note("tune", "%s failed and is dropped: %s", printable(candidate->name), candidate->why);
}

/* --- warming up --- */

static void value_text(const struct tuning *tuning, double value, char *ret_text, size_t size)
{
    snprintf(ret_text, size, tuning->metric.text ? "%.5g" : "%.4g s", value);
}

/* The first run shows whether the command works at all, how long it takes, and what it is made of. */
static int run_plain(struct work *work, struct seen *seen, double *ret_seconds)
{
    struct run run;
    char text[48];
    double value, began = runner_clock();
    progress_now("plain, to see what the command is made of");
    work->limit = work->tuning->budget;
    int error = run_words(work, behind(work, NULL, 0), seen, &run);
    *ret_seconds = runner_clock() - began;
    if (error == 0)
        error = value_of(work->tuning, &run, &value);
    free(run.output);
    if (error == -EIO)
        print_error("the command fails by itself: %s", run.why);
    if (error < 0)
        return EXIT_BAD_INPUT;
    value_text(work->tuning, value, text, sizeof(text));
    progress_note("tune", "plain: %s", text);
    return EXIT_OK;
}

/* The policy that `nodewise learn` writes of a run. */
static void learn(struct work *work, struct candidate *candidate)
{
    char path[128];
    struct run run;
    struct file_bytes file;
    path_in(work->tuning, path, sizeof(path), "learned.toml");
    const char *const own[] = {work->self, "learn", "-o", path, "--"};
    progress_now("learning a policy from a run");
    int error = run_words(work, behind(work, own, 5), NULL, &run);
    free(run.output);
    if (error == -EIO) {
        drop(candidate, &run);
    } else if (error == 0 && read_file(&file, path, POLICY_MOST) < 0) {
        snprintf(run.why, sizeof(run.why), "`nodewise learn` wrote no policy");
        drop(candidate, &run);
    } else if (error == 0) {
        free(candidate->text);
        candidate->text = strndup(file.data, file.size);
        free(file.data);
    }
}

static void warm_up(struct work *work, struct candidate *candidate, double *ret_seconds)
{
    struct run run;
    double value, began = runner_clock();
    progress_now("%s, to warm up", candidate->name);
    int error = run_candidate(work, candidate, true, &run);
    *ret_seconds = runner_clock() - began;
    if (error == 0)
        error = value_of(work->tuning, &run, &value);
    free(run.output);
    candidate->granted = read_granted(work->tuning);
    if (error == -EIO)
        drop(candidate, &run);
    empty_folder(work->tuning);
}

static void enter_race(struct tuning *tuning, struct candidate *candidate, double seconds)
{
    struct race *race = &tuning->race;
    if (race->count == CONTENDERS_MOST) {
        candidate_end(candidate, CANDIDATE_LEFT_OUT, "more than %u candidates: name fewer", CONTENDERS_MOST);
        return;
    }
    candidate->contender = race->count;
    race->contenders[race->count++].seconds = seconds;
}

/* All but plain, which has run. */
static void warm_all_up(struct work *work)
{
    struct candidates *candidates = &work->tuning->candidates;
    for (size_t i = 1; i < candidates->count && !work->tuning->is_interrupted; i++) {
        struct candidate *candidate = &candidates->items[i];
        double seconds = 0;
        if (candidate->state == CANDIDATE_READY && strcmp(candidate->name, "learned") == 0)
            learn(work, candidate);
        if (candidate->state == CANDIDATE_READY && !work->tuning->is_interrupted)
            warm_up(work, candidate, &seconds);
        if (candidate->state == CANDIDATE_READY)
            enter_race(work->tuning, candidate, seconds);
    }
}

/* --- the candidates --- */

/* What needs no look at the program. */
static int add_first(struct tuning *tuning)
{
    int status = EXIT_OK;
    candidates_begin(&tuning->candidates);
    if (tuning->policy)
        status = candidates_add_policy(&tuning->candidates, tuning->policy);
    for (size_t i = 0; i < tuning->word_count && status == EXIT_OK; i++)
        if (candidate_is_policy(tuning->words[i]))
            status = candidates_add_policy(&tuning->candidates, tuning->words[i]);
    candidates_add_places(&tuning->candidates, tuning->topology);
    return status;
}

static bool is_twice(const struct candidates *candidates, size_t which)
{
    for (size_t i = 0; i < which; i++)
        if (strcmp(candidates->items[i].name, candidates->items[which].name) == 0)
            return true;
    return false;
}

static void remove_unwanted(struct tuning *tuning)
{
    struct candidates *candidates = &tuning->candidates;
    size_t kept = 1;
    for (size_t i = 1; i < candidates->count; i++) {
        struct candidate *candidate = &candidates->items[i];
        bool is_policy = strcmp(candidate->group, "policy") == 0; /* given with -p or by its file */
        bool is_wanted = is_policy || candidate_is_wanted(candidate, tuning->words, tuning->word_count);
        if (is_wanted && !is_twice(candidates, i)) {
            candidates->items[kept++] = *candidate;
            continue;
        }
        free(candidate->name);
        free(candidate->text);
        free(candidate->options);
    }
    candidates->count = kept;
}

static void add_others(struct tuning *tuning, const struct seen *seen)
{
    candidates_add_presets(&tuning->candidates, tuning->topology, seen);
    candidate_add(&tuning->candidates, "learned", strdup("learned"), strdup(""));
    remove_unwanted(tuning);
    if (tuning->policy)
        candidates_add_variations(&tuning->candidates, tuning->topology, tuning->policy);
}

/* Better a few that are measured well than all of them hardly. */
static void fit_budget(struct work *work, double seconds)
{
    struct candidates *candidates = &work->tuning->candidates;
    double room = (work->tuning->budget - spent(work)) / seconds - PAIRS_LEAST - RUNS_LEAST;
    unsigned ready = 0, left_out = 0;
    for (size_t i = 1; i < candidates->count; i++) {
        if (candidates->items[i].state != CANDIDATE_READY)
            continue;
        if (ready == 0 || (ready + 1) * RUNS_LEAST <= room) {
            ready++;
            continue;
        }
        candidate_end(&candidates->items[i], CANDIDATE_LEFT_OUT, "no time for it: --budget is %.0f s",
                      work->tuning->budget);
        left_out++;
    }
    progress_note("tune", "candidates: %u; it ends in %.0f s at most", ready, work->tuning->budget - spent(work));
    if (left_out)
        progress_note("tune", "left out, because the budget has no time for them: %u", left_out);
}

/* --- the race --- */

static struct candidate *candidate_of(struct tuning *tuning, size_t contender)
{
    for (size_t i = 1; i < tuning->candidates.count && contender; i++)
        if (tuning->candidates.items[i].contender == contender)
            return &tuning->candidates.items[i];
    return &tuning->candidates.items[0];
}

static void note_round(struct tuning *tuning, size_t rounds_before, bool was_confirming)
{
    const struct race *race = &tuning->race;
    if (race->is_over || race->rounds == rounds_before)
        return;
    unsigned left = 0;
    for (size_t i = 1; i < race->count; i++)
        left += !race->contenders[i].is_out && !race->contenders[i].is_behind;
    if (!race->is_confirming)
        progress_note("tune", "round %zu: candidates that are not behind: %u", race->rounds, left);
    else if (!was_confirming)
        progress_note("tune", "round %zu: %s is the best; it is measured again, with plain", race->rounds,
                      printable(candidate_of(tuning, race->best)->name));
}

static void run_contender(struct work *work, size_t contender)
{
    struct tuning *tuning = work->tuning;
    struct candidate *candidate = candidate_of(tuning, contender);
    struct run run;
    double value, began = runner_clock();
    progress_now("round %zu: %s", tuning->race.rounds + 1, candidate->name);
    int error = run_candidate(work, candidate, false, &run);
    if (error == 0)
        error = value_of(tuning, &run, &value);
    free(run.output);
    if (error == 0)
        race_take(&tuning->race, contender, value, runner_clock() - began);
    else if (error == -EIO)
        drop(candidate, &run);
    if (error == -EIO && contender)
        race_drop(&tuning->race, contender);
    else if (error < 0)
        race_stop(&tuning->race);
}

static void run_race(struct work *work)
{
    struct race *race = &work->tuning->race;
    if (race->count == 1)
        race_stop(race);
    for (;;) {
        size_t rounds = race->rounds;
        bool was_confirming = race->is_confirming;
        size_t contender = race_next(race, spent(work));
        note_round(work->tuning, rounds, was_confirming);
        if (contender == RACE_OVER)
            return;
        run_contender(work, contender);
    }
}

/* ---- */

static int prepare(struct work *work)
{
    struct tuning *tuning = work->tuning;
    struct diag_list diags = {0};
    size_t count = 0;
    int error = topology_load(&tuning->topology, NULL, &diags);
    diag_print(stderr, &diags, NULL, (struct print_style){.colour = wants_colour(stderr)});
    diag_list_free(&diags);
    if (error < 0)
        return EXIT_MACHINE;
    ssize_t length = readlink("/proc/self/exe", work->self, sizeof(work->self) - 1);
    work->self[length > 0 ? length : 0] = '\0';
    while (tuning->command[count])
        count++;
    work->arguments = calloc(WORDS_BEFORE + count + 1, sizeof(*work->arguments));
    snprintf(tuning->folder, sizeof(tuning->folder), "/tmp/nodewise-tune-XXXXXX");
    if (!work->arguments || !mkdtemp(tuning->folder)) {
        print_error("no folder can be made in /tmp: %s", strerror(errno));
        tuning->folder[0] = '\0';
        return EXIT_MACHINE;
    }
    memcpy(work->arguments + WORDS_BEFORE, tuning->command, count * sizeof(*work->arguments));
    error = runner_begin();
    if (error < 0)
        print_error("the command's processes cannot be looked after: %s", strerror(-error));
    return error < 0 ? EXIT_MACHINE : EXIT_OK;
}

static void begin_race(struct tuning *tuning, double seconds)
{
    tuning->race = (struct race){.count = 1,
                                 .higher = tuning->metric.higher,
                                 .least = tuning->least,
                                 .budget = tuning->budget,
                                 .seed = (uint64_t)(runner_clock() * 1e9) | 1};
    tuning->race.contenders[0].seconds = seconds;
    tuning->candidates.items[0].contender = 0;
}

static int tune(struct work *work)
{
    struct tuning *tuning = work->tuning;
    static struct seen seen;
    double seconds;
    int status = add_first(tuning);
    if (status == EXIT_OK)
        status = run_plain(work, &seen, &seconds);
    if (status != EXIT_OK)
        return status;
    add_others(tuning, &seen);
    seen_free(&seen);
    fit_budget(work, seconds);
    begin_race(tuning, seconds);
    work->limit = fmax(LIMIT_LEAST, LIMIT_TIMES * seconds);
    warm_all_up(work);
    if (tuning->is_interrupted)
        race_stop(&tuning->race);
    run_race(work);
    return EXIT_OK;
}

int tuning_run(struct tuning *tuning)
{
    struct work work = {.tuning = tuning, .began = runner_clock()};
    int status = prepare(&work);
    if (status == EXIT_OK)
        status = tune(&work);
    tuning->seconds = spent(&work);
    free(work.arguments);
    return status;
}

void tuning_free(struct tuning *tuning)
{
    if (*tuning->folder) {
        empty_folder(tuning);
        rmdir(tuning->folder);
    }
    candidates_free(&tuning->candidates);
    topology_free(tuning->topology);
    metric_free(&tuning->metric);
}

const struct candidate *tuning_best(const struct tuning *tuning)
{
    for (size_t i = 1; i < tuning->candidates.count && tuning->race.best; i++)
        if (tuning->candidates.items[i].contender == tuning->race.best)
            return &tuning->candidates.items[i];
    return NULL;
}
