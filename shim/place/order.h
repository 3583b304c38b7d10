/*
 * order: gives threads that are named after their creation their places in the order of creation, as the dry run
 * announces it. Without it the order would depend on the scheduler, because the threads name themselves.
 *
 * Threads of one rule exchange places when their first name brought them there. A later rename takes the place that is
 * free then and moves no other thread. Signal-safe; never waits for another thread; cannot fail.
 */
#ifndef NODEWISE_SHIM_PLACE_ORDER_H
#define NODEWISE_SHIM_PLACE_ORDER_H

#include "shim/base/thread.h"

/*
 * The caller owns `thread`, which has its place. moved() is called for each record whose pick changed, while it is
 * owned. released() is called after a record other than `thread` has been given back, so that work left in it is done.
 */
void order_settle(struct thread *thread, void (*moved)(struct thread *), void (*released)(struct thread *));

#endif
