#include "tools/tune/document.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "config/json_text.h"
#include "tools/common/json_fields.h"

static const char *const verdicts[] = {[VERDICT_BETTER] = "better",
                                       [VERDICT_PLAIN] = "plain",
                                       [VERDICT_NO_DIFFERENCE] = "no_difference",
                                       [VERDICT_UNDECIDED] = "undecided"};

static json_t *text_or_null(const char *text)
{
    return text && *text ? json_any_text(text) : json_null();
}

/* Infinite bounds are no numbers of JSON. */
static json_t *number_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *samples_json(const struct samples *samples)
{
    json_t *values = json_array();
    for (size_t i = 0; i < samples->count; i++)
        json_array_append_new(values, json_real(samples->values[i]));
    return values;
}

static json_t *gain_json(struct ratio gain)
{
    if (gain.estimate <= 0)
        return json_null();
    return json_pack("{s:f, s:o, s:o}", "estimate", gain.estimate, "low",
                     gain.low > 0 ? json_real(gain.low) : json_null(), "high", number_or_null(gain.high));
}

/* All runs of it that were measured: what the median is of. */
static double median_of(const struct contender *contender)
{
    return samples_median(contender->confirmation.count ? &contender->confirmation : &contender->selection);
}

static json_t *candidate_json(const struct tuning *tuning, const struct candidate *candidate)
{
    static const char *const states[] = {
        [CANDIDATE_READY] = "measured", [CANDIDATE_LEFT_OUT] = "left_out", [CANDIDATE_FAILED] = "failed"};
    const struct race *race = &tuning->race;
    json_t *object = json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:o}", "name", json_any_text(candidate->name), "group",
                               candidate->group, "state", states[candidate->state], "reason",
                               text_or_null(candidate->why), "granted", text_or_null(candidate->granted), "options",
                               text_or_null(candidate->options), "policy", text_or_null(candidate->text));
    if (candidate->contender == SIZE_MAX)
        return object;
    const struct contender *contender = &race->contenders[candidate->contender];
    if (candidate->state == CANDIDATE_READY && contender->is_behind && candidate->contender > 0)
        json_object_set_new(object, "state", json_string("behind"));
    json_object_set_new(object, "selection", samples_json(&contender->selection));
    json_object_set_new(object, "confirmation", samples_json(&contender->confirmation));
    if (contender->selection.count)
        json_object_set_new(object, "median", json_real(median_of(contender)));
    if (candidate->contender > 0) {
        json_object_set_new(object, "gain", gain_json(race_gain(race, candidate->contender)));
        json_object_set_new(object, "confidence", json_real(race_confidence(race, candidate->contender)));
    }
    return object;
}

static json_t *verdict_sentence(const struct tuning *tuning)
{
    const struct race *race = &tuning->race;
    const struct candidate *best = tuning_best(tuning);
    const char *name = best ? best->name : "nothing";
    char range[80] = "";
    if (race->gain.estimate > 0 && race->gain.low > 0)
        snprintf(range, sizeof(range), " (95 %%: %.3g to %.3g)", race->gain.low, race->gain.high);
    switch (race->verdict) {
    case VERDICT_BETTER:
        return json_sprintf("%s is %s than plain by a factor of %.3g%s, with a confidence of %.1f %%", name,
                            tuning->metric.text ? "better" : "faster", race->gain.estimate, range,
                            floor(race->confidence * 1000) / 10);
    case VERDICT_PLAIN:
        return json_sprintf("plain is best: the best candidate, %s, is worse%s, with a confidence of %.1f %%", name,
                            range, floor(race->confidence * 1000) / 10);
    case VERDICT_NO_DIFFERENCE:
        return json_sprintf("no difference: the best candidate, %s, cannot be told from plain%s", name, range);
    default:
        if (tuning->is_interrupted)
            return json_string("undecided: it was interrupted");
        if (tuning->candidates.items[0].state == CANDIDATE_FAILED)
            return json_sprintf("undecided: plain failed: %s", tuning->candidates.items[0].why);
        return json_string(race->count > 1 ? "undecided: the budget ended before there were enough runs"
                                           : "undecided: no candidate could be run");
    }
}

static json_t *command_json(const struct tuning *tuning)
{
    json_t *words = json_array();
    for (char **word = tuning->command; *word; word++)
        json_array_append_new(words, json_any_text(*word));
    return words;
}

static json_t *time_json(void)
{
    char text[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    return json_string(text);
}

json_t *tune_document(const struct tuning *tuning)
{
    const struct race *race = &tuning->race;
    const struct candidate *best = tuning_best(tuning);
    bool has_winner = race->verdict == VERDICT_BETTER && best;
    json_t *candidates = json_array();
    for (size_t i = 0; i < tuning->candidates.count; i++)
        json_array_append_new(candidates, candidate_json(tuning, &tuning->candidates.items[i]));
    json_t *metric = json_pack("{s:s, s:o, s:s}", "kind", tuning->metric.text ? "regex" : "time", "regex",
                               text_or_null(tuning->metric.text), "better", tuning->metric.higher ? "higher" : "lower");
    json_t *verdict = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o}", "word", verdicts[race->verdict], "text", verdict_sentence(tuning), "winner",
        has_winner ? json_any_text(best->name) : json_null(), "best", best ? json_any_text(best->name) : json_null(),
        "confidence", race->confidence > 0 ? json_real(race->confidence) : json_null(), "gain", gain_json(race->gain));
    return json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:f, s:f, s:f, s:i, s:o, s:o}", "nodewise_tune", 1, "command",
                     command_json(tuning), "load", text_or_null(tuning->load), "ready", text_or_null(tuning->ready),
                     "metric", metric, "ended", time_json(), "seconds", tuning->seconds, "budget_seconds",
                     tuning->budget, "least_ratio", tuning->least, "rounds", (int)race->rounds, "verdict", verdict,
                     "candidates", candidates);
}
