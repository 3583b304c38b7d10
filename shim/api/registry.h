/*
 * registry: the slots that threads have taken, for the end of a thread.
 */
#ifndef NODEWISE_SHIM_API_REGISTRY_H
#define NODEWISE_SHIM_API_REGISTRY_H

#include "shim/api/thread_record.h"

/* The thread has its slot no longer. Does nothing where it has none. */
void registry_leave(struct thread_record *record);

#endif
