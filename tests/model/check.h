/* check: what must hold in a model; otherwise it says where not, and ends with a core. */
#ifndef NODEWISE_TESTS_MODEL_CHECK_H
#define NODEWISE_TESTS_MODEL_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                    \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
