/*
 * relocation: memory.migrate_on_move. When a thread gets a home on another node, its memory follows: the blocks of its
 * heap, its large objects, its mappings and its stack. The arenas switch at once, so new blocks come from the new node.
 * The worker (worker/worker.h) moves the rest in batches within the budget.
 *
 * The owner of a thread record queues an order; the worker takes and executes it. The end of the program or of the
 * thread can cancel an order at any time: what has moved stays moved, the rest stays where it was.
 */
#ifndef NODEWISE_SHIM_MEMORY_RELOCATION_H
#define NODEWISE_SHIM_MEMORY_RELOCATION_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/arena/moving.h"
#include "shim/memory/mover.h"

#include "shim/base/thread.h"

/* Younger threads cause no order: they were only just made and named, and have nothing worth moving. */
#define RELOCATION_AGE_MS 20u
#define ORDERS_MOST       64u

struct order {
    struct owner owner;
    uint32_t node;
    uint32_t rule; /* the rule whose budget applies */
    struct stack_area stack;
};

/*
 * Queues an order because the thread's home is another node now. Does nothing unless the thread's rule asks for it.
 * Only the owner of the record may call it. An event in the segment (REASON_BUDGET) tells when the queue has no room.
 */
void relocation_thread_moved(struct thread *thread, uint32_t from, struct stack_area stack);

/* Takes the oldest order out of the queue. false: there is none. */
bool relocation_take(struct order *ret_order);
bool relocation_is_due(void);
/*
 * Executes an order. For the worker. may_go_on() is called between batches and may wait; when it returns false, the
 * order is cancelled.
 */
void relocation_carry_out(struct mover *mover, const struct order *order, bool (*may_go_on)(void *context),
                          void *context);

void relocation_forked(void);

#endif
