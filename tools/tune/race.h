/*
 * race: which candidate is run next, and what the runs say in the end. Pure: the caller runs, and tells what it saw.
 *
 * First the candidates are selected: rounds in which each runs once, in random order, so that a machine that gets warmer
 * or busier does the same to all. One whose every run is worse than every run of the best is behind and runs no more. Then
 * the best of them and `plain` are confirmed, in pairs that are measured afresh: the selection picks whoever was lucky, so
 * its own runs would promise too much. The pairs are looked at after 5, 8, 12, 18 and 26; a look may spend half of what the
 * look before it could (of 5 %), so that looking often does not find what is not there.
 */
#ifndef NODEWISE_TOOLS_TUNE_RACE_H
#define NODEWISE_TOOLS_TUNE_RACE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/tune/statistics.h"

#define CONTENDERS_MOST 64u
#define RACE_OVER       SIZE_MAX
#define RACE_ALPHA      0.05
#define RACE_SELECTION  7u /* rounds, at most */

enum verdict {
    VERDICT_BETTER,        /* the winner is better than plain */
    VERDICT_PLAIN,         /* plain is better than the best candidate */
    VERDICT_NO_DIFFERENCE, /* between plain and the best candidate */
    VERDICT_UNDECIDED,     /* the budget ended before the runs could say */
};

struct contender {
    struct samples selection, confirmation;
    double seconds; /* of its last run */
    bool is_out;    /* it failed */
    bool is_behind;
};

struct race {
    struct contender contenders[CONTENDERS_MOST]; /* the first is plain */
    size_t count;
    bool higher;   /* is better */
    double least;  /* ratio from which a difference counts: 1.01 */
    double budget; /* seconds */
    uint64_t seed; /* not 0 */

    /* the rest is the race's own */
    size_t order[CONTENDERS_MOST], order_count, next; /* of this round */
    size_t rounds;                                    /* that are complete */
    size_t best;                                      /* 0: none yet */
    bool is_confirming;
    unsigned looks;
    bool is_over;
    enum verdict verdict;
    double confidence; /* of VERDICT_BETTER and VERDICT_PLAIN: 0 to 1 */
    struct ratio gain; /* of the best to plain, above 1 is better; estimate 0: not known */
};

/* The one to run next; RACE_OVER: the verdict stands. spent: seconds of the budget that are gone. */
size_t race_next(struct race *race, double spent);
/* What its run gave, and how long it took. */
void race_take(struct race *race, size_t contender, double value, double seconds);
/* It failed, and is out. Plain cannot be. */
void race_drop(struct race *race, size_t contender);
/* No more runs: what has been seen stands. */
void race_stop(struct race *race);

/* By the selection's runs: how many times better than plain (estimate 0: not known), and how sure that it differs. */
struct ratio race_gain(const struct race *race, size_t contender);
double race_confidence(const struct race *race, size_t contender);

#endif
