/*
 * plan_sweep: plans that no process uses are removed, as each is memory on tmpfs: where a new one was written, the
 * newest unused ones stay for the next start, others go. A plan is used while a process has its path in the environment
 * (its children find it there) or in a segment, or while a command has just handed it out (plan_file_take()).
 */
#ifndef NODEWISE_TOOLS_PREPARE_PLAN_SWEEP_H
#define NODEWISE_TOOLS_PREPARE_PLAN_SWEEP_H

#define PLANS_KEPT   64u         /* that no process uses, in one folder */
#define PLANS_OLD    (24 * 3600) /* seconds: and none that was last used longer ago */
#define PLANS_RECENT 900         /* seconds: none that was used since then is removed */
#define PLANS_MOST   65536u      /* names of a folder, and processes, that are looked at in one sweep */

/* Sweeps the folder in which that plan lies. Says nothing: what cannot be removed, or judged, stays. */
void plan_sweep(const char *plan_path);

#endif
