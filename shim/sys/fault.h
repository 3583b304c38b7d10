/*
 * fault: in the test build of the library (NODEWISE_FAULTS) each placing call can be made to fail:
 * NODEWISE_FAULT="sched_setaffinity=EPERM,get_mempolicy=ENOSYS". In the library that is installed this is nothing.
 */
#ifndef NODEWISE_SHIM_SYS_FAULT_H
#define NODEWISE_SHIM_SYS_FAULT_H

#ifdef NODEWISE_FAULTS
/* The negative errno that the call has to fail with, or 0. Signal-safe: reads only the environment at first use. */
long fault_of(const char *call);
#else
static inline long fault_of(const char *call)
{
    (void)call;
    return 0;
}
#endif

#endif
