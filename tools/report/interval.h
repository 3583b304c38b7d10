/*
 * interval: how sure a share is that was measured in samples. Pure.
 *
 * Samples that were taken close together say nearly the same, so their number alone promises too much. The windows that
 * they were taken in are compared: the more the windows' own shares differ, the fewer independent samples the share is
 * worth. Wilson's interval is then that of so many samples; unlike the textbook's it is right near 0 and 1.
 */
#ifndef NODEWISE_TOOLS_REPORT_INTERVAL_H
#define NODEWISE_TOOLS_REPORT_INTERVAL_H

#include <stdint.h>

struct interval {
    double low, high; /* 0 to 1 */
};

/* hits of samples: 95 % of such intervals hold the true share. z: 1.96, more where little is known about samples. */
struct interval interval_wilson(double share, double samples, double z);

/* Sums over windows of x (accesses that it stands for), y (the local ones of these) and their products. */
struct window_sums {
    double windows, x, y, xx, xy, yy;
};

/* Of y / x, from so many samples in all. Sums that contradict each other give a wide interval within 0 and 1. */
struct interval interval_of_windows(const struct window_sums *sums, double samples);

#endif
