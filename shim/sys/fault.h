/*
 * fault: in the test build of the library (NODEWISE_FAULTS) the environment can make each placing call fail:
 * NODEWISE_FAULT="sched_setaffinity=EPERM,get_mempolicy=ENOSYS". In the installed library fault_of() always returns 0.
 */
#ifndef NODEWISE_SHIM_SYS_FAULT_H
#define NODEWISE_SHIM_SYS_FAULT_H

#ifdef NODEWISE_FAULTS
/* The negative errno that the call must fail with, or 0. Signal-safe: it only reads the environment. */
long fault_of(const char *call);
#else
static inline long fault_of(const char *call)
{
    (void)call;
    return 0;
}
#endif

#endif
