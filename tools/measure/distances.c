#include "tools/measure/distances.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "policy/measured.h"

#define NOISE 0.04

static int by_median(const void *a, const void *b)
{
    double one = (*(struct measured_latency *const *)a)->median, other = (*(struct measured_latency *const *)b)->median;
    return one < other ? -1 : one > other;
}

static double middle_own(const struct measured_latency *latencies, size_t count, const struct measured_latency **room)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        if (latencies[i * count + i].median > 0)
            room[found++] = &latencies[i * count + i];
    qsort(room, found, sizeof(*room), by_median);
    return found ? room[found / 2]->median : 0;
}

static bool are_apart(const struct measured_latency *less, const struct measured_latency *more)
{
    double difference = more->median - less->median;
    return difference > NOISE * less->median && difference > (less->spread + more->spread) / 2;
}

/* In the order of size, each group of those that are not apart gets the median of its middle one. */
static void level_groups(struct measured_latency **ordered, size_t count)
{
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && !are_apart(ordered[end - 1], ordered[end]); end++)
            ;
        double middle = ordered[first + (end - first) / 2]->median;
        for (size_t i = first; i < end; i++)
            ordered[i]->median = middle;
    }
}

static uint32_t scaled(double latency, double own)
{
    double distance = round(10 * latency / own);
    return distance < MEASURED_LEAST ? MEASURED_LEAST : distance > MEASURED_MOST ? MEASURED_MOST : (uint32_t)distance;
}

static void fill(uint32_t *ret_distances, const struct measured_latency *levelled, size_t n, double own)
{
    for (size_t a = 0; a < n; a++)
        for (size_t b = 0; b < n; b++) {
            double there = levelled[a * n + b].median, back = levelled[b * n + a].median;
            double latency = there > 0 ? there : back;
            ret_distances[a * n + b] = a == b ? 10 : latency > 0 ? scaled(latency, own) : MEASURED_NONE;
        }
}

int distances_of_latencies(uint32_t *ret_distances, const struct measured_latency *latencies, size_t count)
{
    size_t found = 0;
    struct measured_latency *levelled = calloc(count * count + 1, sizeof(*levelled));
    struct measured_latency **ordered = calloc(count * count + 1, sizeof(struct measured_latency *));
    double own = ordered ? middle_own(latencies, count, (const struct measured_latency **)ordered) : 0;
    int error = !levelled || !ordered ? -ENOMEM : own > 0 ? 0 : -ENODATA;
    for (size_t i = 0; i < count * count && error == 0; i++) {
        levelled[i] = latencies[i];
        if (i / count != i % count && latencies[i].median > 0)
            ordered[found++] = &levelled[i];
    }
    if (error == 0) {
        qsort(ordered, found, sizeof(*ordered), by_median);
        level_groups(ordered, found);
        fill(ret_distances, levelled, count, own);
    }
    free(levelled);
    free(ordered);
    return error;
}
