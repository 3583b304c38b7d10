/*
 * counter: counters of nodewise.h, for nw_report().
 */
#ifndef NODEWISE_SHIM_API_COUNTER_H
#define NODEWISE_SHIM_API_COUNTER_H

#include "shim/nodewise.h"

/* How many are open. Any thread, signal-safe. */
unsigned counter_count(void);

#endif
