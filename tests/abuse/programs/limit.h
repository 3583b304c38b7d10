/* ABUSE_LIMIT="RESOURCE VALUE": a limit that the program sets for itself while it runs. */
#ifndef NODEWISE_TESTS_ABUSE_LIMIT_H
#define NODEWISE_TESTS_ABUSE_LIMIT_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static inline void limit_itself(void)
{
    const char *word = getenv("ABUSE_LIMIT");
    unsigned which;
    unsigned long value;
    struct rlimit limit;
    if (!word)
        return;
    if (sscanf(word, "%u %lu", &which, &value) != 2 || getrlimit(which, &limit) != 0)
        exit(9);
    limit.rlim_cur = value;
    if (setrlimit(which, &limit) != 0)
        exit(9);
}

#endif
