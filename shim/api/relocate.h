/*
 * relocate: what a thread has asked to be done when it has moved, for the end of the thread.
 */
#ifndef NODEWISE_SHIM_API_RELOCATE_H
#define NODEWISE_SHIM_API_RELOCATE_H

#include "shim/api/thread_record.h"

/* Frees the lists of the record. */
void relocate_forget(struct thread_record *record);

#endif
