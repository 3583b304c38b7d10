/*
 * again: a call that a signal came into is made again, but not for ever. A filter may answer with EINTR each time, and
 * a loop that trusts the word would hang the program. Any thread, signal-safe.
 */
#ifndef NODEWISE_SHIM_SYS_AGAIN_H
#define NODEWISE_SHIM_SYS_AGAIN_H

#include <errno.h>
#include <stdbool.h>

#define MOST_INTERRUPTIONS 1000u

/* Whether the call that just failed is to be made again. The count is the caller's, and begins with 0. */
static inline bool call_again(unsigned *interruptions)
{
    return errno == EINTR && ++*interruptions <= MOST_INTERRUPTIONS;
}

#endif
