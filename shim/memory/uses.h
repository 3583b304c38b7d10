/*
 * uses: who was seen working on whose memory: of the samples of next touch (next_touch.h) that lie in a large object or
 * mapping, how many are of which thread, by the thread that made it. For the survey (survey.h). One thread at a time.
 */
#ifndef NODEWISE_SHIM_MEMORY_USES_H
#define NODEWISE_SHIM_MEMORY_USES_H

#include <stdint.h>

#include "shim/telemetry/survey_layout.h"

#define USES_MOST 512u /* pairs; further ones are not counted */

/* Numbers of threads; 0: unknown, not counted. */
void uses_note(uint32_t maker, uint32_t user);
uint32_t uses_list(const struct survey_use **ret_uses);
void uses_forked(void);

#endif
