/*
 * metric: the number that a run is judged by, found in what it printed. Pure.
 *
 * Of the lines that the expression (POSIX extended) matches the last one counts: programs print progress before results.
 * The number is what the first group matched; without a group the first number of the match, else the nearest one on its
 * line.
 */
#ifndef NODEWISE_TOOLS_TUNE_METRIC_H
#define NODEWISE_TOOLS_TUNE_METRIC_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>

struct metric {
    const char *text; /* NULL: the time that the run takes */
    regex_t regex;    /* of text */
    bool higher;      /* is better */
};

/* 0, or -EINVAL with what is wrong with it. metric_free() afterwards. */
int metric_compile(struct metric *metric, const char *text, char *ret_why, size_t size);
void metric_free(struct metric *metric);

/*
 * 0; -ENOENT: no line matches; -ENODATA: the last one that does has no number; -ERANGE: the number is not above 0. Lines of
 * `output`, which ends with NUL, end with \n or \r.
 */
int metric_find(const struct metric *metric, const char *output, double *ret_value);

#endif
