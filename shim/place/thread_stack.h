/*
 * thread_stack: `memory.stack` of a rule. It puts a thread's stack and thread block (TCB, static TLS) on the thread's
 * home node.
 *
 * First touch decides the node of a page. glibc's pthread_create writes the thread block and the first frames in the
 * creator, and it uses the stacks of ended threads again. The shim therefore does the following:
 *
 * - During pthread_create the creator prefers the new thread's node (set_mempolicy(2), three calls, 2 us; no calls when
 *   both are on one node). A new stack is correct from the start, and nothing has to be moved.
 * - A thread that got a used stack asks the kernel where the pages at its beginning are (one call, 1 us) and moves
 *   misplaced ones (move_pages(2)). For such a move the kernel drains the page lists of all CPUs, 50 us and more. The
 *   limit is STACK_MOVES_AT_ONCE moves in a row and then STACK_MOVES_A_SECOND moves a second in a process. Other
 *   threads keep the stack as it is, and their outcome says so.
 *
 * The thread itself touches all deeper pages, after it was placed. The shim does not touch stacks that the program
 * provides.
 */
#ifndef NODEWISE_SHIM_PLACE_THREAD_STACK_H
#define NODEWISE_SHIM_PLACE_THREAD_STACK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "shim/base/state.h"
#include "shim/base/thread.h"

#define STACK_MOVES_AT_ONCE  64u
#define STACK_MOVES_A_SECOND 200u

/* Reads the size of glibc's stacks. At start-up, and when a new plan needs it. */
void stack_start(void);

/* The thread's stack. Its end is 0 for main of a forked child, too, whose memory is also its parent's. Any thread. */
struct stack_area stack_of(const struct thread *thread);

/* The creator's own memory policy, kept while the creator prefers another node. */
struct stack_loan {
    bool lent;
    int mode;
    uint64_t nodes[NODE_WORDS];
};

/*
 * The creator calls these before and after the call that makes the thread. attributes: those of that call, or NULL. The
 * record notes for stack_settle() whether the stack is glibc's. errno kept.
 */
void stack_prepare(struct thread *thread, const pthread_attr_t *attributes, struct stack_loan *ret_loan);
void stack_return_node(const struct stack_loan *loan);

/* A new thread calls it before it gets a policy of its own: from then on it has its creator's, as without the loan. */
void stack_end_loan(struct thread *thread);

/*
 * The thread itself calls it after it was placed. It checks the pages, moves misplaced ones and notes the outcome in
 * the record. errno kept.
 */
void stack_settle(struct thread *thread);

#endif
