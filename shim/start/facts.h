/* facts: what [target] and the process keys of `match` look at. Start-up, and after a fork. */
#ifndef NODEWISE_SHIM_START_FACTS_H
#define NODEWISE_SHIM_START_FACTS_H

/* Fills nw_shim.facts with what the plan asks for; texts live in static storage. */
void facts_read(void);
/* In a forked child: forked, and the parent is the process that we were. */
void facts_forked(void);

#endif
