/* check: a program of the tests ends with 1 and the line of what did not hold. C and C++. */
#ifndef NODEWISE_TESTS_API_CHECK_H
#define NODEWISE_TESTS_API_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                    \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
