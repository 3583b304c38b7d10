#include "tools/tune/race.h"

#include <math.h>

#define BEHIND_EARLY 1.1 /* times worse than the best, after two rounds */
#define SHARE        0.5 /* of the budget: the selection's, at most */

static const size_t looks[] = {5, 8, 12, 18, 26}; /* pairs */
#define LOOKS (sizeof(looks) / sizeof(*looks))

static double alpha_of(unsigned look)
{
    return RACE_ALPHA / (double)(2u << look);
}

/* --- better and worse --- */

static bool is_better(const struct race *race, double a, double b)
{
    return race->higher ? a > b : a < b;
}

/* How many times better a is. */
static struct ratio gain_of(const struct race *race, const struct samples *a, const struct samples *b, double alpha)
{
    return race->higher ? ratio_of(a, b, alpha) : ratio_of(b, a, alpha);
}

static double worst_of(const struct race *race, const struct samples *samples)
{
    return race->higher ? samples_least(samples) : samples_most(samples);
}

static double best_of(const struct race *race, const struct samples *samples)
{
    return race->higher ? samples_most(samples) : samples_least(samples);
}

static bool runs(const struct contender *contender)
{
    return !contender->is_out && !contender->is_behind;
}

static bool is_worse_in_each_run(const struct race *race, const struct contender *contender,
                                 const struct contender *than)
{
    return is_better(race, worst_of(race, &than->selection), best_of(race, &contender->selection));
}

/* --- rounds --- */

/* xorshift64* (Vigna, An experimental exploration of Marsaglia's xorshift generators, 2016). */
static size_t random_below(struct race *race, size_t end)
{
    race->seed ^= race->seed >> 12;
    race->seed ^= race->seed << 25;
    race->seed ^= race->seed >> 27;
    return (size_t)((race->seed * 0x2545F4914F6CDD1Du) >> 32) % end;
}

static void shuffle(struct race *race)
{
    for (size_t i = race->order_count; i > 1; i--) {
        size_t other = random_below(race, i), moved = race->order[i - 1];
        race->order[i - 1] = race->order[other];
        race->order[other] = moved;
    }
}

static double begin_round(struct race *race)
{
    double seconds = 0;
    race->order_count = race->next = 0;
    for (size_t i = 0; i < race->count; i++) {
        if (race->is_confirming ? i != 0 && i != race->best : !runs(&race->contenders[i]))
            continue;
        race->order[race->order_count++] = i;
        seconds += race->contenders[i].seconds;
    }
    shuffle(race);
    return seconds;
}

static void end_with(struct race *race, enum verdict verdict)
{
    race->verdict = verdict;
    race->is_over = true;
}

/* --- selection --- */

/* Of the candidates, without plain; 0: none is left. */
static size_t best_candidate(const struct race *race)
{
    size_t best = 0;
    for (size_t i = 1; i < race->count; i++) {
        const struct contender *contender = &race->contenders[i];
        if (!runs(contender) || contender->selection.count == 0)
            continue;
        if (!best ||
            is_better(race, samples_median(&contender->selection), samples_median(&race->contenders[best].selection)))
            best = i;
    }
    return best;
}

/* The best of all, with plain. */
static size_t leader(const struct race *race)
{
    size_t best = best_candidate(race);
    bool plain = !best || (runs(&race->contenders[0]) && is_better(race, samples_median(&race->contenders[0].selection),
                                                                   samples_median(&race->contenders[best].selection)));
    return plain ? 0 : best;
}

static void leave_behind(struct race *race)
{
    size_t first = leader(race);
    const struct contender *best = &race->contenders[first];
    double median = samples_median(&best->selection);
    for (size_t i = 0; i < race->count; i++) {
        struct contender *contender = &race->contenders[i];
        if (i == first || !runs(contender) || !is_worse_in_each_run(race, contender, best))
            continue;
        double own = samples_median(&contender->selection), worse = race->higher ? median / own : own / median;
        contender->is_behind = race->rounds >= 3 || (race->rounds >= 2 && worse > BEHIND_EARLY);
    }
}

static size_t candidates_left(const struct race *race)
{
    size_t left = 0;
    for (size_t i = 1; i < race->count; i++)
        left += runs(&race->contenders[i]);
    return left;
}

static void all_are_in_again(struct race *race)
{
    for (size_t i = 0; i < race->count; i++)
        race->contenders[i].is_behind = false;
}

/* Where each is behind plain, the best of them is measured afresh all the same: a few runs prove nothing. */
static void begin_confirmation(struct race *race)
{
    race->is_confirming = true;
    race->best = best_candidate(race);
    if (race->best)
        return;
    all_are_in_again(race);
    race->best = best_candidate(race);
    if (!race->best)
        end_with(race, VERDICT_UNDECIDED);
}

static void end_selection_round(struct race *race, double spent)
{
    race->rounds++;
    leave_behind(race);
    size_t left = candidates_left(race);
    bool is_enough = race->rounds >= RACE_SELECTION || (left == 1 && race->rounds >= 2);
    if (left > 0 && !is_enough && spent < SHARE * race->budget)
        return;
    begin_confirmation(race);
}

/* --- confirmation --- */

static void look(struct race *race)
{
    const struct samples *best = &race->contenders[race->best].confirmation;
    const struct samples *plain = &race->contenders[0].confirmation;
    double alpha = alpha_of(race->looks), p = rank_sum_p(best, plain);
    race->gain = gain_of(race, best, plain, alpha);
    race->looks++;
    bool is_sure = p <= alpha;
    if (is_sure)
        race->confidence = 1 - p * RACE_ALPHA / alpha;
    if (is_sure && race->gain.estimate >= race->least)
        end_with(race, VERDICT_BETTER);
    else if (is_sure && race->gain.estimate <= 1 / race->least)
        end_with(race, VERDICT_PLAIN);
    else if (race->looks == LOOKS || race->gain.high < race->least || (race->looks >= 2 && race->gain.estimate <= 1) ||
             (race->looks >= 3 && race->gain.estimate < race->least)) /* more pairs would hardly change that */
        end_with(race, VERDICT_NO_DIFFERENCE);
}

static void end_pair(struct race *race)
{
    race->rounds++;
    if (race->contenders[0].confirmation.count >= looks[race->looks])
        look(race);
}

/* ---- */

void race_stop(struct race *race)
{
    if (race->is_over)
        return;
    if (!race->best)
        race->best = best_candidate(race);
    end_with(race, race->looks > 0 ? VERDICT_NO_DIFFERENCE : VERDICT_UNDECIDED);
}

size_t race_next(struct race *race, double spent)
{
    if (!race->is_over && race->order_count > 0 && race->next == race->order_count) {
        if (race->is_confirming)
            end_pair(race);
        else
            end_selection_round(race, spent);
        race->order_count = 0;
    }
    if (!race->is_over && race->order_count == 0 && spent + begin_round(race) > race->budget)
        race_stop(race);
    return race->is_over ? RACE_OVER : race->order[race->next];
}

void race_take(struct race *race, size_t contender, double value, double seconds)
{
    struct contender *taken = &race->contenders[contender];
    samples_add(race->is_confirming ? &taken->confirmation : &taken->selection, value);
    taken->seconds = seconds;
    race->next++;
}

/* Another takes its place; the pairs begin anew, and what looks have spent is spent. */
void race_drop(struct race *race, size_t contender)
{
    race->contenders[contender].is_out = true;
    all_are_in_again(race); /* they may be behind this one alone */
    race->next++;
    if (!race->is_confirming)
        return;
    race->contenders[0].confirmation.count = 0;
    race->order_count = race->next = 0;
    race->gain = (struct ratio){0};
    begin_confirmation(race);
}

struct ratio race_gain(const struct race *race, size_t contender)
{
    const struct samples *runs = &race->contenders[contender].selection, *plain = &race->contenders[0].selection;
    if (contender == race->best && race->gain.estimate > 0)
        return race->gain;
    return runs->count && plain->count ? gain_of(race, runs, plain, RACE_ALPHA) : (struct ratio){0};
}

double race_confidence(const struct race *race, size_t contender)
{
    double p = rank_sum_p(&race->contenders[contender].selection, &race->contenders[0].selection);
    if (contender == race->best && race->confidence > 0)
        return race->confidence;
    return fmax(0, 1 - p * (double)(race->count > 1 ? race->count - 1 : 1));
}
