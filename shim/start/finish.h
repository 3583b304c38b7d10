/* finish: the regular end of a governed process. */
#ifndef NODEWISE_SHIM_START_FINISH_H
#define NODEWISE_SHIM_START_FINISH_H

/*
 * From the destructor and from _exit. Does something once, and only in the process that the shim's state is about.
 * Signal-safe, as _exit is: no lock, no allocation.
 */
void shim_finish(void);

/* A report is due at the end. Start-up only. */
void finish_prepare_report(void);

/* In a forked child, which has its own end. */
void finish_forked(void);

#endif
