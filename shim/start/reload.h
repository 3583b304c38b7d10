/*
 * reload: gives a running program another plan (`nodewise reload`), whose path is in PID.reload (worker/request.h). The
 * worker changes the plan:
 *
 * 1. pause: it sets phase PAUSED; hooks forward as without a policy, and work on records is left for later;
 * 2. it waits until no thread reads the plan (shim_enter(), base/state.h) and owns every record;
 * 3. it swaps plan, tables and segment, decides about every thread again and places it from outside;
 * 4. it ends the pause and sweeps for threads that were made meanwhile.
 *
 * If the second step takes too long, or the plan does not apply to this process, nothing changes. Decisions that are
 * made once stay: which arenas exist (their flavours), whether they are on, and, where the new policy deals out shares,
 * the process's share.
 */
#ifndef NODEWISE_SHIM_START_RELOAD_H
#define NODEWISE_SHIM_START_RELOAD_H

/*
 * For the worker: replaces the plan in use by the one at the path and notes the outcome in the segment. Does nothing
 * where placing has stopped.
 */
void reload_run(const char *path);
void reload_forked(void);

#endif
