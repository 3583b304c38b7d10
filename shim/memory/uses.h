/*
 * uses: counts which threads work on memory of which other threads. Of the samples of next touch (worker/next_touch.h)
 * that lie in a large object or mapping, it counts those of each user by the maker of the memory; and how often memory
 * changes hands between two threads (worker/sharing.h). The survey (worker/survey.h) reports them. One thread at a time; nothing can fail.
 */
#ifndef NODEWISE_SHIM_MEMORY_USES_H
#define NODEWISE_SHIM_MEMORY_USES_H

#include <stdint.h>

#include "shim/telemetry/survey_layout.h"

#define USES_MOST 512u /* pairs; further pairs are not counted */

/* maker and user are tids; 0 means unknown and is not counted. */
void uses_note(uint32_t maker, uint32_t user);
/* Memory has changed hands so often between two threads; always in the same order. */
void uses_shared(uint32_t tid, uint32_t other, uint32_t times);
uint32_t uses_list(const struct survey_use **ret_uses);
void uses_forked(void);

#endif
