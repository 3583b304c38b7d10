/*
 * finish: the regular end of a governed process. Errors are ignored: the program ends in any case.
 */
#ifndef NODEWISE_SHIM_START_FINISH_H
#define NODEWISE_SHIM_START_FINISH_H

/*
 * Called by the destructor and by _exit(). Works once, and only in the process that the shim's state describes.
 * Signal-safe, as _exit() is: no lock, no allocation.
 */
void shim_finish(void);

/* Prepares the report that is due at the end. Start-up only. */
void finish_prepare_report(void);

/* In a forked child, which has an end of its own. */
void finish_forked(void);

#endif
