/*
 * relocation: memory.migrate_on_move: when a thread gets a home on another node, what it has follows: the blocks of its
 * heap, its large objects, its stack. The arenas switch at once (new blocks come from the new node), the rest is moved
 * by the worker (worker.h) in batches within the budget.
 *
 * An order can be broken off at any time, by the end of the program or of the thread: what has moved has moved, the
 * rest is where it was.
 */
#ifndef NODEWISE_SHIM_MEMORY_RELOCATION_H
#define NODEWISE_SHIM_MEMORY_RELOCATION_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/arena/moving.h"
#include "shim/memory/mover.h"

#include "shim/base/thread.h"

/* Threads that are younger have nothing worth an order: they were made a moment ago and got their name. */
#define RELOCATION_AGE_MS 20u
#define ORDERS_MOST       64u

struct order {
    struct owner owner;
    uint32_t node;
    uint32_t rule; /* whose budget counts */
    struct stack_area stack;
};

/* The thread's home became another node; does nothing where its rule does not ask. For the owner of the record. */
void relocation_thread_moved(struct thread *thread, uint32_t from, struct stack_area stack);

/* The oldest order, which is then the caller's. false: none. */
bool relocation_take(struct order *ret_order);
bool relocation_is_due(void);
/* Carries it out; for the worker. may_go_on is asked between batches and may wait. */
void relocation_carry_out(struct mover *mover, const struct order *order, bool (*may_go_on)(void *context),
                          void *context);

void relocation_forked(void);

#endif
