/*
 * stale: what processes that were killed left behind. The newest are kept for `report`, the others removed: each is a
 * quarter of a MiB of shared memory.
 */
#ifndef NODEWISE_TOOLS_SEGMENT_STALE_H
#define NODEWISE_TOOLS_SEGMENT_STALE_H

#define STALE_KEPT    64u         /* segments of dead processes */
#define STALE_SECONDS (24 * 3600) /* and none longer than this */

/* Removes this user's own alone. Says nothing: what cannot be removed stays. */
void stale_sweep(void);

#endif
