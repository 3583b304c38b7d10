/*
 * state: what several modules know about the process that the shim is loaded into. State of a single module is static
 * in its file.
 *
 * Lifetime: zero at load. shim_start() (start/start.h) fills it once, before `phase` becomes ACTIVE. It then stays
 * constant except for the atomics, for a reload (start/reload.h), and for a forked child, where the fork handler
 * rewrites it while only one thread exists. Readers check the phase first; their acquire load pairs with the release
 * store in start/activate.c.
 */
#ifndef NODEWISE_SHIM_BASE_STATE_H
#define NODEWISE_SHIM_BASE_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "policy/match.h"
#include "policy/pick.h"
#include "policy/plan.h"
#include "policy/reason.h"

/* Linux can be built for 8192 CPUs, patched kernels for more. The array is in .bss: unused words cost nothing. */
#define BASE_MASK_WORDS (PLAN_MAX_CPUS / 64u)
/*
 * MAX_NUMNODES is at most 1024 (NODES_SHIFT 10). get_mempolicy(2) refuses buffers smaller than the kernel's own mask.
 */
#define NODE_WORDS 16u
#define SHIM_ROOM  1536u

/*
 * Puts small variables that every start-up writes on the page that relocation has already made private. In .bss they
 * would lie between large arrays and cost a page fault each.
 */
#define ON_DATA_PAGE __attribute__((section(".data")))

enum phase {
    PHASE_LOADING,  /* not decided yet: the first interposed call or the constructor decides */
    PHASE_STARTING, /* one thread is deciding */
    PHASE_DORMANT,  /* the shim forwards every call unchanged, for good */
    PHASE_ACTIVE,
    PHASE_PAUSED,  /* the worker is changing the plan (start/reload.h) */
    PHASE_STOPPED, /* was active; the shim makes no placing call any more */
};

/* The CPUs and memory policy of the process when the shim was loaded. Threads without a rule get them back. */
struct base_state {
    size_t words;           /* size of the kernel's masks on this machine; all masks in the shim have this size */
    bool has_memory_policy; /* get_mempolicy(2) succeeded */
    bool mask_is_chosen;    /* the mask of the start is one that the program before exec, or an ancestor, chose */
    bool memory_is_chosen;  /* the same for the memory policy */
    int memory_mode;        /* with its MPOL_F_ flags, as the kernel returned it */
    uint64_t memory_nodes[NODE_WORDS];
    uint64_t mask[BASE_MASK_WORDS]; /* the last member: only the beginning of its 16 KiB is ever touched */
};

struct shim {
    _Atomic uint32_t phase;  /* enum phase */
    _Atomic uint32_t reason; /* enum reason: why the shim is dormant or stopped */
    pid_t pid;               /* the process that this state describes; it differs in a child of a raw fork */
    uint32_t uid;
    const char *session; /* XDG_RUNTIME_DIR; NULL: not set. See runtime_folder.h */
    struct plan_view plan;
    const char *plan_path; /* static storage */
    struct process_facts facts;
    struct occupancy occupancy;
    _Atomic uint32_t next_index; /* order of creation of the next thread */
    _Atomic uint32_t inside;     /* see shim_enter() */
    _Atomic uint32_t forks;      /* forks so far, by this process and the ancestors that it was forked from */
    uint64_t start_monotonic, start_realtime; /* ns */
    uint32_t *fork_mark; /* reads 0 in a forked copy of this memory until shim_forked() runs; NULL: unsupported */
    _Atomic bool waits;  /* dormant for as long as what a filter permits is unknown (start/filter.h) */
    bool segment_due;    /* a forked child makes its segment together with its first thread */
    /* for what start-up keeps: it lies with the beginning of the mask on one page, and each other page costs a fault */
    size_t room_used;
    _Alignas(void *) char room[SHIM_ROOM];
    struct base_state base;
};

extern struct shim shim __attribute__((visibility("hidden")));

static inline bool shim_is_active(void)
{
    /* acquire: pairs with the release in start/activate.c; a caller that sees ACTIVE sees the complete state */
    return atomic_load_explicit(&shim.phase, memory_order_acquire) == PHASE_ACTIVE;
}

/* Active, or paused during a reload. */
static inline bool shim_is_governing(void)
{
    uint32_t phase = atomic_load_explicit(&shim.phase, memory_order_acquire);
    return phase == PHASE_ACTIVE || phase == PHASE_PAUSED;
}

/*
 * Brackets code that reads the plan without owning a thread record. false: the shim is not active, and the caller does
 * without the plan. Signal-safe. seq_cst: to change the plan, the worker first sets the phase and then reads `inside`;
 * this function first raises `inside` and then reads the phase.
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

/* Is this memory a forked copy for which shim_forked() has not run (clone, raw system call)? */
bool shim_was_forked(void);
/* Is the caller a child of vfork or clone(CLONE_VM), which has this memory but is another process? */
bool shim_is_borrowed(void);

/* Memory for the life of the process, aligned for pointers; little of it. Start-up only. NULL: it is used up. */
void *shim_room(size_t size);
/* Copies the text for the life of the process. Start-up only. NULL when the buffer is full. */
const char *shim_keep(const char *text);

/*
 * clock_gettime(); while the library starts, from the kernel itself where that may be asked. The function may be another
 * library's, whose set-up allocates (faketime's): where the first malloc of that set-up starts this library, it would
 * wait for its own end. Any thread, signal-safe; changes errno.
 */
/* At the end of shim_start(). */
void state_start_is_over(void);
void read_clock(clockid_t clock, struct timespec *ret_now);
uint64_t monotonic_ns(void);
/*
 * From now on monotonic_ns() answers this time. For seccomp's strict mode, in which the processor's time stamp counter
 * may not be read either (PR_SET_TSC, prctl(2)).
 */
void state_stop_clock(uint64_t now);
/* Sets the zero of all reported times to now. At start-up and in a forked child. */
void state_start_clocks(void);

#endif
