/*
 * survey: where the pages of each thread lie: of its blocks, the large objects and mappings that it made, its stack. A
 * sample of SURVEY_PAGES pages, evenly over all of it, asked with move_pages(2), which reads nothing of them and moves
 * nothing; a few ms. Written to PID.pages (telemetry/survey_layout.h). Only on request: nothing is kept for it.
 *
 * From outside it cannot be told whose a page is; the descriptors of the arenas can (arena/moving.h).
 */
#ifndef NODEWISE_SHIM_WORKER_SURVEY_H
#define NODEWISE_SHIM_WORKER_SURVEY_H

#include <stdbool.h>

#define SURVEY_PAGES 32768u

/* One thread at a time; not in signal handlers. false: it could not be written. errno kept. */
bool survey_write(void);

#endif
