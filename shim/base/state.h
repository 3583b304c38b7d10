/*
 * state: what several modules know about the process that the shim lives in. What one module alone keeps is static in
 * its file.
 *
 * Lifetime: zero at load; filled once by shim_start() (start/start.h) before `phase` says ACTIVE; from then on
 * constant except for the atomics, and except in a forked child, where the fork handler rewrites it while only
 * one thread exists. Readers check the phase first (acquire, pairs with the release store in start.c).
 */
#ifndef NODEWISE_SHIM_BASE_STATE_H
#define NODEWISE_SHIM_BASE_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/match.h"
#include "policy/pick.h"
#include "policy/plan.h"
#include "policy/reason.h"

/* Linux can be built for 8192 CPUs; patched kernels go further. The array is bss: unused words cost nothing. */
#define BASE_MASK_WORDS (PLAN_MAX_CPUS / 64u)
/* MAX_NUMNODES is at most 1024 (NODES_SHIFT 10); get_mempolicy(2) refuses smaller buffers than the kernel's. */
#define NODE_WORDS 16u

/*
 * Small variables that every start-up writes lie together on the page that relocation has already made private:
 * spread over .bss between the large arrays, each would cost a page fault of its own.
 */
#define ON_DATA_PAGE __attribute__((section(".data")))

enum phase {
    PHASE_LOADING,  /* nothing decided: the first interposed call or the constructor decides */
    PHASE_STARTING, /* one thread is deciding */
    PHASE_DORMANT,  /* every call is forwarded untouched, for good */
    PHASE_ACTIVE,
    PHASE_PAUSED,  /* the plan is being changed (start/reload.h) */
    PHASE_STOPPED, /* was active; no placing call is made any more */
};

/* What the process had when it was loaded, and what threads without a rule get back. */
struct base_state {
    size_t words;           /* of the kernel's masks on this machine; all masks in the shim have this many */
    bool has_memory_policy; /* get_mempolicy answered */
    int memory_mode;        /* with its MPOL_F_ flags, as the kernel gave it */
    uint64_t memory_nodes[NODE_WORDS];
    uint64_t mask[BASE_MASK_WORDS]; /* last: of its 16 KiB only the beginning becomes a page */
};

struct shim {
    _Atomic uint32_t phase;  /* enum phase */
    _Atomic uint32_t reason; /* enum reason: why dormant or stopped */
    pid_t pid;               /* of the process that this state describes: tells a child of a raw fork */
    uint32_t uid;
    struct plan_view plan;
    const char *plan_path; /* static storage */
    struct process_facts facts;
    struct occupancy occupancy;
    _Atomic uint32_t next_index;              /* creation order of threads */
    _Atomic uint32_t inside;                  /* see shim_enter() */
    _Atomic uint32_t forks;                   /* children that this process and those before it have forked */
    uint64_t start_monotonic, start_realtime; /* ns */
    uint32_t *fork_mark; /* reads 0 in a forked copy of this memory until shim_forked(); NULL: unsupported */
    bool segment_due;    /* a forked child makes its segment with its first thread */
    struct base_state base;
};

extern struct shim shim __attribute__((visibility("hidden")));

static inline bool shim_is_active(void)
{
    /* acquire: pairs with the release in start.c, so that an active shim is seen with all of its state */
    return atomic_load_explicit(&shim.phase, memory_order_acquire) == PHASE_ACTIVE;
}

/* Active, or about to be again. */
static inline bool shim_is_governing(void)
{
    uint32_t phase = atomic_load_explicit(&shim.phase, memory_order_acquire);
    return phase == PHASE_ACTIVE || phase == PHASE_PAUSED;
}

/*
 * Around what reads the plan without owning a thread's record. false: the shim is not active, do without. Signal-safe.
 * seq_cst: the worker, to change the plan, sets the phase and then looks at `inside`; we do it the other way around.
 */
static inline bool shim_enter(void)
{
    atomic_fetch_add(&shim.inside, 1);
    if (atomic_load(&shim.phase) == PHASE_ACTIVE)
        return true;
    atomic_fetch_sub(&shim.inside, 1);
    return false;
}

static inline void shim_leave(void)
{
    atomic_fetch_sub(&shim.inside, 1);
}

static inline bool shim_needs(unsigned feature)
{
    return (shim.plan.header->features & feature) != 0;
}

/* Is this memory a copy that a fork made, and shim_forked() has not run (clone, raw system call)? */
bool shim_was_forked(void);

/* A copy of the text for the life of the process; start-up only. NULL when there is no room left. */
const char *shim_keep(const char *text);

uint64_t monotonic_ns(void);
/* The process begins now, as far as times are told. */
void state_start_clocks(void);

#endif
