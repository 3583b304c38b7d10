/*
 * thread: the shim's record of one thread, and the pool that records live in.
 *
 * A record is taken by the creator, handed to the new thread through pthread_create, and given back when that
 * thread's start routine is over. The thread that changes a record owns `busy`; no thread ever waits for it: work that
 * meets a busy record is left in `work`, and the owner does it before it is done (thread_work). So a signal
 * handler that interrupts an owner, or a namer of another thread, cannot block.
 *
 * The pool is lock-free, never shrinks, allocates nothing until its first 1024 records are in use, and hands out
 * records in a circle for each node, so that ended threads stay readable in the segment for as long as possible.
 */
#ifndef NODEWISE_SHIM_BASE_THREAD_H
#define NODEWISE_SHIM_BASE_THREAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/match.h"
#include "policy/pick.h"
#include "shim/base/segment_layout.h"

struct heap;

/* what the thread's mask, or memory policy, is by our doing */
enum standing {
    STANDING_BASE,
    STANDING_UNION, /* CPU only: main's union mask */
    STANDING_RULE,
    STANDING_PROGRAM, /* the program's own call, or what of it the rule left */
    STANDING_UNKNOWN, /* created by a thread that no hook saw */
};

/* bits of struct thread.work */
enum thread_work {
    WORK_NAME = 1 << 0,   /* new_name was set: match again */
    WORK_CLAIMS = 1 << 1, /* another thread claimed CPUs: compute the mask again */
    WORK_MEMORY = 1 << 2, /* a pending memory policy, by the thread itself */
    WORK_ORDER = 1 << 3,  /* compare places with those of the other threads of the rule; see order.h */
    WORK_END = 1 << 4,    /* the thread is over */
    WORK_MATCH = 1 << 5,  /* what the process is known by has changed: match again */
    WORK_CHECK = 1 << 6,  /* does it still have what it was given? */
};

/* A stack that the C library or the kernel gave; end 0: it is the program's own, or not known. */
struct stack_area {
    uintptr_t end;
    size_t size;
};

struct thread {
    _Atomic uint32_t state;             /* enum segment_thread_state */
    _Atomic uint32_t busy;              /* 1: owned */
    _Atomic uint32_t work;              /* enum thread_work */
    _Atomic uint32_t tid;               /* 0 until the thread has registered */
    _Atomic uint32_t left_tid, left_ms; /* of an ended one: what tid was, and when, after start_monotonic */
    uint32_t number;                    /* in the pool, and of its record in the segment */
    uint32_t index;                     /* creation order in the process */
    uint32_t creator_tid;
    uint32_t early_masks;     /* arbitrate_early() then */
    uint32_t early_adoptions; /* place_adoptions() then */
    uint32_t early_names;     /* place.c's counter when the record was taken */
    uint32_t creator_slot;    /* or PLAN_NONE */
    uint32_t rule;            /* or PLAN_NONE */
    struct pick pick;         /* valid when holds_pick */
    bool holds_pick;
    uint32_t ticket;   /* when the pick was taken, see order.h */
    bool ordered;      /* its first name brought it to its rule */
    bool named_before; /* has been renamed at least once */
    bool main;
    bool mask_by_attribute; /* pthread_attr_setaffinity_np(3) */
    bool given_mask;        /* while it is placed at birth: the program may have given it a mask already */
    bool adopted;           /* no hook saw its birth, and none will see its end */
    bool unnamed;
    uint8_t cpus, memory; /* enum standing: as it is now, at first what was inherited */
    uint8_t flags;        /* enum segment_thread_flag */
    uint8_t cpu_outcome, cpu_reason, memory_outcome, memory_reason, stack_outcome, stack_reason, why;
    bool got_more_nodes;
    uint16_t got_cpus;
    uint16_t got_policy; /* and got_nodes, got_more_nodes: as in struct segment_thread */
    uint64_t got_nodes;
    _Atomic bool rehomes;            /* its heap is to follow it to its new node, arena.h */
    uintptr_t thread_pointer;        /* address of its thread block */
    size_t stack_size;               /* of a stack of glibc's, as asked for; 0: the program's own, or of no interest */
    uint64_t placed_at, measured_at; /* monotonic ns: when it came to its place, when its load was last read */
    uint64_t busy_ns;                /* what schedstat said then */
    uint32_t load;                   /* thousandths, see rebalance.c */
    uint32_t memory_node;            /* the first of the slot's memory nodes */
    uint32_t old_home;               /* while the plan is changed */
    bool reloading;                  /* owned by the worker, which changes the plan */
    uint32_t home_node, born_ms;
    uint16_t start_library, start_function, creator_library, creator_function; /* texts.h */
    uint16_t frames;
    uint16_t stack_library[FACTS_MAX_FRAMES], stack_function[FACTS_MAX_FRAMES];
    char name[16], creator_name[16];
    _Atomic uint64_t new_name[2]; /* 16 bytes of the name to match again with */
    _Atomic uint32_t new_name_tid;
    union {
        void *(*posix)(void *);
        int (*c11)(void *);
    } start;
    void *argument;
    const void *created_by;      /* return address of the creating call */
    _Atomic(struct heap *) heap; /* that it borrowed last, shim/arena/ */
};

/* The calling thread's record, NULL for threads that no hook has seen. initial-exec: safe in signal handlers. */
extern __thread struct thread *thread_self __attribute__((tls_model("initial-exec")));

/* What objects remember of their maker: its tid, or 0; a rule's number in 16 bits, UINT16_MAX for none. */
static inline uint32_t thread_maker(void)
{
    return thread_self ? atomic_load_explicit(&thread_self->tid, memory_order_relaxed) : 0;
}

static inline uint16_t thread_short_rule(uint32_t rule)
{
    return rule < UINT16_MAX ? (uint16_t)rule : UINT16_MAX;
}

/* The kernel's number of the calling thread. */
pid_t thread_own_tid(void);
/* Milliseconds after start_monotonic: the time of a thread's birth and end. */
uint32_t thread_now_ms(void);

/* A record in state STARTING, busy, otherwise cleared; NULL when memory is short. */
struct thread *thread_take(void);
/* Gives an owned record back; state THREAD_FREE (never was a thread) or THREAD_ENDED. */
void thread_give(struct thread *thread, enum segment_thread_state state);
/* The record of a registered, live thread, or NULL. Looks at the newest records first. */
struct thread *thread_find(pid_t tid);
/*
 * The numbers of threads that ended in the last ten seconds: the kernel may have them still, in destructors of their
 * keys or on the way out. Whose record was taken by others since is not among them.
 */
void thread_each_leaving(void (*visit)(uint32_t tid, void *context), void *context);
/* Records that are STARTING or LIVE. */
uint32_t thread_live_count(void);
/* Calls visit for every record that is STARTING or LIVE. */
void thread_each(void (*visit)(struct thread *thread, void *context), void *context);
/* In a forked child: frees all records but `keep` (may be NULL). */
void thread_forget_others(struct thread *keep);

#endif
