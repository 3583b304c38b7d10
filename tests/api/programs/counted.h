/* counted: a task that says how often it has run. C17 and C++17. */
#ifndef NODEWISE_TESTS_API_COUNTED_H
#define NODEWISE_TESTS_API_COUNTED_H

#include <nodewise.h>

struct counted {
    struct nw_task task;
    int runs;
};

static inline void count_run(struct nw_task *task)
{
    struct counted *counted = (struct counted *)task;
    __atomic_fetch_add(&counted->runs, 1, __ATOMIC_RELAXED);
}

#endif
