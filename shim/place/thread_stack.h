/*
 * thread_stack: `memory.stack` of a rule: a thread's stack and thread block (TCB, static TLS) on its home node.
 *
 * Who touches a page first decides its node. glibc's pthread_create writes the thread block and the first frames in the
 * creator, and hands out the stacks of ended threads again. So:
 *
 * - while it runs, the creator prefers the new thread's node (set_mempolicy(2), three calls, 2 us; none where both are
 * on one node). A new stack is right from the start, and nothing has to be moved.
 * - a thread that got a used stack asks where the pages at its beginning are (one call, 1 us) and has wrong ones moved
 *   (move_pages(2)). The kernel drains all CPUs' page lists for that, 50 us and more, so it is done STACK_MOVES_AT_ONCE
 *   times in a row and then at most STACK_MOVES_A_SECOND times a second in a process; others keep the stack as it is,
 * and their outcome says so.
 *
 * Everything deeper is touched by the thread itself, after it was placed. Stacks that the program brings along are its
 * own.
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

/* At start-up, and when another plan needs it: how large glibc makes stacks. */
void stack_start(void);

/* The thread's stack. Its end is 0 for main of a forked child, too: that memory is its parent's as well. Any thread. */
struct stack_area stack_of(const struct thread *thread);

/* The creator's memory policy while it prefers another node. */
struct stack_loan {
    bool lent;
    int mode;
    uint64_t nodes[NODE_WORDS];
};

/* Creator, before and after the call that makes the thread, with its attributes or NULL: whether the stack is glibc's
 * is noted for stack_settle(). errno kept. */
void stack_prepare(struct thread *thread, const pthread_attr_t *attributes, struct stack_loan *ret_loan);
void stack_return_node(const struct stack_loan *loan);

/* The thread itself, after it was placed: looks, moves what it must, notes the outcome in the record. errno kept. */
void stack_settle(struct thread *thread);

#endif
