#include "tools/report/interval.h"

#include <math.h>
#include <stddef.h>

/* Student's t for 95 %, by windows minus one: a few windows say little about how much windows differ. */
static double quantile(double windows)
{
    static const double values[] = {12.71, 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23,
                                    2.20,  2.18,  2.16, 2.14, 2.13, 2.12, 2.11, 2.10, 2.09, 2.09};
    static const size_t count = sizeof(values) / sizeof(*values);
    size_t freedom = windows > (double)count ? count : windows > 1 ? (size_t)(windows - 1) : 0;
    return freedom < count ? values[freedom] : freedom < 60 && windows < 60 ? 2.05 : 1.96;
}

static double within(double value, double low, double high)
{
    return value >= low ? (value <= high ? value : high) : low; /* low for NaN */
}

struct interval interval_wilson(double share, double samples, double z)
{
    double square = z * z;
    double middle = (share + square / (2 * samples)) / (1 + square / samples);
    double half = z / (1 + square / samples) * sqrt(share * (1 - share) / samples + square / (4 * samples * samples));
    return (struct interval){within(middle - half, 0, share), 1 - within(1 - middle - half, 0, 1 - share)};
}

/* The variance of a ratio of two sums, each over windows that were drawn as a whole. */
static double variance(const struct window_sums *sums, double share)
{
    double squares = sums->yy - 2 * share * sums->xy + share * share * sums->xx;
    return sums->windows / (sums->windows - 1) * squares / (sums->x * sums->x);
}

struct interval interval_of_windows(const struct window_sums *sums, double samples)
{
    double share = within(sums->y / sums->x, 0, 1), worth = within(samples, 1, 1e15);
    if (sums->windows > 1) {
        double spread = variance(sums, share);
        if (spread > 0 && share * (1 - share) / spread < worth)
            worth = within(share * (1 - share) / spread, 1, worth);
    }
    return interval_wilson(share, worth, quantile(sums->windows));
}
