/*
 * callstack: who is on the creator's call stack, for stack_library and stack_function. Opens libunwind at start-up,
 * only when a rule of the plan asks; nothing here runs otherwise.
 */
#ifndef NODEWISE_SHIM_PLACE_CALLSTACK_H
#define NODEWISE_SHIM_PLACE_CALLSTACK_H

#include <stdbool.h>

struct thread;

/* From start-up. false: libunwind.so.8 is not there. */
bool callstack_open(void);
/* In the creator, inside pthread_create: fills the record's frames, innermost first, ours left out. */
void callstack_record(struct thread *thread);

#endif
