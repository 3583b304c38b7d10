/*
 * reload: another plan for a running program (`nodewise reload`), asked for in PID.reload (request.h). The worker's
 * thread changes the plan:
 *
 *   1. pause: phase PAUSED; hooks forward as if there were no policy, and work on records is left for later;
 *   2. wait until no thread reads the plan (shim_enter(), base/state.h) and own every record;
 *   3. swap plan, tables and segment, decide and place every thread again, from outside;
 *   4. go on, and look for threads that were made meanwhile.
 *
 * Where the second step does not come to its end in time, or the plan is not one for this process, nothing has changed.
 * What is decided once stays: which arenas there are (their flavours), whether they are on, and the process's share.
 */
#ifndef NODEWISE_SHIM_START_RELOAD_H
#define NODEWISE_SHIM_START_RELOAD_H

/*
 * For the worker: the plan at that path instead of the one in use; the outcome goes to the segment. Does
 * nothing where placing has stopped.
 */
void reload_run(const char *path);
void reload_forked(void);

#endif
