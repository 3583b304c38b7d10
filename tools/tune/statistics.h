/*
 * statistics: how sure it is that one command's runs are better than another's. Pure.
 *
 * The test is the rank sum of Wilcoxon, Mann and Whitney, exact: it counts the arrangements instead of approximating them,
 * so it holds for five runs, for ties and for whatever distribution. The interval is the one that belongs to it (Hodges
 * and Lehmann), on the ratios of the runs.
 */
#ifndef NODEWISE_TOOLS_TUNE_STATISTICS_H
#define NODEWISE_TOOLS_TUNE_STATISTICS_H

#include <stddef.h>

#define SAMPLES_MOST 32u

struct samples {
    double values[SAMPLES_MOST]; /* all above 0 */
    size_t count;
};

/* More than SAMPLES_MOST: the rest is not kept. */
void samples_add(struct samples *samples, double value);
/* 0 where there are none. */
double samples_median(const struct samples *samples);
/* Between the quartiles; 0 where there are none. */
double samples_spread(const struct samples *samples);
double samples_least(const struct samples *samples);
double samples_most(const struct samples *samples);

/*
 * The probability, both ways, of an arrangement at least as uneven as this one if there is no difference. 1 where one of
 * them is empty or memory is short.
 */
double rank_sum_p(const struct samples *a, const struct samples *b);

struct ratio {
    double estimate, low, high; /* high is INFINITY and low 0 where so few runs bound nothing */
};

/* How many times b the runs of a are; 1 - alpha of such intervals hold the true ratio. Both have at least one run. */
struct ratio ratio_of(const struct samples *a, const struct samples *b, double alpha);

#endif
