/*
 * seen: where the program's accesses find their memory. The sampler (sampler.h) tells what threads are about to access;
 * a moment later the kernel says on which node that page is (move_pages(2) without targets, which moves nothing). An
 * access is local when the page is on the node of the CPU that the thread ran on. The segment gets the sums.
 *
 * Threads are sampled in windows, with pauses between them that may be long, and not all samples are kept. A window
 * stands for what the program has computed since the one before: the accesses of its mean sample, as many times as there
 * were units of CPU time. So the start of a program, which is sampled all the time, counts for no more than its part of
 * the run.
 *
 * A page that is not present yet, or that the kernel's balancing has hidden, is about to be made present by the access
 * that was sampled. It is asked about again a little later, and counts as unknown if that does not help.
 *
 * Only the worker calls these functions, except seen_forked(). The state lives as long as the worker; the sums are the
 * process's. Memory at `self` must be zeroed before the first call.
 */
#ifndef NODEWISE_SHIM_MEMORY_SEEN_H
#define NODEWISE_SHIM_MEMORY_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/base/segment_layout.h"
#include "shim/memory/sampler.h"

#define SEEN_PAGES   128u               /* that are asked about at a time */
#define SEEN_SAMPLES 16u                /* of a look, about; of more than that, every other or third one is used */
#define SEEN_WINDOW  UINT64_C(40000000) /* ns; continuous sampling is cut into windows of this length */
#define SEEN_TRIES   3u
#define SEEN_TIMES   256u /* a window stands for so many like it at most: no single one may outweigh all others */

struct seen_page {
    uintptr_t page;
    uint32_t node; /* of the threads' CPU */
    uint32_t times, weight, samples, tries;
};

struct seen_clock {
    uint64_t now;     /* monotonic ns */
    uint64_t used;    /* the process's CPU time in user mode, in us */
    uint64_t samples; /* of the sampler, ever: with those of instructions that access nothing */
};

struct seen {
    uint32_t count;
    struct seen_page pages[SEEN_PAGES];
    uint32_t stride, met; /* one of so many samples is used; samples since the last look */
    bool uses;            /* the sample whose accesses arrive now is used */
    bool is_open;
    struct seen_clock opened;                                  /* when the window began */
    uint64_t weight, weight_local, served[SEGMENT_SEEN_NODES]; /* of the window */
};

/* The clocks of this moment; without them (a filter) windows count as many samples as they have. */
struct seen_clock seen_now(uint64_t samples);
/* A window begins, unless one is open. */
void seen_open(struct seen *self, const struct seen_clock *clock);
/* An access of a thread that ran on a CPU of the node with this id. Those of one sample come one after the other. */
void seen_note(struct seen *self, const struct seen_access *access, uint32_t node);
/* Asks the kernel where the pages are. Ends the window when it is long enough, and begins the next one. */
void seen_look(struct seen *self, const struct seen_clock *clock);
/* Ends the window. There is no sampling until seen_open(). */
void seen_pause(struct seen *self, const struct seen_clock *clock);
/* For a forked child, which has seen nothing yet. */
void seen_forked(void);

#endif
