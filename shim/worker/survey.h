/*
 * survey: tells where the pages of each thread lie: pages of its blocks, of the large objects and mappings that it
 * made, and of its stack. It samples SURVEY_PAGES pages evenly over all of that memory with move_pages(2), which
 * neither reads nor moves them; this takes a few ms. The result goes to PID.pages, or where the
 * segment is in memory to memory (telemetry/survey_layout.h). The
 * survey happens only on request, and nothing is recorded for it in advance.
 *
 * An outside observer cannot tell which thread a page belongs to; the descriptors of the arenas can (arena/moving.h).
 */
#ifndef NODEWISE_SHIM_WORKER_SURVEY_H
#define NODEWISE_SHIM_WORKER_SURVEY_H

#include <stdbool.h>

#define SURVEY_PAGES 32768u

/* Writes the survey. One thread at a time; not in signal handlers. false: there is no room for it. errno kept. */
bool survey_write(void);

#endif
