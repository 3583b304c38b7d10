/*
 * weak_memory: all that a few threads can see of each other on a processor whose loads and stores are not ordered: every
 * execution of a small program that C11's memory model allows, but for loads that depend on later stores.
 *
 * The model is the usual one of views. Each location has its stores in an order; each thread has a view: of each location
 * the oldest store that it may still read. A store is placed anywhere behind the view of its thread, a read-modify-write
 * directly behind what it reads. A store carries a view along, which those get who read it: its thread's with release,
 * and one who reads with acquire gets it. Fences are seq_cst. See Kang et al., A Promising Semantics for Relaxed-Memory
 * Concurrency, POPL 2017, section 2, without promises.
 */
#ifndef NODEWISE_TESTS_WEAK_MEMORY_H
#define NODEWISE_TESTS_WEAK_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#define WEAK_PLACES  4u
#define WEAK_THREADS 3u
#define WEAK_STEPS   8u /* of a thread */
#define WEAK_RESULTS 8u

enum weak_order { RELAXED, ACQUIRE, RELEASE, ACQ_REL };

enum weak_kind {
    WEAK_END,
    WEAK_LOAD,     /* result = place */
    WEAK_STORE,    /* place = value */
    WEAK_EXCHANGE, /* result = place, place = value */
    WEAK_COMPARE,  /* as exchange, if it was `expected`; else a relaxed load */
    WEAK_FENCE,
    WEAK_IF, /* the thread goes on if the result is `expected` */
};

struct weak_step {
    enum weak_kind kind;
    uint8_t place, value, expected, result;
    enum weak_order order;
};

struct weak_program {
    struct weak_step threads[WEAK_THREADS][WEAK_STEPS + 1];
    uint8_t threads_count;
};

/* What an execution comes to: results that no step set are 0, and so are places at first. */
struct weak_end {
    uint8_t results[WEAK_RESULTS], places[WEAK_PLACES];
};

/* Is there an execution that ends so? count: of all executions, where it is not NULL. */
bool weak_can_end(const struct weak_program *program, bool (*is_bad)(const struct weak_end *end),
                  unsigned long *ret_count);

#endif
