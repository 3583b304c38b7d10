/*
 * trial: finds out which system calls a seccomp filter kills for, by making them in a copy of the process.
 *
 * The copy has no exit signal, so the program does not notice its end (clone(2)), shares no memory with it but a page
 * in which it says how far it got, and dumps no core. A copy that dies tells one call; the next goes on behind it.
 */
#ifndef NODEWISE_SHIM_START_TRIAL_H
#define NODEWISE_SHIM_START_TRIAL_H

#include <stdbool.h>

/*
 * number: SYS_clone or SYS_clone3, of which the caller knows that the filter does not kill for it. Afterwards
 * call_is_allowed() (sys/allowed.h) answers what was found. false: there is no copy, or its end cannot be seen; nothing
 * has changed. At start-up, or in the only thread. About 0.2 ms, and as much more for each call that kills.
 */
bool trial_run(long number);

#endif
