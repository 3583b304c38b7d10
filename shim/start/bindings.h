/*
 * bindings: the line on stderr that says what this process has (`run --report-bindings`, NODEWISE_BINDINGS). The command
 * writes it, while the program waits, before main. Start-up only, in the thread that starts the library.
 */
#ifndef NODEWISE_SHIM_START_BINDINGS_H
#define NODEWISE_SHIM_START_BINDINGS_H

/* The variable leaves the environment: what the program starts is not asked. */
void bindings_prepare(void);
/* Once the process is placed and its segment says so. Does nothing unless prepared. */
void bindings_tell(void);

#endif
