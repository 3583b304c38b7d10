/*
 * callstack: the libraries and functions on the creator's call stack, for the keys stack_library and stack_function. It
 * opens libunwind at start-up, and only when a rule of the plan needs it. Otherwise none of this code runs.
 */
#ifndef NODEWISE_SHIM_PLACE_CALLSTACK_H
#define NODEWISE_SHIM_PLACE_CALLSTACK_H

#include <stdbool.h>

struct thread;

/* Start-up only. false: libunwind.so.8 is not installed. */
bool callstack_open(void);
/*
 * The creator calls it inside pthread_create. It fills the record's frames, innermost first, without those of the shim.
 */
void callstack_record(struct thread *thread);

#endif
