/*
 * hold: a thread that has pinned itself for a while (nodewise.h, nw_pin_push) owns its record meanwhile. Whatever other
 * threads want of the record they leave as work, as always (base/thread.h), and release carries it out. A reload does not
 * wait for that: it borrows the record, decides anew for the thread, and leaves the carrying out as work.
 *
 * errno kept; not in signal handlers.
 */
#ifndef NODEWISE_SHIM_PLACE_HOLD_H
#define NODEWISE_SHIM_PLACE_HOLD_H

#include <stdbool.h>

#include "shim/base/thread.h"

/* For the calling thread. They nest. hold_begin() waits some milliseconds at most for a thread that is placing it. */
void hold_begin(void);
void hold_end(void);
/* The calling thread ends. */
void hold_at_end(void);

/* For a reload: owns a held record until hold_return(). false: it is not held. */
bool hold_borrow(struct thread *thread);
bool hold_is_borrowed(const struct thread *thread);
/* Returns false where the holder has released it meanwhile: then the caller owns the record. */
bool hold_return(struct thread *thread);

#endif
