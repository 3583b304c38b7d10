/* What the contracts share: promises are counted, and those that were not kept are printed with their line. */
#ifndef NODEWISE_TESTS_INTERPOSE_MEMORY_CHECK_H
#define NODEWISE_TESTS_INTERPOSE_MEMORY_CHECK_H

#include <errno.h>
#include <stdio.h>

static unsigned checks, failures;

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        checks++;                                                                                                      \
        if (!(condition)) {                                                                                            \
            failures++;                                                                                                \
            printf("line %d: %s (errno %d)\n", __LINE__, #condition, errno);                                           \
        }                                                                                                              \
    } while (0)

#endif
