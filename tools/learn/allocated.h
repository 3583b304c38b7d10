/*
 * allocated: how much memory each thread has, on whose large blocks it works, and with whom it shares
 * memory, as the process itself tells
 * (report_survey.h): asked about once a second, without waiting for the answer, which is read at the next look. A
 * thread that has ended by then keeps what it had at most.
 */
#ifndef NODEWISE_TOOLS_LEARN_ALLOCATED_H
#define NODEWISE_TOOLS_LEARN_ALLOCATED_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#define ALLOCATED_EVERY 10u /* looks of observe() */

struct owned_memory {
    pid_t tid;
    uint64_t bytes; /* resident, the most that was seen */
};

struct use {
    pid_t maker, user;
    uint64_t looks;
};

/* Two threads, and how often memory changed hands between them. */
struct shared {
    pid_t first, second;
    uint64_t changes;
};

struct allocated {
    struct owned_memory *threads;
    size_t thread_count;
    struct use *uses;
    size_t use_count;
    struct shared *shared;
    size_t shared_count;
    uint32_t looks;
};

/* One look at a process that runs: reads an answer, asks again. */
void allocated_look(struct allocated *allocated, pid_t pid);
/* "pages" of a report: the last answer. */
void allocated_add(struct allocated *allocated, const json_t *pages);
uint64_t allocated_of(const struct allocated *allocated, pid_t tid);
void allocated_free(struct allocated *allocated);

#endif
