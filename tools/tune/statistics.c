#include "tools/tune/statistics.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BOTH_MOST (2 * SAMPLES_MOST)

static int by_value(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

static double middle_of(const double *sorted, size_t count)
{
    return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

/* --- samples --- */

void samples_add(struct samples *samples, double value)
{
    if (samples->count < SAMPLES_MOST)
        samples->values[samples->count++] = value;
}

double samples_median(const struct samples *samples)
{
    double sorted[SAMPLES_MOST];
    if (samples->count == 0)
        return 0;
    memcpy(sorted, samples->values, sizeof(sorted));
    qsort(sorted, samples->count, sizeof(*sorted), by_value);
    return middle_of(sorted, samples->count);
}

/* At a part of the way through them, between the two beside it. */
static double quantile(const double *sorted, size_t count, double part)
{
    double at = part * (double)(count - 1);
    size_t below = (size_t)at;
    double above = below + 1 < count ? sorted[below + 1] : sorted[below];
    return sorted[below] + (at - (double)below) * (above - sorted[below]);
}

double samples_spread(const struct samples *samples)
{
    double sorted[SAMPLES_MOST];
    if (samples->count == 0)
        return 0;
    memcpy(sorted, samples->values, sizeof(sorted));
    qsort(sorted, samples->count, sizeof(*sorted), by_value);
    return quantile(sorted, samples->count, 0.75) - quantile(sorted, samples->count, 0.25);
}

double samples_least(const struct samples *samples)
{
    double least = INFINITY;
    for (size_t i = 0; i < samples->count; i++)
        least = fmin(least, samples->values[i]);
    return least;
}

double samples_most(const struct samples *samples)
{
    double most = -INFINITY;
    for (size_t i = 0; i < samples->count; i++)
        most = fmax(most, samples->values[i]);
    return most;
}

/* --- the rank sum --- */

/*
 * In how many ways `few` of the ranks have each sum: ways[sum], up to the sum of all. Ranks are whole numbers here, twice
 * the usual ones, because runs that are equal share the mean of theirs. malloc'd; NULL without memory.
 */
static double *count_ways(const unsigned *ranks, size_t count, size_t few, size_t *ret_sums)
{
    size_t sums = 1;
    for (size_t i = 0; i < count; i++)
        sums += ranks[i];
    double *ways = calloc((few + 1) * sums, sizeof(*ways));
    if (!ways)
        return NULL;
    ways[0] = 1;
    for (size_t i = 0; i < count; i++)
        for (size_t taken = few; taken >= 1; taken--)
            for (size_t sum = sums; sum-- > ranks[i];)
                ways[taken * sums + sum] += ways[(taken - 1) * sums + sum - ranks[i]];
    memmove(ways, ways + few * sums, sums * sizeof(*ways));
    *ret_sums = sums;
    return ways;
}

/* Twice the rank of each of the sorted values. */
static void rank(const double *sorted, size_t count, unsigned *ret_ranks)
{
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && sorted[end] <= sorted[first]; end++)
            ;
        for (size_t i = first; i < end; i++)
            ret_ranks[i] = (unsigned)(first + 1 + end);
    }
}

static unsigned rank_of(double value, const double *sorted, const unsigned *ranks)
{
    size_t at = 0;
    while (sorted[at] < value)
        at++;
    return ranks[at];
}

double rank_sum_p(const struct samples *a, const struct samples *b)
{
    double sorted[BOTH_MOST], all = 0, uneven = 0;
    unsigned ranks[BOTH_MOST];
    size_t count = a->count + b->count, sums, seen = 0;
    memcpy(sorted, a->values, a->count * sizeof(*sorted));
    memcpy(sorted + a->count, b->values, b->count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), by_value);
    rank(sorted, count, ranks);
    for (size_t i = 0; i < a->count; i++)
        seen += rank_of(a->values[i], sorted, ranks);
    double *ways = a->count && b->count ? count_ways(ranks, count, a->count, &sums) : NULL;
    if (!ways)
        return 1;
    double mean = (double)(a->count * (count + 1)), off = fabs((double)seen - mean);
    for (size_t sum = 0; sum < sums; sum++) {
        all += ways[sum];
        uneven += fabs((double)sum - mean) >= off ? ways[sum] : 0;
    }
    free(ways);
    return uneven / all;
}

/* --- the ratio --- */

/*
 * How many of the smallest of all ratios lie outside the interval, on either side: as many as the rank sum's distribution
 * has below alpha / 2.
 */
static size_t outside(size_t few, size_t other, double alpha)
{
    unsigned ranks[BOTH_MOST];
    size_t count = few + other, sums, left = 0;
    for (size_t i = 0; i < count; i++)
        ranks[i] = (unsigned)(i + 1);
    double *ways = count_ways(ranks, count, few, &sums), all = 0, below = 0;
    if (!ways)
        return 0;
    for (size_t sum = 0; sum < sums; sum++)
        all += ways[sum];
    for (size_t sum = few * (few + 1) / 2; sum < sums; sum++) {
        below += ways[sum];
        if (below / all > alpha / 2)
            break;
        left++;
    }
    free(ways);
    return left;
}

struct ratio ratio_of(const struct samples *a, const struct samples *b, double alpha)
{
    double ratios[SAMPLES_MOST * SAMPLES_MOST];
    size_t count = 0;
    for (size_t i = 0; i < a->count; i++)
        for (size_t k = 0; k < b->count; k++)
            ratios[count++] = a->values[i] / b->values[k];
    qsort(ratios, count, sizeof(*ratios), by_value);
    size_t left = outside(a->count, b->count, alpha);
    struct ratio ratio = {middle_of(ratios, count), 0, INFINITY};
    if (left > 0 && left <= count) {
        ratio.low = ratios[left - 1];
        ratio.high = ratios[count - left];
    }
    return ratio;
}
