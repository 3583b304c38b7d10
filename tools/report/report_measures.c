#include "tools/report/report_measures.h"

#include "tools/common/json_fields.h"

static struct measure ratio(const char *name, double value)
{
    return (struct measure){name, true, value >= 0, value};
}

static struct measure count(const char *name, double value)
{
    return (struct measure){name, false, true, value};
}

/* Of what the arenas' counters say, over all rules: numbers that a process may have made up, and that fit no integer. */
static double sum_of_arenas(const json_t *report, const char *key)
{
    double sum = 0;
    size_t index;
    json_t *rule;
    json_array_foreach(json_object_get(json_object_get(report, "arenas"), "rules"), index, rule)
        sum += (double)number_of(rule, key);
    return sum;
}

void report_measure(const json_t *report, struct measure ret_measures[MEASURES])
{
    const json_t *process = json_object_get(report, "process"), *verdict = json_object_get(report, "verdict");
    const json_t *following = json_object_get(process, "following");
    double full = (double)number_of(verdict, "full");
    double all = full + (double)number_of(verdict, "preferred") + (double)number_of(verdict, "less");
    const struct measure measures[MEASURES] = {
        ratio("alloc_locality", locality_of(report, "alloc_locality")),
        ratio("home_locality", locality_of(report, "home_locality")),
        ratio("access_locality", locality_of(report, "access_locality")),
        ratio("balance", locality_of(report, "balance")),
        ratio("as_asked", all > 0 ? full / all : -1),
        count("threads_started", (double)number_of(process, "threads_started")),
        count("without_rule", (double)number_of(verdict, "without_rule")),
        count("kernel_refusals", (double)number_of(process, "kernel_refusals")),
        count("allocations", sum_of_arenas(report, "allocations")),
        count("allocated_bytes", sum_of_arenas(report, "bytes")),
        count("remote_frees", sum_of_arenas(report, "remote_frees")),
        count("overflows", sum_of_arenas(report, "overflows")),
        count("bytes_moved", (double)number_of(following, "bytes_moved")),
        count("bytes_not_moved", (double)number_of(following, "bytes_not_moved")),
    };
    for (size_t i = 0; i < MEASURES; i++)
        ret_measures[i] = measures[i];
}
