/*
 * tuning: a command is run under the candidates until the race is decided: first plainly, which shows what it is made of;
 * then each candidate once to warm up, where what the kernel grants is read back; then by the race's order. A candidate
 * that fails is dropped with its reason.
 */
#ifndef NODEWISE_TOOLS_TUNE_TUNING_H
#define NODEWISE_TOOLS_TUNE_TUNING_H

#include "tools/tune/candidate.h"
#include "tools/tune/metric.h"
#include "tools/tune/race.h"

#define POLICIES_MOST 16u

struct tuning {
    /* asked for */
    char **command;
    const char *load, *ready; /* or NULL, see runner.h */
    struct metric metric;
    double budget; /* seconds */
    double least;  /* ratio */
    char **words;  /* of --candidates; policies are among them */
    size_t word_count;
    const char *policy; /* -p, with variations; or NULL */
    /* found */
    struct topology *topology;
    struct candidates candidates;
    struct race race;
    double seconds;      /* that it took */
    bool is_interrupted; /* by a signal */
    char folder[64];     /* of the policies */
};

/* EXIT_OK: the race has a verdict; or having said why: EXIT_NO, the command fails by itself. */
int tuning_run(struct tuning *tuning);
void tuning_free(struct tuning *tuning);

/* The candidate that the verdict is about; NULL: none was compared. */
const struct candidate *tuning_best(const struct tuning *tuning);

#endif
