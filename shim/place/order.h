/*
 * order: threads that are named after their creation get their places in the order of their creation, as the dry
 * run announces it, although they name themselves in whatever order the scheduler lets them run.
 *
 * Places are exchanged between threads of one rule whose first name brought them there; later renames take the
 * place that is free then and move no other thread. Signal-safe, waits for no other thread.
 */
#ifndef NODEWISE_SHIM_PLACE_ORDER_H
#define NODEWISE_SHIM_PLACE_ORDER_H

#include "shim/base/thread.h"

/*
 * The caller owns `thread`, which has its place. moved() is called for every record whose pick changed, while it is
 * owned; released() after a record other than `thread` has been given back, for work that was left in it.
 */
void order_settle(struct thread *thread, void (*moved)(struct thread *), void (*released)(struct thread *));

#endif
